"""A desk that answers what it was told to, and remembers what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from reconciler.errors import NotSuspended, PlanStale, ReconcilerError, UnknownTarget
from reconciler.model import Document, Outcome, Plan, Revision, SourceState, StackOutcome, Step
from reconciler.pipeline import Listener, Report, Wish
from tests.plan.build import all_there, desired, plan, record, service, stack
from tests.plan.nouns import without_means

_BEFORE = stack("web", service("api", environment={"A": "1"}))
_AFTER = stack("web", service("api", environment={"A": "2"}))
_MADE = plan(desired(_AFTER), all_there(_BEFORE), record(_BEFORE))
PLAN = replace(_MADE, actions=tuple(map(without_means, _MADE.actions)))
SOURCE = SourceState("/srv/git", Revision(PLAN.revision.commit, "more of A", "Ada"))
OUTCOME = Outcome(PLAN.actions[0], ok=True, seconds=1.5)
SETTLED = StackOutcome("web", "Applied", outcomes=(OUTCOME,), seconds=2.0)
REPORT = Report(PLAN, (SETTLED,))
STATUS: Document = {
    "schema": 1, "device": "box", "device_id": "", "agent": "0.1.0", "engine": {"state": "reachable", "version": "26"},
    "compose": "2.26.1", "observed_at": "2026-11-25T00:00:00Z", "unmanaged": [], "counts": {},
    "revision": {"wanted": "c0ffee", "attempted": None, "applied": None}, "daemon": None, "stacks": {},
    "source": {"state": "ok", "since": None, "reason": None},
}  # fmt: skip


@dataclass
class FakeDesk:
    """Tells a pass of one stack; `before` runs between its steps and its end, `error` is raised by plan and apply."""

    who: str = ""
    error: ReconcilerError | None = None
    before: Callable[[Listener], None] = lambda _listener: None
    asked: list[tuple[Any, ...]] = field(default_factory=list)
    finished: threading.Event = field(default_factory=threading.Event)

    def plan(self, *, confirm_prune: bool = False) -> tuple[SourceState, Plan]:
        self.asked.append(("plan", confirm_prune))
        if self.error:
            raise self.error
        return SOURCE, PLAN

    def apply(self, wish: Wish, listener: Listener) -> Report:
        self.asked.append(("apply", wish))
        listener.refreshed(SOURCE)
        if self.error:
            raise self.error
        if wish.expected_index not in (None, PLAN.index):
            raise PlanStale("plan-stale", saved=str(wish.expected_index), now=PLAN.index)
        listener.planned(PLAN, frozenset({"web"}))
        listener.step(Step("up", "web", PLAN.actions, ("api",), force=True))
        listener.output("web", " Container web-api-1  Started\n")
        self.before(listener)
        listener.outcome(OUTCOME)
        listener.settled(SETTLED)
        self.finished.set()
        return REPORT

    def begin(self, wish: Wish) -> None:
        self.asked.append(("begin", wish))

    def status(self) -> Document:
        return STATUS

    def history(self, stack: str | None, limit: int) -> Document:
        self.asked.append(("history", stack, limit))
        return {"schema": 1, "runs": []}

    def why(self, target: str) -> Document:
        if target != "web":
            raise UnknownTarget("target-unknown", target=target, known="web")
        return {"schema": 1, "target": "stack/web"}

    def suspend(self, stack: str, reason: str, until: datetime | None) -> None:
        self.asked.append(("suspend", self.who, stack, reason, until))

    def resume(self, stack: str) -> None:
        raise NotSuspended("not-suspended", stack=stack, known="-")

    def follow(self) -> Iterator[Document]:
        raise NotImplementedError


@dataclass
class Heard:
    """A listener that remembers what it heard, as names and values."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    hook: Mapping[str, Callable[[], None]] = field(default_factory=dict)

    def refreshed(self, source: SourceState) -> None:
        self._note("refreshed", source)

    def planned(self, plan: Plan, stacks: frozenset[str]) -> None:
        self._note("planned", plan, stacks)

    def step(self, step: Step) -> None:
        self._note("step", step)

    def outcome(self, outcome: Outcome) -> None:
        self._note("outcome", outcome)

    def settled(self, outcome: StackOutcome) -> None:
        self._note("settled", outcome)

    def output(self, stack: str, line: str) -> None:
        self._note("output", stack, line)

    def _note(self, name: str, *values: Any) -> None:
        self.calls.append((name, *values))
        self.hook.get(name, lambda: None)()
