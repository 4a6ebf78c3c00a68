"""Put one stack together for this device: its layered folder, its settings, its variables.

Room 1 (desired); may import the room's layers, variables and schema, yamlfile, errors and model.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler import yamlfile
from reconciler.desired.composefiles import content
from reconciler.desired.dotenv import read_env
from reconciler.desired.layers import Index, Layer, Layered, layer_stack
from reconciler.desired.layout import Assignment, StackLayout
from reconciler.desired.schema import DeviceFile, stack_settings
from reconciler.desired.tree import Tree, blob_id
from reconciler.desired.variables import EnvSource, Source, gather, merged_env, outcome
from reconciler.errors import InvalidSource
from reconciler.model import Position, Problem, StackFile, StackSettings


@dataclass(frozen=True, slots=True)
class Place:
    """The device a stack is put together for, and where its things go there."""

    device: str
    roles: tuple[str, ...]
    stacks_dir: Path
    state_dir: Path
    env_dir: Path | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A stack before it is checked and rendered: what is known of it, and what is wrong so far.

    `renders` is whether compose may be asked all the same, since its layers and variables are what they should be.
    """

    layout: StackLayout
    problems: tuple[Problem, ...] = ()
    renders: bool = False


@dataclass(frozen=True, slots=True)
class Assembler:
    """Make drafts out of the layers of one device."""

    tree: Tree
    found: Index
    place: Place
    device: DeviceFile

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Return the layers of this device, the last one wins; roles without a folder are simply empty."""
        roles = (Layer("role", role) for role in dict.fromkeys(self.place.roles))
        return (Layer("common"), *roles, Layer("device", self.place.device))

    def draft(self, name: str) -> Draft | None:
        """Return a stack as far as it can be put together, None when it is not for this device."""
        layered = layer_stack(name, self.tree, self.found, self.layers)
        settings, problems = self._settings(name, layered)
        if not self._wanted(settings):
            return None
        if not (layered.compose_files or layered.links or layered.problems):
            return None if name in self.found.names() else self._baseless(name, layered)
        layout = StackLayout(
            name=name,
            folder=str(self.place.stacks_dir / name),
            settings=settings,
            files=layered.files,
            links=layered.links,
            compose_files=layered.compose_files,
            env_file=str(self.place.state_dir / "env" / f"{name}.env"),
        )
        problems = (*layered.problems, *problems)
        try:
            return Draft(self._with_variables(layout, layered), problems, renders=not layered.problems)
        except InvalidSource as error:
            return Draft(layout, (*problems, error.problem(f"stack/{name}")))

    def _settings(self, name: str, layered: Layered) -> tuple[StackSettings, tuple[Problem, ...]]:
        parsed: list[yamlfile.YamlFile] = []
        problems: list[Problem] = []
        for entry in layered.settings:
            try:
                parsed.append(yamlfile.load(self.tree.read(entry), self.tree.origin(entry.path)))
            except InvalidSource as error:
                problems.append(error.problem(f"stack/{name}"))
        settings = stack_settings(name, parsed)
        if isinstance(settings, tuple):
            return StackSettings(), (*problems, *settings)
        return settings, tuple(problems)

    def _wanted(self, settings: StackSettings) -> bool:
        return settings.where is None or bool({self.place.device, *self.place.roles} & {*settings.where})

    def _baseless(self, name: str, layered: Layered) -> Draft | None:
        """Complain about a stack folder without a compose file, if it is clearly meant to be one."""
        meant = [entry.path for entry in layered.settings] + [
            file.origin for file in layered.files if "override" in file.path
        ]
        if not meant:
            return None
        layout = StackLayout(name, str(self.place.stacks_dir / name), StackSettings(), (), (), "")
        return Draft(
            layout, (Problem(f"stack/{name}", "InvalidSource", "compose-file-absent", {"stack": name}, meant[0]),)
        )

    # ── variables ────────────────────────────────────────────────────────────────────────────────

    def _with_variables(self, layout: StackLayout, layered: Layered) -> StackLayout:
        sources = tuple(self._sources(layout, layered))
        assignments = gather(sources)
        variables = dict(outcome(assignments))
        extra = [name.strip() for name in variables.pop("COMPOSE_PROFILES", "").split(",")]
        profiles = dict.fromkeys([*layout.settings.profiles, *(name for name in extra if name)])
        files = layout.files
        if len(layered.dotenvs) > 1:
            files = _with_merged_env(files, merged_env(sources))
        former = _former_secrets(Path(layout.env_file), assignments)
        return replace(
            layout, files=files, assignments=assignments, variables=variables, profiles=tuple(profiles), former=former
        )

    def _sources(self, layout: StackLayout, layered: Layered) -> Iterator[Source]:
        """Yield what sets variables, in the order of formats.md §1."""
        yield from self._dotenvs(layered, "common")
        for number, path in enumerate(layout.settings.env_files):
            yield _env_file(layout, path, layout.settings.positions.get(f"env_files.{number}"))
        yield from self._dotenvs(layered, "role")
        yield tuple(
            Assignment(name, value, self.device.positions.get(name)) for name, value in self.device.variables.items()
        )
        yield from self._dotenvs(layered, "device")
        yield from self._own(layout.name)

    def _dotenvs(self, layered: Layered, kind: str) -> Iterator[EnvSource]:
        for layer, entry in layered.dotenvs:
            if layer.kind == kind:
                yield EnvSource(self.tree.read(entry), self.tree.origin(entry.path), merged=True)

    def _own(self, name: str) -> Iterator[EnvSource]:
        """Yield root's own variables on the device."""
        if self.place.env_dir is None:
            return
        file = self.place.env_dir / f"{name}.env"
        try:
            yield EnvSource(file.read_bytes(), str(file), secret=True)
        except FileNotFoundError:
            return
        except OSError as error:
            raise InvalidSource("file-unreadable", file=str(file), words=error.strerror or "") from None


def _env_file(layout: StackLayout, path: str, position: Position | None) -> EnvSource:
    where = position or Position("stack.yaml")
    file = layout.by_path.get(posixpath.normpath(path))
    if file is None:
        raise InvalidSource("env-file-absent", file=where.file, line=where.line, path=path, stack=layout.name)
    return EnvSource(content(file), file.origin)


def _former_secrets(env_file: Path, assignments: Sequence[Assignment]) -> frozenset[str]:
    """Return the values in a stack's env file, as it was last written, that git does not set."""
    by_git = {item.name for item in assignments} - {item.name for item in assignments if item.secret}
    try:
        known = read_env(env_file.read_bytes(), str(env_file), {})
    except (OSError, InvalidSource):
        return frozenset()
    return frozenset(line.value for line in known if line.value and line.name not in by_git)


def _with_merged_env(files: Sequence[StackFile], text: bytes) -> tuple[StackFile, ...]:
    return tuple(
        StackFile(file.path, blob_id(text), file.origin, content=text) if file.path == ".env" else file
        for file in files
    )
