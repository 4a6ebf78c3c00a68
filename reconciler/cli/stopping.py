"""Stop between two steps when a person presses Ctrl-C, never in the middle of one.

Face; imports model. A compose run that is cut off leaves containers with odd names behind, so it is let finish.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Self

from reconciler.model import Outcome, Plan, SourceState, StackOutcome, Step

if TYPE_CHECKING:
    from reconciler.pipeline import Listener


class Stoppable:
    """Pass on what the pipeline tells; after Ctrl-C raise KeyboardInterrupt instead of letting a next step begin.

    Before the first step, and at the second Ctrl-C, KeyboardInterrupt is raised at once.
    """

    def __init__(self, listener: Listener, notice: Callable[[str], None]) -> None:
        self._listener = listener
        self._notice = notice
        self._working = False
        self._asked = False

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._stop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._asked or not self._working:
            raise KeyboardInterrupt
        self._asked = True
        self._notice("Stopping when the steps that are under way have ended …")

    def refreshed(self, source: SourceState) -> None:
        self._listener.refreshed(source)

    def planned(self, plan: Plan, stacks: frozenset[str]) -> None:
        self._listener.planned(plan, stacks)

    def step(self, step: Step) -> None:
        if self._asked:
            raise KeyboardInterrupt
        self._working = True
        self._listener.step(step)

    def outcome(self, outcome: Outcome) -> None:
        self._listener.outcome(outcome)

    def settled(self, outcome: StackOutcome) -> None:
        self._listener.settled(outcome)

    def output(self, stack: str, line: str) -> None:
        self._listener.output(stack, line)
