"""The table that `apply` keeps up to date on a terminal, one row per stack.

Face; imports model and rich.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from reconciler.cli.inert import inert
from reconciler.cli.progress import GLYPHS, STYLES, Progress, Row, count, seconds, step_text
from reconciler.model import GOOD, Outcome, StackOutcome, Step


class LiveTable(Progress):
    """Show every stack that is being worked on; a listener of the pipeline, and a context for its lines."""

    def __init__(self, console: Console) -> None:
        self._rows: dict[str, Row] = {}
        self._lock = threading.Lock()
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(console=console, get_renderable=self.render, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def step(self, step: Step) -> None:
        self._change(
            step.stack, lambda row: replace(row, doing=step_text(step), line="").marked(step.actions, "working")
        )

    def outcome(self, outcome: Outcome) -> None:
        name = outcome.action.stack or "daemon"
        self._change(name, lambda row: row.marked((outcome.action,), "done" if outcome.ok else "failed"))

    def settled(self, outcome: StackOutcome) -> None:
        self._change(outcome.stack, lambda row: replace(row, outcome=outcome, line=""))

    def output(self, stack: str, line: str) -> None:
        self._change(stack, lambda row: replace(row, line=inert(line.strip())))

    def render(self) -> Table:
        """Draw the rows as they are now."""
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True)
        table.add_column(no_wrap=True, style="bold")
        table.add_column(overflow="fold")
        table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        with self._lock:
            rows = sorted(self._rows.items())
        for name, row in rows:
            table.add_row(self._sign(row), Text(inert(name)), _services(row), _doing(row))
        return table

    def _sign(self, row: Row) -> Text | Spinner:
        if row.outcome is None:
            return self._spinner
        return Text("✓", style="green") if row.outcome.result in GOOD else Text("✗", style="bold red")

    def _change(self, stack: str, change: Callable[[Row], Row]) -> None:
        with self._lock:
            self._rows[stack] = change(self._rows.get(stack, Row()))


def _services(row: Row) -> Text:
    parts = [Text(f"{GLYPHS[mark]}{inert(name)}", style=STYLES[mark]) for name, mark in row.services.items()]
    return Text(" ").join(parts)


def _doing(row: Row) -> Text:
    if row.outcome is not None:
        return Text(f"{row.outcome.result}  {seconds(row.outcome.seconds)}", style="dim")
    return Text(row.doing) + Text(f"  {row.line}" if row.line else "", style="dim")


def summary_table(outcomes: Sequence[StackOutcome]) -> Table:
    """Draw how each stack ended."""
    table = Table.grid(padding=(0, 2))
    for outcome in sorted(outcomes, key=lambda each: each.stack):
        done = sum(each.ok for each in outcome.outcomes)
        share = count(done, "action") if done == len(outcome.outcomes) else f"{done} of {len(outcome.outcomes)} actions"
        share = share if outcome.outcomes else ""
        style = "green" if outcome.result in GOOD else "bold red"
        sign, name = Text("✓" if outcome.result in GOOD else "✗", style=style), Text(inert(outcome.stack), style="bold")
        table.add_row(
            sign, name, Text(outcome.result, style=style), Text(share), Text(seconds(outcome.seconds), style="dim")
        )
    return table
