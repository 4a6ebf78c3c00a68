"""What a stack's effective folder holds before anything is rendered: layered files and merged variables.

Room 1 (desired); may import model and errors. `tree.py`, `layers.py` and `variables.py` make a `StackLayout`;
`checks.py` and `render.py` read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from reconciler.model import Position, StackFile, StackSettings

_TELLING = 16
"""Characters from which on a single line of a secret is hidden too, not only the whole."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """One variable as a file sets it: its value with references resolved, and where that stands.

    `position` is None for what does not come from git (`env_dir`); `secret` marks those values.
    """

    name: str
    value: str
    position: Position | None = None
    secret: bool = False


@dataclass(frozen=True)
class StackLayout:
    """One stack of this device, layered and merged, not yet checked or rendered.

    `folder` is the stable path and `env_file` the absolute path of the effective variables; neither need exist yet.
    `files` are the effective folder's regular files, sorted by path (stack.yaml is not among them). `links` are symbolic
    links and submodules of the folder: never opened, to be refused. `compose_files` are paths of `files`: the base file,
    then one override per layer in layer order. The first override keeps its own name, those of later layers are
    `compose.override.role-<role>.yaml` and `compose.override.device.yaml`.
    `assignments` holds every interpolation variable in the order of precedence (later wins), among them those from
    `env_dir`; `variables` is their outcome. `profiles` are stack.yaml's and those of COMPOSE_PROFILES. `former` are values
    that came from `env_dir` when the variables were last written: what runs may hold them still.
    """

    name: str
    folder: str
    settings: StackSettings
    files: tuple[StackFile, ...]
    compose_files: tuple[str, ...]
    env_file: str
    assignments: tuple[Assignment, ...] = ()
    links: tuple[StackFile, ...] = ()
    profiles: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    former: frozenset[str] = frozenset()

    @cached_property
    def by_path(self) -> Mapping[str, StackFile]:
        """Find an effective file by its path in the folder."""
        return {file.path: file for file in self.files}

    @property
    def secrets(self) -> frozenset[str]:
        """Name the values that come from the device's own `env_dir`, or did, and their telling lines."""
        values = self.former.union(a.value for a in self.assignments if a.secret and a.value)
        return values.union(*map(telling_lines, values))

    def origin(self, path: str) -> str:
        """Say which repository path stands behind an effective file; an unknown path comes back as it is."""
        file = self.by_path.get(path)
        return file.origin if file else path

    def position(self, path: str, line: int | None = None) -> Position:
        """Turn a place in an effective file into a place in the repository."""
        return Position(self.origin(path), line)


def telling_lines(secret: str) -> Iterator[str]:
    """Yield the lines of a secret that are secret by themselves: whoever prints it is read line by line."""
    return (line for part in secret.splitlines() if len(line := part.strip()) >= _TELLING)
