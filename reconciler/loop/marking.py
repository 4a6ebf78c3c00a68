"""What a pass tells of the stacks that it works on, taken to those who have to know before these are free again.

Loop; may import the pipeline and model.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler.loop.belongings import belongings
from reconciler.model import Plan, StackOutcome
from reconciler.pipeline import Order, Silent

if TYPE_CHECKING:
    from reconciler.loop.agent import Agent


class Marking(Silent):
    """Tells the marks and the retries of an agent about one pass."""

    def __init__(self, agent: Agent, order: Order) -> None:
        self._agent = agent
        self._order = order
        self._looked_at = datetime.now(UTC)
        self._open: frozenset[str] = frozenset()

    def planned(self, plan: Plan, stacks: frozenset[str]) -> None:
        if (latest := self._agent.pipeline.latest) is not None:
            self._agent.marks.learn(belongings(latest.desired, latest.recorded, latest.observed))
        self._let_go(self._open - stacks, self._looked_at)  # of an earlier plan of this pass
        self._looked_at = plan.created
        self._open = stacks
        self._agent.marks.began(stacks)
        self._agent.retries.planned(self._order, plan, stacks)

    def settled(self, outcome: StackOutcome) -> None:
        self._agent.retries.settled(outcome)
        # What failed, or was cut, is looked at again in any case: nothing that it did itself is to hasten that.
        self._let_go({outcome.stack}, outcome.looked_at or datetime.now(UTC))

    def close(self) -> None:
        """Let go of what a pass that broke off did not settle."""
        self._let_go(self._open, self._looked_at)

    def _let_go(self, stacks: AbstractSet[str], looked_at: datetime) -> None:
        self._open -= stacks
        self._agent.wake(self._agent.marks.ended(stacks, looked_at))
