"""Colours for a terminal: plans and statuses as rich renderables.

Face; imports rich and the layout of statusview.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from reconciler.cli.statusview import Block, Cell, blocks
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


def paint_plan(text: str) -> Text:
    """Colour the lines of a plan by the glyph they begin with."""
    painted = Text()
    for line in text.splitlines():
        painted.append(line + "\n", style=GLYPHS.get(line.lstrip()[:1], ""))
    painted.right_crop(1)
    return painted


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
        return Group(*(_text(row[0]) for row in block))
    table = Table.grid(padding=(0, 2))
    for row in block:
        table.add_row(*map(_text, row))
    return table


def _text(cell: Cell) -> Text:
    return Text(cell.text, style=TONES[cell.tone])
