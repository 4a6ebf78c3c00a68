"""What the agent tells of its passes: lines in the log, counts for metrics, one line for systemd.

Loop; may import record, plan's texts and the pipeline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from reconciler.errors import Cut, ReconcilerError
from reconciler.loop.chorus import Chorus
from reconciler.loop.notify import Notifier
from reconciler.model import GOOD, SourceState, StackOutcome
from reconciler.pipeline import Listener, Order, Report, Silent, Trigger
from reconciler.plan.texts import cause_text, problem_text
from reconciler.record.measures import Measures
from reconciler.record.passlog import AgentLog, PassLog, Words


class Telling:
    """A watcher of the agent's passes; `every` is how many seconds lie at most between two looks at everything."""

    def __init__(self, notifier: Notifier, measures: Measures, every: Callable[[], float]) -> None:
        self._notifier = notifier
        self._measures = measures
        self._every = every
        self._log = AgentLog(Words(cause_text, problem_text))
        self._here = _Here()

    def fetched(self, source: SourceState) -> None:
        """Say what is wrong with the source, once."""
        self._log.source(source.problem)

    def begins(self, order: Order) -> Listener:
        """Follow a pass; called in its thread, as is `ended`."""
        self._here.log = self._log.begins(order.trigger, order.who, wide=order.scope is None)
        return Chorus((self._here.log, _Counting(self._measures, order.trigger)))

    def ended(self, order: Order, report: Report) -> None:
        """Say what a pass came to."""
        converged = report.converged and not order.leave
        self._here.log.ended(converged=converged, next_look=f"within {self._every():g}s")
        if order.scope is None:
            self._measures.ended(converged=converged)
            self._notifier.status(verdict(report, len(order.leave)))

    def broke(self, order: Order, error: ReconcilerError) -> None:  # noqa: ARG002 - a watcher hears more than it needs
        """Say that a pass could not be made."""
        if not isinstance(error, Cut):
            self._here.log.broke(error.problem("pass"))


class _Here(threading.local):
    log: PassLog


class _Counting(Silent):
    def __init__(self, measures: Measures, trigger: Trigger) -> None:
        self._measures = measures
        self._git_is_the_same = trigger in ("drift", "schedule")

    def settled(self, outcome: StackOutcome) -> None:
        self._measures.settled(outcome, git_is_the_same=self._git_is_the_same)


def verdict(report: Report, left: int = 0) -> str:
    """Say in one line how this host stands after a pass over everything but the stacks that were left alone."""
    commit = report.plan.revision.commit[:12]
    if report.converged and not left:
        return f"This host is as {commit} says"
    failed = sum(outcome.result not in GOOD for outcome in report.outcomes)
    counts = {"failed": failed, "blocked": len(report.plan.blocked), "not well": len(report.unwell), "left alone": left}
    return f"Not as {commit} says: {', '.join(f'{count} {word}' for word, count in counts.items() if count)}"
