"""Many who follow the passes, told as one.

Loop; may import pipeline and model.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from reconciler.errors import ReconcilerError
from reconciler.model import Outcome, Plan, SourceState, StackOutcome, Step
from reconciler.pipeline import Listener, Order, Report


class Watcher(Protocol):
    """Whoever follows all that the agent does: its log, its metrics, those who listen at its socket."""

    def fetched(self, source: SourceState) -> None:
        """Hear what became of asking git; without a revision nobody ever heard of one."""

    def begins(self, order: Order) -> Listener:
        """Hear that a pass is admitted; return what is to follow it."""

    def ended(self, order: Order, report: Report) -> None:
        """Hear what a pass came to."""

    def broke(self, order: Order, error: ReconcilerError) -> None:
        """Hear that a pass could not be made, or broke off."""


class Chorus:
    """A listener that tells others, in their order."""

    def __init__(self, listeners: Iterable[Listener]) -> None:
        self._listeners = tuple(listeners)

    def refreshed(self, source: SourceState) -> None:
        for one in self._listeners:
            one.refreshed(source)

    def planned(self, plan: Plan, stacks: frozenset[str]) -> None:
        for one in self._listeners:
            one.planned(plan, stacks)

    def step(self, step: Step) -> None:
        for one in self._listeners:
            one.step(step)

    def outcome(self, outcome: Outcome) -> None:
        for one in self._listeners:
            one.outcome(outcome)

    def settled(self, outcome: StackOutcome) -> None:
        for one in self._listeners:
            one.settled(outcome)

    def output(self, stack: str, line: str) -> None:
        for one in self._listeners:
            one.output(stack, line)
