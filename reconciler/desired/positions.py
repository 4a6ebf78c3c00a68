"""Say where in the repository a service's keys stand.

Room 1 (desired); may import model. For messages only; where several files set a key, the last one counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.desired.composefiles import ComposeFile, Reading
from reconciler.desired.interpolate import Unclear
from reconciler.desired.layout import StackLayout
from reconciler.desired.shapes import get
from reconciler.model import Json, Position

_DEEPEST = 16


class Positions:
    """Positions of one stack's rendered things."""

    def __init__(self, layout: StackLayout, reading: Reading) -> None:
        self._layout = layout
        self._reading = reading
        self._own = tuple(file for file in reading.files if file.role != "extends")

    def service(self, name: str) -> dict[str, Position]:
        """Return the positions of a service's keys; the key "" is where the service itself begins."""
        found: dict[str, Position] = {}
        for file in self._own:
            for place, key in self._keys(file, name, 0):
                if key or key not in found:
                    found[key] = place
        return found

    def at(self, *path: str) -> Position | None:
        """Return where a path stands in the last file that has it."""
        for file in reversed(self._own):
            if path in file.yaml.lines:
                return self._place(file, path)
        return None

    def _keys(self, file: ComposeFile, name: str, depth: int) -> Iterator[tuple[Position, str]]:
        service = get(get(file.yaml.value, "services"), name)
        if not isinstance(service, Mapping):
            return
        yield self._place(file, ("services", name)), ""
        yield from self._extended(file, service.get("extends"), depth)
        for key in service:
            yield self._place(file, ("services", name, key)), key

    def _extended(self, file: ComposeFile, extends: Json, depth: int) -> Iterator[tuple[Position, str]]:
        base = extends if isinstance(extends, str) else get(extends, "service")
        other = self._file(file, get(extends, "file"))
        if isinstance(base, str) and other is not None and depth < _DEEPEST:
            yield from ((place, key) for place, key in self._keys(other, base, depth + 1) if key)

    def _file(self, file: ComposeFile, named: Json) -> ComposeFile | None:
        if not isinstance(named, str):
            return file
        try:
            paths = {file.resolve(item) for item in file.references if item.kind == "extends" and item.text == named}
        except Unclear:
            return None
        return next((found for path in paths if (found := self._reading.find(path))), None)

    def _place(self, file: ComposeFile, path: tuple[str, ...]) -> Position:
        return self._layout.position(file.path, file.yaml.line(*path))
