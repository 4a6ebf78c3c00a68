"""One pass through the rooms: fetch, plan, carry the plan out, look again, write it down.

Pipeline; may import every room.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from reconciler.address import shown
from reconciler.errors import InvalidSource, NotFastForward, PlanStale, SourceUnreachable
from reconciler.model import Document, Problem, SourceState
from reconciler.pipeline.attempt import Attempt, Report
from reconciler.pipeline.listening import Listener, Silent
from reconciler.pipeline.order import Order
from reconciler.pipeline.report import report_status
from reconciler.pipeline.rooms import Rooms


class Pipeline(Rooms):
    """What the faces call: `refresh`, `plan`, `reconcile`, `status`."""

    def reconcile(self, source: SourceState, order: Order | None = None, listener: Listener | None = None) -> Report:
        """Plan, carry the plan out and look again; without an order everything, for whoever runs us.

        Raises PlanStale where the order is for a saved plan and something else would be done now.
        """
        planned = self.plan(source, order or Order())
        expected, found = planned.order.expected_index, planned.plan.index
        if expected not in (None, found):
            raise PlanStale("plan-stale", saved=str(expected)[:12], now=found[:12])
        return Attempt(self, planned, listener or Silent()).run()

    def status(self) -> Document:
        """Say how this host stands to what git says, as well as that can be told.

        Where the source gives no new revision, whatever the reason, the last good one is what we compare with.
        """
        try:
            return report_status(self, self.refresh())
        except (SourceUnreachable, InvalidSource, NotFastForward) as error:
            problem = error.problem("source")
        return report_status(self, self.last_good(problem), problem)

    def last_good(self, problem: Problem | None = None) -> SourceState | None:
        """Return the last good revision, whatever is wrong with the source now; None when there is none, or no longer."""
        last_good = self.store.revisions().wanted
        try:
            revision = self.repository.revision(last_good) if last_good else None
        except InvalidSource:  # our copy was lost, or the settings now name another folder of the repository
            revision = None
        return SourceState(shown(self.settings.source.url), revision, problem) if revision else None

    def note_stops(self, stopped: Mapping[str, datetime], no_longer: Collection[str]) -> None:
        """Write down which containers somebody has just stopped, by id, and which are not stopped any more."""
        for container, at in stopped.items():
            self.store.stopped(container, at)
        known = self.store.recorded().stops.keys() if no_longer else ()
        if gone := [container for container in no_longer if container in known]:
            self.store.not_stopped(gone)
