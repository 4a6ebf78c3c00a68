"""A desk without an agent: whoever asks does the work, one pass per call.

Pipeline; may import every room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import ClassVar

from reconciler.errors import InvalidSource, NoAgent, NotFastForward, SourceUnreachable
from reconciler.model import Document, Plan, Problem, SourceState, Suspension
from reconciler.pipeline.attempt import Report
from reconciler.pipeline.desk import Wish
from reconciler.pipeline.history import history_document
from reconciler.pipeline.listening import Listener
from reconciler.pipeline.order import Order
from reconciler.pipeline.passes import Pipeline
from reconciler.pipeline.person import this_user
from reconciler.pipeline.suspending import resume, suspend
from reconciler.pipeline.why import why
from reconciler.record.status import Live


class LocalDesk:
    """Answers for `who`, "" for whoever runs us. The agent's desk overrides what it knows better."""

    def __init__(self, pipeline: Pipeline, who: str = "") -> None:
        self.pipeline = pipeline
        self.who = who

    def plan(self, *, confirm_prune: bool = False) -> tuple[SourceState, Plan]:
        """Fetch, and say what an apply would do. Changes nothing."""
        source = self.pipeline.refresh()
        return source, self.pipeline.plan(source, Order(who=self.who, confirm_prune=confirm_prune)).plan

    def apply(self, wish: Wish, listener: Listener) -> Report:
        """Fetch, and do what has to be done. Raises PlanStale where a saved plan is no longer true."""
        source = self.pipeline.refresh(accept_rewrite=wish.accept_rewrite)
        listener.refreshed(source)
        order = Order(who=self.who, confirm_prune=wish.confirm_prune, expected_index=wish.expected_index)
        return self.pipeline.reconcile(source, order, listener)

    def begin(self, wish: Wish) -> None:  # noqa: ARG002 - as the desk has it
        """Raise NoAgent: nobody is there to go on when we end."""
        raise NoAgent("no-agent", verb="apply --no-wait")

    def status(self) -> Document:
        """Return the status document."""
        return self.pipeline.status()

    def history(self, stack: str | None, limit: int) -> Document:
        """Return the last runs with what they did, newest first. Raises UnknownTarget."""
        return history_document(self.pipeline.store, stack, limit)

    def why(self, target: str) -> Document:
        """Say why something is as it is. Raises UnknownTarget."""
        source, problem = self.source()
        return why(self.pipeline, target, source, problem, live=self.live(), patient=self.patient)

    def suspend(self, stack: str, reason: str, until: datetime | None) -> None:
        """Leave a stack alone, whatever happens. Raises UnknownTarget."""
        suspend(self.pipeline, stack, Suspension(self.who or this_user(), reason, datetime.now(UTC), until))

    def resume(self, stack: str) -> None:
        """Look after a stack again. Raises UnknownTarget, NotSuspended."""
        resume(self.pipeline, stack)

    def follow(self) -> Iterator[Document]:
        """Raise NoAgent: without one nothing happens that could be followed."""
        raise NoAgent("no-agent", verb="--follow")

    # ── what the agent's desk knows better ───────────────────────────────────────────────────────

    patient: ClassVar[bool] = False
    """Whether what somebody stopped on purpose is left alone for a while, by those who do the work."""

    def source(self) -> tuple[SourceState | None, Problem | None]:
        """Ask git; return the newest revision, or the last good one with what is wrong with the source."""
        try:
            return self.pipeline.refresh(), None
        except (SourceUnreachable, InvalidSource, NotFastForward) as error:
            problem = error.problem("source")
        return self.pipeline.last_good(problem), problem

    def live(self) -> Mapping[str, Live]:
        """Say what is being done with each stack now, or what it waits for: nothing, as nobody works here."""
        return {}
