"""Lay a stack's folders over each other, file by file, the last layer wins.

Room 1 (desired); may import tree and model.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from reconciler.desired.tree import Entry, Tree
from reconciler.model import Problem, StackFile

BASES = ("compose.yaml", "compose.yml", "docker-compose.yaml", "docker-compose.yml")
OVERRIDES = (
    "compose.override.yaml", "compose.override.yml", "docker-compose.override.yaml", "docker-compose.override.yml",
)  # fmt: skip
LONGEST_NAME = 128
"""Bytes of a stack's name: names of files that hold it (its lock, its kept renderings) must fit the file system."""
_MISNAMED = {"stack.yml": "stack.yaml", "device.yml": "device.yaml", "fleet.yml": "fleet.yaml"}


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the repository; `folder` is "", `roles/<role>/` or `devices/<device>/`."""

    kind: Literal["common", "role", "device"]
    name: str = ""

    @property
    def folder(self) -> str:
        """Return where the layer begins in the tree."""
        return "" if self.kind == "common" else f"{self.kind}s/{self.name}/"

    @property
    def override(self) -> str:
        """Return the name of this layer's override file where an earlier layer has one too."""
        return "compose.override.device.yaml" if self.kind == "device" else f"compose.override.role-{self.name}.yaml"


@dataclass(frozen=True, slots=True)
class Index:
    """The tree in one pass: `stacks` by layer folder and stack, with paths inside the stack; all else in `others`."""

    stacks: Mapping[str, Mapping[str, Sequence[tuple[str, Entry]]]]
    others: Mapping[str, Entry]

    def names(self) -> frozenset[str]:
        """Return every stack that any layer holds: a folder with a compose file (or a link instead of the folder)."""
        return frozenset(
            name
            for layer in self.stacks.values()
            for name, files in layer.items()
            if any(path in BASES or not path for path, _ in files)
        )

    def folders(self) -> Sequence[str]:
        """Return every stack folder of any layer, sorted."""
        return sorted({name for layer in self.stacks.values() for name in layer})

    def has_folder(self, folder: str) -> bool:
        """Say whether anything stands below a layer's folder."""
        return folder in self.stacks or any(path.startswith(folder) for path in self.others)


def index(tree: Tree) -> Index:
    """Sort every entry of a tree into its layer and stack."""
    stacks: dict[str, dict[str, list[tuple[str, Entry]]]] = defaultdict(lambda: defaultdict(list))
    others: dict[str, Entry] = {}
    for entry in tree.entries:
        parts = entry.path.split("/", 4)
        depth = 2 if parts[0] in ("roles", "devices") else 0
        if len(parts) < depth + 2 or parts[depth] != "stacks" or _plain_file(entry, parts, depth):
            others[entry.path] = entry
            continue
        layer = "".join(f"{part}/" for part in parts[:depth])
        inside = entry.path[len(layer) + len("stacks/") + len(parts[depth + 1]) :].lstrip("/")
        stacks[layer][parts[depth + 1]].append((inside, entry))
    return Index(stacks, others)


def _plain_file(entry: Entry, parts: Sequence[str], depth: int) -> bool:
    """Say whether this lies beside the stack folders: a README, say. A link there stands for a stack."""
    return len(parts) == depth + 2 and entry.kind in ("file", "executable")


@dataclass(frozen=True, slots=True)
class Layered:
    """A stack's folder after layering. `dotenvs` and `settings` are the layers' `.env` and stack.yaml, in layer order."""

    files: tuple[StackFile, ...]
    links: tuple[StackFile, ...]
    compose_files: tuple[str, ...]
    dotenvs: tuple[tuple[Layer, Entry], ...]
    settings: tuple[Entry, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Folder:
    """A stack's folder while layers are laid on it."""

    stack: str
    tree: Tree
    entries: dict[str, Entry] = field(default_factory=dict)
    base: str | None = None
    overrides: list[str] = field(default_factory=list)
    dotenvs: list[tuple[Layer, Entry]] = field(default_factory=list)
    settings: list[Entry] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def check_name(self) -> None:
        if len(self.stack.encode()) > LONGEST_NAME:
            self._problem("folder-name-long", f"stacks/{self.stack}", most=str(LONGEST_NAME))

    def lay(self, layer: Layer, files: Sequence[tuple[str, Entry]]) -> None:
        self._base(files)
        overrides = self._one_of(OVERRIDES, files)
        for path, entry in files:
            if entry.kind == "odd-name":
                self._problem("file-name-odd", entry.path, name=entry.path)
            elif path in OVERRIDES and entry.kind != "link":
                if path == overrides:
                    self._override(layer, path, entry)
            elif path == "stack.yaml" and entry.kind != "link":
                self.settings.append(entry)
            else:
                self._put(layer, path, entry)

    def _base(self, files: Sequence[tuple[str, Entry]]) -> None:
        """Let a layer's base file take the place of the one below, whatever its spelling."""
        base = self._one_of(BASES, files)
        if base and self.base:
            self.entries.pop(self.base, None)
        self.base = base or self.base

    def _one_of(self, names: Sequence[str], files: Sequence[tuple[str, Entry]]) -> str | None:
        found = [(path, entry) for path, entry in files if path in names]
        if len(found) > 1:
            both = [self.tree.origin(entry.path) for _, entry in found]
            self._problem("compose-file-twice", found[0][1].path, one=both[0], other=both[1])
        return found[0][0] if found else None

    def _override(self, layer: Layer, path: str, entry: Entry) -> None:
        name = layer.override if self.overrides else path
        if name in self.entries:
            self._problem("override-name-taken", self.entries[name].path, name=name)
        self._put(layer, name, entry)
        self.overrides.append(name)

    def _put(self, layer: Layer, path: str, entry: Entry) -> None:
        if path in _MISNAMED:
            self._problem("file-misnamed", entry.path, name=path, right=_MISNAMED[path])
        if path == ".env" and entry.kind != "link":
            self.dotenvs.append((layer, entry))
        self._make_way(path)
        self.entries[path] = entry

    def _make_way(self, path: str) -> None:
        """Let a file replace a folder of an earlier layer, and the other way round."""
        parts = path.split("/")
        for end in range(1, len(parts)):
            self.entries.pop("/".join(parts[:end]), None)
        for below in [known for known in self.entries if known.startswith(f"{path}/")]:
            del self.entries[below]

    def _problem(self, code: str, path: str, **args: str) -> None:
        where = self.tree.origin(path)
        self.problems.append(
            Problem(f"stack/{self.stack}", "InvalidSource", code, {"stack": self.stack, **args}, where)
        )


def layer_stack(stack: str, tree: Tree, found: Index, layers: Sequence[Layer]) -> Layered:
    """Lay the folders of a stack over each other in the order of the layers."""
    folder = _Folder(stack, tree)
    folder.check_name()
    for layer in layers:
        folder.lay(layer, found.stacks.get(layer.folder, {}).get(stack, ()))
    items = [_stack_file(tree, path, entry) for path, entry in sorted(folder.entries.items())]
    regular = {path for path, entry in folder.entries.items() if entry.kind in ("file", "executable")}
    compose_files = [folder.base, *folder.overrides] if folder.base else []
    return Layered(
        files=tuple(item for item in items if item.path in regular),
        links=tuple(item for item in items if item.path not in regular),
        compose_files=tuple(path for path in compose_files if path in regular),
        dotenvs=tuple(folder.dotenvs),
        settings=tuple(folder.settings),
        problems=tuple(folder.problems),
    )


def _stack_file(tree: Tree, path: str, entry: Entry) -> StackFile:
    return StackFile(path, entry.digest, tree.origin(entry.path), entry.kind == "executable", tree.staged(entry))


def structure_problems(tree: Tree, found: Index) -> Iterator[Problem]:
    """Yield what is wrong with the shape of the repository itself: links where folders belong, misnamed files."""
    for path, entry in found.others.items():
        parts = path.split("/")
        place = tree.position(path)
        if parts[0] in ("stacks", "roles", "devices") and len(parts) <= 3 and entry.kind in ("link", "submodule"):
            yield Problem("source", "InvalidSource", "structure-link", {"path": place.file}, place.file)
        elif parts[-1] in _MISNAMED and (len(parts) == 1 or (parts[0] == "devices" and len(parts) == 3)):
            args = {"name": place.file, "right": _MISNAMED[parts[-1]]}
            yield Problem("source", "InvalidSource", "file-misnamed", args, place.file)
