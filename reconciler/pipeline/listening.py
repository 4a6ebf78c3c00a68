"""Whoever follows a pass.

Pipeline; may import model.
"""

from __future__ import annotations

from typing import Protocol

from reconciler.model import Outcome, Plan, SourceState, StackOutcome, Step


class Listener(Protocol):
    """Hears what a pass does, in this order; called from several threads once stacks are worked on."""

    def refreshed(self, source: SourceState) -> None:
        """Hear which revision git gave, and what was wrong with it."""

    def planned(self, plan: Plan, stacks: frozenset[str]) -> None:
        """Hear what will be done, and on which stacks (`daemon` among them) something is done or written down."""

    def step(self, step: Step) -> None:
        """Hear that a stack begins its next step."""

    def outcome(self, outcome: Outcome) -> None:
        """Hear what became of an action."""

    def settled(self, outcome: StackOutcome) -> None:
        """Hear what became of a stack; nobody works on it any more."""

    def output(self, stack: str, line: str) -> None:
        """Hear a line that compose printed."""


class Silent:
    """A listener that does not."""

    def refreshed(self, source: SourceState) -> None: ...
    def planned(self, plan: Plan, stacks: frozenset[str]) -> None: ...
    def step(self, step: Step) -> None: ...
    def outcome(self, outcome: Outcome) -> None: ...
    def settled(self, outcome: StackOutcome) -> None: ...
    def output(self, stack: str, line: str) -> None: ...
