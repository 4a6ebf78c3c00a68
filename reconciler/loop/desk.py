"""Where people ask the agent; one for each of them, since what they do is written down with their name.

Loop; may import the pipeline, record's status, the words of a problem and model.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from reconciler.errors import ReconcilerError
from reconciler.model import Document, Plan, Problem, SourceState
from reconciler.pipeline import Listener, Order, Report, Silent, Wish
from reconciler.pipeline.local import LocalDesk
from reconciler.pipeline.report import ENGINE_SECONDS, report_status
from reconciler.plan.texts import problem_text
from reconciler.record.status import Live

if TYPE_CHECKING:
    from reconciler.loop.agent import Agent


class AgentDesk(LocalDesk):
    """A desk at which the running agent answers; what it says is what it would say without one."""

    patient: ClassVar[bool] = True

    def __init__(self, agent: Agent, who: str) -> None:
        super().__init__(agent.pipeline, who)
        self._agent = agent

    def plan(self, *, confirm_prune: bool = False) -> tuple[SourceState, Plan]:
        """Fetch, and say what an apply would do; waits for nobody."""
        source = self._agent.fetch()
        self._agent.heed()
        order = Order(who=self.who, confirm_prune=confirm_prune, engine_seconds=ENGINE_SECONDS)
        return source, self.pipeline.plan(source, order).plan

    def apply(self, wish: Wish, listener: Listener) -> Report:
        """Fetch, and make a pass before all that is queued; what was given up is tried again."""
        source = self._agent.fetch(accept_rewrite=wish.accept_rewrite)
        listener.refreshed(source)
        self._agent.retries.forgive()
        order = Order(who=self.who, confirm_prune=wish.confirm_prune, expected_index=wish.expected_index)
        try:
            return self._agent.make(self._agent.running.admit(order, _commit(source)), listener)
        except ReconcilerError:
            self._agent.look_at_everything("retry")  # it cut others, and may have fetched what is new
            raise

    def begin(self, wish: Wish) -> None:
        """Let the same begin without us."""
        self._agent.threads.spawn(self.apply, wish, Silent())

    def status(self) -> Document:
        """Say how this host stands to the revision that was fetched last; nobody waits for git."""
        source, problem = self.source()
        return report_status(
            self.pipeline, source, problem, live=self.live(), notes=self._agent.notes, patient=self.patient
        )

    def suspend(self, stack: str, reason: str, until: datetime | None) -> None:
        """Leave a stack alone, and look again when that is over."""
        super().suspend(stack, reason, until)
        self._agent.queue.add(stack)

    def resume(self, stack: str) -> None:
        """Look after a stack again, at once."""
        super().resume(stack)
        self._agent.retries.forgive([stack])
        self._agent.queue.add(stack)

    # ── what the agent knows ─────────────────────────────────────────────────────────────────────

    def source(self) -> tuple[SourceState | None, Problem | None]:
        """Return the revision that was fetched last, and what is wrong with the source."""
        return self._agent.source, self._agent.problem

    def live(self) -> Mapping[str, Live]:
        """Say what is being done with each stack now, or what it waits for."""
        operations = self._agent.running.operations
        names = {*operations, *self._agent.retries.given_up, *self._agent.queue.names()}
        return {name: self._live(name, operations.get(name)) for name in names}

    def _live(self, name: str, operation: str | None) -> Live:
        if operation is not None:
            return Live(operation)
        given_up = self._agent.retries.given_up.get(name)
        if given_up is not None:
            return Live(reason=problem_text(given_up))
        reason, due = self._agent.marks.says(name), self._agent.queue.due_in(name)
        if due is None or not (reason or self._agent.queue.failures(name)):
            return Live()  # what is held says itself until when
        return Live(reason=reason, next=datetime.fromtimestamp(time.time() + due, UTC))


def _commit(source: SourceState) -> str:
    return source.revision.commit if source.revision else ""
