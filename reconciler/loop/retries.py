"""What to look at again, when, and what no more: failures grow the delay, crash loops end in giving up.

Loop; may import model and the pipeline.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

from reconciler.loop.queue import Queue
from reconciler.loop.running import DAEMON, EVERYTHING
from reconciler.model import GOOD, Held, Plan, Problem, StackOutcome
from reconciler.pipeline import Order, Planned, Report

TRIES = 5
"""So often a stack may fail to become well before a commit or a person has to act; what time heals does not count."""
CALM = 600.0
"""Seconds; what ran so long before it ended again is no crash loop."""

_FIRST_DELAY, _LONGEST_DELAY = 5.0, 300.0
_TIME_HEALS = frozenset({"PullFailed", "EngineUnreachable", "SourceUnreachable", "Locked", "DependencyNotReady"})
_ONLY_A_COMMIT_OR_A_PERSON_HEALS = frozenset({
    "InvalidSource", "AgentTooOld", "DependencyCycle", "DeviceChanged", "PruneRefused", "PolicyDenied", "DaemonRejected",
})  # fmt: skip
_ENDED = frozenset({"stopped", "dead"})
"""Causes of a start that was needed because a container had ended."""


class Retries:
    """Decides, from what became of a pass, when stacks are looked at again. Any thread may ask."""

    def __init__(self, queue: Queue, clock: Callable[[], float] = time.monotonic) -> None:
        self._queue = queue
        self._clock = clock
        self._lock = threading.Lock()
        self._given_up: dict[str, Problem] = {}
        self._mended: dict[str, list[float]] = {}
        self._tries: dict[str, int] = {}

    @property
    def given_up(self) -> Mapping[str, Problem]:
        """Return all that is not tried again, with what is wrong with it."""
        with self._lock:
            return dict(self._given_up)

    def delay(self, name: str) -> float | None:
        """Return how many seconds an event of this stack is to wait; None: no event of it counts any more."""
        with self._lock:
            # what was started in vain ends, and says so: that is no reason to try again before the next try is due
            times = max(len(self._recent(name)) - 1, self._tries.get(name, 0))
            if name in self._given_up:
                return None
        return min(_FIRST_DELAY * 2 ** (times - 1), _LONGEST_DELAY) if times > 0 else 0.0

    def forgive(self, names: Iterable[str] | None = None) -> None:
        """Begin anew with these stacks (None: all): git changed, or a person acted."""
        with self._lock:
            known = (*self._given_up, *self._mended, *self._tries, *self._queue.failing())
            chosen = set(known if names is None else names)
            for name in chosen:
                self._given_up.pop(name, None)
                self._mended.pop(name, None)
        for name in chosen:
            self._succeeded(name)

    def planned(self, order: Order, plan: Plan, stacks: AbstractSet[str]) -> None:
        """Forget the failures of all that a plan covers and has nothing to say of: whatever was wrong, it no longer is."""
        named = {EVERYTHING, *stacks, *(_stack(problem.target) for problem in plan.blocked)}
        for name in self._queue.failing() - named:
            if name not in order.leave if order.scope is None else name in order.scope:
                self._succeeded(name)

    def settled(self, outcome: StackOutcome) -> None:
        """Draw the conclusions from what became of a stack."""
        name, problem = outcome.stack, outcome.problem
        if problem is not None and problem.code == "cut":
            return  # the pass that made it end looks at it
        if outcome.result in GOOD:
            self._succeeded(name)
            if any(one.action.cause.code in _ENDED for one in outcome.outcomes):
                self._crashed(name)
        elif self._is_final(name, problem):
            self._give_up(
                name, Problem(f"stack/{name}", problem.reason if problem else "", "gave-up", {"tries": str(TRIES)})
            )
        else:
            self._queue.failed(name)

    def conclude(self, report: Report, latest: Planned | None) -> None:
        """Draw the conclusions from a whole pass, whose outcomes are settled; `latest` knows who depends on whom."""
        for problem in report.plan.blocked:
            if problem.reason not in _ONLY_A_COMMIT_OR_A_PERSON_HEALS:
                self._queue.failed(_stack(problem.target))
        for held in report.plan.held:
            self._until(held)
        done = {outcome.stack for outcome in report.outcomes if outcome.result == "Applied"}
        for stack in latest.desired.stacks if latest and done else ():
            if done.intersection(stack.settings.depends_on) and self._queue.failures(stack.name):
                self._queue.add(stack.name)

    def _until(self, held: Held) -> None:
        if held.until is not None:
            seconds = (held.until - datetime.now(UTC)).total_seconds()
            self._queue.add(_stack(held.target), after=max(seconds, 0.0))

    def _succeeded(self, name: str) -> None:
        with self._lock:
            self._tries.pop(name, None)
        self._queue.succeeded(name)

    def _is_final(self, name: str, problem: Problem | None) -> bool:
        if name == DAEMON or (problem and problem.reason in _TIME_HEALS):
            return False
        with self._lock:
            self._tries[name] = self._tries.get(name, 0) + 1
            return self._tries[name] >= TRIES

    def _crashed(self, name: str) -> None:
        with self._lock:
            self._mended[name] = [*self._recent(name), self._clock()]
            crashes = len(self._mended[name])
        if crashes > TRIES:
            self._give_up(name, Problem(f"stack/{name}", "HealthFailed", "crashes-again", {"times": str(crashes)}))

    def _give_up(self, name: str, problem: Problem) -> None:
        with self._lock:
            self._given_up[name] = problem
        self._queue.succeeded(name)

    def _recent(self, name: str) -> list[float]:
        return [at for at in self._mended.get(name, ()) if self._clock() - at < CALM]


def _stack(target: str) -> str:
    """Read the name in a target (`stack/web/service/api`, `daemon/bridge`)."""
    parts = target.split("/")
    return parts[1] if parts[0] == "stack" else parts[0]
