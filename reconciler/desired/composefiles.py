"""Read every compose file of a stack that compose would read, included and extended ones too.

Room 1 (desired); may import model, errors and yamlfile. Nothing outside the stack's folder is opened.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from reconciler import yamlfile
from reconciler.desired.interpolate import Unclear, interpolate
from reconciler.desired.layout import StackLayout
from reconciler.desired.references import Reference, references
from reconciler.errors import InvalidSource
from reconciler.model import Problem, StackFile
from reconciler.yamlfile import YamlFile

Role: TypeAlias = Literal["main", "extends", "include"]

_COMPOSE_SETS = re.compile(r"(?:COMPOSE|DOCKER|BUILDX)_|(?:PATH|PWD|HOME|GIT_DIR)$")
"""Variables that compose gets from us, or gives itself, though no file sets them."""


@dataclass(frozen=True, slots=True)
class ComposeFile:
    """One compose file: its `path` in the stack's folder, and the folder `base` its own paths start from ("" = the stack's).

    `role` is `main`, `extends` or `include`. Of an included file's variables we know only some: it may bring an `.env` of
    its own, so any other makes a text unclear.
    """

    path: str
    base: str
    role: Role
    yaml: YamlFile
    references: tuple[Reference, ...]
    variables: Mapping[str, str]

    def resolve(self, reference: Reference) -> str:
        """Return the path that compose makes of a reference: absolute, or from the stack's folder. Raises Unclear."""
        text, below = self.text(reference.text), self.text(reference.below)
        return posixpath.normpath(posixpath.join(self.base, below, text)) if text else ""

    def text(self, text: str) -> str:
        """Resolve the variables of a text. Raises Unclear, also where compose's own reading depends on its version."""
        if "$" in text and "\n" in text:
            raise Unclear(text)
        return interpolate(text, self._lookup)

    def _lookup(self, name: str) -> str | None:
        if name not in self.variables and (self.role == "include" or _COMPOSE_SETS.match(name)):
            raise Unclear(name)
        return self.variables.get(name)


@dataclass(frozen=True, slots=True)
class Reading:
    """All compose files, those read first first (what is included stands before what includes it), and what is wrong."""

    files: tuple[ComposeFile, ...]
    problems: tuple[Problem, ...]

    def find(self, path: str) -> ComposeFile | None:
        """Find a file by its path in the stack's folder."""
        return next((file for file in self.files if file.path == path), None)


def content(file: StackFile) -> bytes:
    """Read an effective file."""
    if file.content is not None:
        return file.content
    assert file.staged is not None
    return Path(file.staged).read_bytes()


def outside(path: str) -> bool:
    """Say whether a resolved path leaves the stack's folder."""
    return path.startswith(("/", "~", "../")) or path == ".."


def read_compose_files(layout: StackLayout) -> Reading:
    """Read the compose files of a stack and all that they include or extend in its folder."""
    walk = _Walk(layout)
    files = [file for path in layout.compose_files for file in walk.read(path, "", "main")]
    return Reading(tuple(files), tuple(walk.problems))


class _Walk:
    def __init__(self, layout: StackLayout) -> None:
        self._layout = layout
        self._seen: set[tuple[str, str, Role]] = set()
        self.problems: list[Problem] = []

    def read(self, path: str, base: str, role: Role) -> Iterator[ComposeFile]:
        stored = self._layout.by_path.get(path)
        if stored is None or (path, base, role) in self._seen:
            return
        self._seen.add((path, base, role))
        try:
            outline = yamlfile.outline(content(stored), stored.origin)
        except InvalidSource as error:
            self.problems.append(error.problem(f"stack/{self._layout.name}"))
            return
        file = ComposeFile(path, base, role, outline, tuple(references(outline.value)), self._layout.variables)
        yield from self._others(file)
        yield file

    def _others(self, file: ComposeFile) -> Iterator[ComposeFile]:
        for reference in file.references:
            if reference.kind not in ("include", "extends"):
                continue
            try:
                path = file.resolve(reference)
            except Unclear:
                continue
            if reference.kind == "extends":
                yield from self.read(path, posixpath.dirname(path), "include" if file.role == "include" else "extends")
            else:
                yield from self.read(path, self._base(file, reference, path), "include")

    def _base(self, file: ComposeFile, reference: Reference, path: str) -> str:
        """Give the folder an included file's paths start from: the named one, else that of the first file of its entry."""
        entry = [other for other in file.references if other.at[:2] == reference.at[:2]]
        try:
            named = [file.resolve(other) for other in entry if other.kind == "project"]
            first = [file.resolve(other) for other in entry if other.kind == "include"]
        except Unclear:
            return posixpath.dirname(path)
        return (*named, *(posixpath.dirname(other) for other in first))[0]
