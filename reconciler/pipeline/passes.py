"""One pass through the rooms: fetch, plan, carry the plan out, look again, write it down.

Pipeline; may import every room.
"""

from __future__ import annotations

from reconciler.address import shown
from reconciler.errors import InvalidSource, NotFastForward, PlanStale, SourceUnreachable
from reconciler.model import Document, Problem, SourceState
from reconciler.pipeline.attempt import Attempt, Report
from reconciler.pipeline.report import report_status
from reconciler.pipeline.rooms import Rooms, Scope


class Pipeline(Rooms):
    """What the faces call: `refresh`, `plan`, `reconcile`, `status`."""

    def reconcile(
        self,
        source: SourceState,
        *,
        confirm_prune: bool = False,
        scope: Scope = None,
        expected_index: str | None = None,
    ) -> Report:
        """Plan, carry the plan out and look again.

        `expected_index` is that of a saved plan: what would be done now must be the same. Raises PlanStale otherwise.
        """
        planned = self.plan(source, confirm_prune=confirm_prune, scope=scope)
        if expected_index not in (None, planned.plan.index):
            raise PlanStale("plan-stale", saved=str(expected_index)[:12], now=planned.plan.index[:12])
        return Attempt(self, planned).run()

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
