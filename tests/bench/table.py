"""Rows of the result, printed as a plain aligned table with the causes below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field

from tests.bench.clock import Cost, Duel, medians

_HEAD = ("measure", "ours", "compose loop", "value", "target", "")


@dataclass(frozen=True, slots=True)
class Row:
    """One measure: `value` must not exceed `limit`; both are seconds, or with `rounds` or `relative` a ratio.

    `amount` is a value of its own, in `unit`.

    What only `computes` is judged by its processor time: it waits for nothing but for other people's work on the machine.

    `ours` are medians, as are those taken from `rounds`. `parts` say where our time goes, in seconds; `notes` what else must
    be known to judge the number.
    """

    name: str
    measure: str
    limit: float
    ours: Cost
    rounds: Duel | None = None
    relative: float | None = None
    amount: float | None = None
    unit: str = "s"
    computes: bool = False
    said: str = ""
    parts: Mapping[str, float] = field(default_factory=dict)
    notes: Sequence[str] = ()

    @property
    def value(self) -> float:
        if self.amount is not None:
            return self.amount
        if self.rounds is not None:
            return self.rounds.ratio
        if self.relative is not None:
            return self.relative
        return self.ours.cpu if self.computes else self.ours.wall

    @property
    def met(self) -> bool:
        return self.value <= self.limit

    def document(self) -> dict[str, object]:
        """Return the row for programs."""
        return {
            "name": self.name,
            "measure": self.measure,
            "ours": asdict(self.ours),
            "rounds": asdict(self.rounds) if self.rounds else None,
            "value": self.value,
            "limit": self.limit,
            "unit": self.unit if self.amount is not None else None,
            "met": self.met,
            "parts": dict(self.parts),
            "notes": list(self.notes),
        }


def table(rows: Sequence[Row]) -> str:
    """Return the table, and below it for each row where the time goes and what was missed."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*text, "", *(line for row in rows for line in _below(row))])


def _cells(row: Row) -> tuple[str, ...]:
    is_ratio = row.amount is None and (row.rounds is not None or row.relative is not None)
    value = "" if row.amount is None and not is_ratio else f"{row.value:.2f}"
    unit = "" if is_ratio else f" {row.unit}"
    return (
        row.measure,
        row.said or _cost(row.ours),
        _cost(medians(row.rounds.loop)) if row.rounds else "",
        value + (unit if value else ""),
        f"≤ {row.limit:g}{unit}",
        "met" if row.met else "MISSED",
    )


def _cost(cost: Cost) -> str:
    return f"{cost.wall:.2f} s (cpu {cost.cpu:.2f})"


def _below(row: Row) -> list[str]:
    parts = ", ".join(f"{name} {seconds:.2f}" for name, seconds in row.parts.items())
    word = "goes to" if row.met else "missed; goes to"
    return [*([f"{row.name}: {word} {parts} s"] if parts else ()), *(f"{row.name}: {note}" for note in row.notes)]
