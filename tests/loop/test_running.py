"""Which passes may run side by side, and which have to make way."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from reconciler.loop.running import EVERYTHING, SOURCE, Running
from reconciler.model import Plan, Revision, StackOutcome, Step
from reconciler.pipeline.order import Order

PLAN = Plan("box", "0", datetime(2026, 1, 1, tzinfo=UTC), "/srv", Revision("c"), "i")


@pytest.fixture
def running():
    return Running(lambda: None)


@pytest.fixture
def threads():
    with ThreadPoolExecutor(8) as pool:
        yield pool


def narrow(*names: str) -> Order:
    return Order(scope=frozenset(names), trigger="drift")


def test_only_stacks_that_are_worked_on_are_busy(running):
    """While it plans a pass keeps its whole scope, then only the stacks it works on, each until it is settled."""
    one = running.admit(narrow("web", "db"))
    with running.under_way(one):
        assert "web" in running
        assert "db" in running
        assert "mail" not in running
        one.planned(PLAN, frozenset({"web"}))
        assert "web" in running
        assert "db" not in running
        one.settled(StackOutcome("web", "Applied"))
        assert "web" not in running
    assert not running.operations


def test_a_wide_pass_cuts_the_others_and_waits_for_them(running, threads):
    """It begins only when those under way have come to their end, and none begins before it."""
    one = running.admit(narrow("web"))
    began = threading.Event()

    def wide():
        with running.under_way(all_of_it):
            began.set()

    with running.under_way(one):
        one.planned(PLAN, frozenset({"web"}))
        all_of_it = running.admit(Order(trigger="push"))
        assert one.order.cut.is_set()
        assert not all_of_it.order.cut.is_set()
        done = threads.submit(wide)
        assert "mail" in running
        assert EVERYTHING in running
        assert not began.is_set()
    done.result(10)
    assert began.is_set()


def test_a_person_goes_first(running, threads):
    """Of two wide passes that wait, a person's begins before the agent's own that came earlier."""
    order: list[str] = []

    def work(one):
        with running.under_way(one):
            order.append(one.order.trigger)

    with running.under_way(running.admit(Order(trigger="schedule"))):
        waiting = [running.admit(Order(trigger="push")), running.admit(Order(trigger="command"))]
        futures = [threads.submit(work, one) for one in waiting]
    for future in futures:
        future.result(10)
    assert order == ["command", "push"]


def test_what_rests_makes_no_crowd(running):
    """Four passes at work are enough; one that only waits for health does not count."""
    passes = [running.admit(narrow(f"s{number}")) for number in range(4)]
    for number, one in enumerate(passes):
        one.begun = True
        one.planned(PLAN, frozenset({f"s{number}"}))
    assert "another" in running
    passes[0].step(Step("wait", "s0"))
    assert "another" not in running
    assert "s0" in running
    assert running.operations["s0"] == "Verifying"


def test_closed_nothing_begins(running, threads):
    """A pass that waits when the agent ends does not begin, and what is under way is cut."""
    one = running.admit(narrow("web"))
    with running.under_way(one):
        waits = threads.submit(lambda: running.under_way(running.admit(Order(trigger="push"))).__enter__())
        running.close()
        assert waits.result(10) is False
        assert one.order.cut.is_set()


def test_git_is_asked_once_at_a_time(running):
    """While git is asked the source is busy and says so."""
    with running.fetching():
        assert SOURCE in running
        assert running.operations == {SOURCE: "Fetching"}
    assert SOURCE not in running


def test_a_wide_pass_takes_the_place_of_a_narrow_one_that_has_not_begun(running):
    """Else both would begin, and work on one stack at the same time."""
    late = running.admit(narrow("web"))
    with running.under_way(running.admit(Order(trigger="push"))) as may_begin:
        assert may_begin
        with running.under_way(late) as too_late:
            assert not too_late


def test_two_people_who_want_the_same_do_not_cut_each_other(running):
    """The second waits for the first; one who wants another revision does cut."""
    first = running.admit(Order(), "abc")
    with running.under_way(first):
        running.admit(Order(), "abc")
        assert not first.order.cut.is_set()
        running.admit(Order(), "def")
        assert first.order.cut.is_set()
