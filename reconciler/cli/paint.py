"""Colours for a terminal: plans and statuses as rich renderables.

Face; imports rich and the layout of statusview.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.table import Table
from rich.text import Text

from reconciler.cli.statusview import PROSE, Block, Cell, Row, blocks
from reconciler.model import Document

TONES: Mapping[str, str] = {
    "good": "green", "bad": "bold red", "odd": "yellow", "head": "dim", "name": "bold", "dim": "dim", "": "",
}  # fmt: skip
GLYPHS: Mapping[str, str] = {
    "+": "green", "-": "red", "~": "yellow", "±": "yellow", "↑": "green", "↻": "yellow", "■": "red", "↓": "cyan",
    "!": "bold red", "·": "dim", "?": "magenta",
}  # fmt: skip
"""By what a line of the plan's text begins with."""
UNITS = ((86400, "d"), (3600, "h"), (60, "min"))
_INDENT = 6
"""Columns by which the rest of a line that is too long for the terminal stands further in."""
_READABLE = 40
"""Columns below which a last cell that does not fit gets a line of its own."""


def paint_plan(text: str) -> Group:
    """Colour the lines of a plan by the glyph they begin with."""
    return Group(*(Hanging(Text(line, GLYPHS.get(line.lstrip()[:1], ""))) for line in text.splitlines()))


@dataclass(frozen=True, slots=True)
class Hanging:
    """A line that goes on further in where the terminal is too narrow; it is broken between words."""

    line: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        lead = len(self.line.plain) - len(self.line.plain.lstrip())
        yield from _hung(console, Text(), self.line, lead + _INDENT, options.max_width)


@dataclass(frozen=True, slots=True)
class Reasons:
    """A table whose last column is prose: it is wrapped in its column, or beneath its row where that is narrow."""

    block: Block

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        widths = [max(cell_len(row[column].text) for row in self.block) for column in range(len(self.block[0]) - 1)]
        start = sum(widths) + 2 * len(widths)
        for row in self.block:
            lead, last = _padded(row, widths), _text(row[-1])
            if last and start + last.cell_len > options.max_width < start + _READABLE:
                yield from _hung(console, lead, Text(), _INDENT, options.max_width)
                lead, last = Text(), Text("  ") + last
            yield from _hung(console, lead, last, start if lead and last else _INDENT, options.max_width)


def _padded(row: Row, widths: list[int]) -> Text:
    cells = zip(row, widths, strict=False)
    return Text().join(_text(cell) + Text(" " * (width - cell_len(cell.text) + 2)) for cell, width in cells)


def _hung(console: Console, lead: Text, text: Text, indent: int, width: int) -> Iterator[Text]:
    """Put `text` after `lead`; what is too long goes on in the column `indent`. All in terminal columns."""
    whole = lead + text
    whole.rstrip()
    if whole.cell_len <= width or width <= indent + 10:
        yield whole
        return
    first = whole.wrap(console, width)[0]
    left = whole[len(first.plain) :]
    left = left[len(left.plain) - len(left.plain.lstrip()) :]
    for line in [first, *(Text(" " * indent) + line for line in left.wrap(console, width - indent))]:
        line.rstrip()
        yield line


def paint_status(document: Document, now: datetime | None = None) -> Group:
    """Draw a status as tables."""
    moment = now or datetime.now(UTC)
    parts: list[RenderableType] = []
    for block in blocks(document, when=lambda since: ago(since, moment)):
        parts += [Text(), _drawn(block)] if parts else [_drawn(block)]
    return Group(*parts)


def ago(since: str, now: datetime) -> str:
    """Say a point of time as people do; what is no time comes back as it is."""
    try:
        seconds = (now - datetime.fromisoformat(since)).total_seconds()
    except (TypeError, ValueError):
        return since
    amount = next((f"{int(abs(seconds) // size)} {unit}" for size, unit in UNITS if abs(seconds) >= size), None)
    if amount is None:
        return "now"
    return f"{amount} ago" if seconds > 0 else f"in {amount}"


def _drawn(block: Block) -> RenderableType:
    if all(len(row) == 1 for row in block):
        return Group(*(Hanging(_text(row[0])) for row in block))
    if block[0][-1].text == PROSE:
        return Reasons(block)
    table = Table.grid(padding=(0, 2))
    for column in range(len(block[0])):
        table.add_column(no_wrap=column == 0, overflow="fold")
    for row in block:
        table.add_row(*map(_text, row))
    return table


def _text(cell: Cell) -> Text:
    return Text(cell.text, style=TONES[cell.tone])
