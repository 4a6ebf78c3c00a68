"""What is looked at again after a pass, when, and what no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from reconciler.loop.queue import Queue
from reconciler.loop.retries import CALM, TRIES, Retries
from reconciler.loop.running import EVERYTHING
from reconciler.model import (
    Action,
    Cause,
    DesiredStack,
    Held,
    Outcome,
    Plan,
    Problem,
    Revision,
    StackOutcome,
    StackSettings,
)
from reconciler.pipeline import Order, Report

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLAN = Plan("box", "0", NOW, "/srv", Revision("c"), "i")
BROKEN = Problem("stack/web", "HealthFailed", "exited")
AWAY = Problem("stack/web", "PullFailed", "pull-failed")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def queue(clock):
    return Queue(clock, lambda: 1.0)


@pytest.fixture
def retries(queue, clock):
    return Retries(queue, clock)


def conclude(retries: Retries, report: Report, latest=None) -> None:
    for outcome in report.outcomes:
        retries.settled(outcome)
    retries.conclude(report, latest)


def failed(problem: Problem) -> Report:
    return Report(PLAN, (StackOutcome("web", "FailedPartial", problem),))


def brought_back(name: str = "web") -> Report:
    action = Action(f"stack/{name}/service/app", "start", "drift", Cause("stopped"), stack=name, service="app")
    return Report(PLAN, (StackOutcome(name, "Applied", outcomes=(Outcome(action, ok=True),)),))


def test_a_failure_is_tried_again_later_and_later(retries, queue):
    """Each time the delay grows, and success forgets it."""
    delays = []
    for _ in range(TRIES - 1):
        conclude(retries, failed(BROKEN))
        delays.append(queue.due_in("web"))
    assert delays == sorted(delays)
    assert len(set(delays)) == len(delays)
    conclude(retries, Report(PLAN, (StackOutcome("web", "Applied"),)))
    assert queue.due_in("web") is None
    assert queue.failures("web") == 0


def test_what_a_failed_try_leaves_behind_hastens_no_other(retries):
    """A container that was started in vain ends, and its end is an event: it waits as the next try does."""
    delays = []
    for _ in range(TRIES):
        delays.append(retries.delay("web"))
        retries.settled(StackOutcome("web", "FailedPartial", BROKEN))

    assert delays == [0.0, 5.0, 10.0, 20.0, 40.0]
    assert retries.delay("web") is None


def test_what_never_gets_well_is_given_up(retries, queue):
    """After so many tries it is not queued any more, no event of it counts, and a person or a commit begins anew."""
    for _ in range(TRIES):
        conclude(retries, failed(BROKEN))
    assert retries.given_up["web"].code == "gave-up"
    assert queue.due_in("web") is None
    assert retries.delay("web") is None
    retries.forgive()
    assert not retries.given_up
    assert retries.delay("web") == 0.0


def test_what_time_heals_is_never_given_up(retries, queue):
    """A registry may be away for a week."""
    for _ in range(TRIES * 4):
        conclude(retries, failed(AWAY))
    assert not retries.given_up
    assert 0 < queue.due_in("web") <= 300


def test_what_time_heals_is_no_try(retries, queue):
    """After a long time without a registry a stack has as many tries as any other."""
    for _ in range(TRIES):
        conclude(retries, failed(AWAY))
    conclude(retries, failed(BROKEN))
    assert not retries.given_up
    assert queue.due_in("web")


def test_failures_are_over_when_nothing_is_left_to_do(retries, queue):
    """What a plan covers and does not name is well; of other stacks it says nothing."""
    for name in ("web", "db", "mail", "left", EVERYTHING):
        queue.failed(name)
    blocked = replace(PLAN, blocked=(Problem("stack/db", "PortTaken", "x"),))
    retries.planned(Order(scope=frozenset({"web", "db"})), blocked, frozenset())
    assert queue.failing() == {"db", "mail", "left", EVERYTHING}
    retries.planned(Order(leave=frozenset({"left"})), blocked, frozenset({"mail"}))
    assert queue.failing() == {"db", "mail", "left", EVERYTHING}
    retries.planned(Order(leave=frozenset({"left"})), PLAN, frozenset())
    assert queue.failing() == {"left", EVERYTHING}


def test_what_was_cut_did_not_fail(retries, queue):
    """It made way for a pass that looks at it anyway."""
    conclude(retries, failed(Problem("stack/web", "", "cut")))
    assert queue.failures("web") == 0


def test_a_crash_loop_is_slowed_down_and_then_left(retries, clock):
    """Who ends again and again shortly after he was started waits longer each time; at last nobody starts him."""
    delays = []
    for _ in range(TRIES + 1):
        conclude(retries, brought_back())
        delays.append(retries.delay("web"))
        clock.now += 30
    assert delays == [0.0, 5.0, 10.0, 20.0, 40.0, None]
    assert retries.given_up["web"].code == "crashes-again"


def test_a_crash_now_and_then_is_no_loop(retries, clock):
    """What ran long enough in between is brought back at once."""
    for _ in range(TRIES * 3):
        conclude(retries, brought_back())
        clock.now += CALM
        assert retries.delay("web") == 0.0


@pytest.mark.parametrize(("reason", "again"), [("PortTaken", True), ("Locked", True), ("InvalidSource", False)])
def test_what_is_blocked_is_looked_at_again_if_anything_may_heal_it(retries, queue, reason, again):
    """A taken port may become free; a wrong file only changes with a commit, which wakes everything."""
    plan = Plan("box", "0", NOW, "/srv", Revision("c"), "i", blocked=(Problem("stack/web", reason, "x"),))
    conclude(retries, Report(plan, ()))
    assert (queue.due_in("web") is not None) is again


def test_what_is_held_is_looked_at_when_that_is_over(retries, queue):
    """The moment until which something is held is the moment of the next look."""
    until = datetime.now(UTC) + timedelta(seconds=600)
    held = (Held("stack/web/service/app", "stop_grace", until=until), Held("stack/db", "ignored"))
    conclude(retries, Report(Plan("box", "0", NOW, "/srv", Revision("c"), "i", held=held), ()))
    assert queue.due_in("web") == pytest.approx(600, abs=5)
    assert queue.due_in("db") is None


def test_who_waited_for_a_stack_is_looked_at_once_it_is_applied(retries, queue):
    """A dependant that was blocked does not wait for its next try."""
    stack = DesiredStack("web", "web", "/srv/web", settings=StackSettings(depends_on=("db",)))
    latest = SimpleNamespace(desired=SimpleNamespace(stacks=(stack,)))
    queue.failed("web")
    conclude(retries, Report(PLAN, (StackOutcome("db", "Applied"),)), latest)
    assert queue.due_in("web") == 0.0
