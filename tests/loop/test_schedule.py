"""The clock as a trigger, also when the wall clock jumps."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from apscheduler.events import EVENT_JOB_MAX_INSTANCES

from reconciler.loop.schedule import Schedule, _Interval

HOUR = 3600.0
DAY = timedelta(days=1)


@contextmanager
def scheduled(poll: float, every: float, **options: Callable[[], float]) -> Iterator[tuple[Schedule, queue.Queue[str]]]:
    """A schedule that runs, and what it has enqueued."""
    names: queue.Queue[str] = queue.Queue()
    schedule = Schedule(poll, every, names.put, **options)
    schedule.start()
    yield schedule, names
    schedule.stop()


@contextmanager
def wall_clock_set(by: timedelta) -> Iterator[None]:
    """Let the wall clock jump; it goes on from there, the monotonic one knows nothing of it."""
    with time_machine.travel(datetime.now(UTC) + by, tick=True):
        yield


def waits(schedule: Schedule) -> dict[str, float]:
    """Return by name how many seconds of the wall clock its next time is away."""
    jobs = schedule._scheduler.get_jobs()
    return {job.id: (job.next_run_time - datetime.now(UTC)).total_seconds() for job in jobs}


def test_both_names_come_at_their_intervals() -> None:
    """Git is asked again and again; everything is looked at as well."""
    with scheduled(0.02, 0.05) as (_, names):
        seen = [names.get(timeout=10) for _ in range(20)]
    assert {"source", "*"} == set(seen)


def test_the_first_time_is_an_interval_away() -> None:
    """Nothing is enqueued by the start itself."""
    with scheduled(600, 900) as (schedule, names):
        assert names.empty()
        left = waits(schedule)
        assert 539 < left["source"] <= 660
        assert 899 < left["*"] <= 900


def test_a_poll_varies_by_a_tenth() -> None:
    """Devices that were started together do not ask together for ever."""
    now = datetime.now(UTC)
    trigger = _Interval(100, 0.1, lambda: 0.0)
    found = sorted((trigger.get_next_fire_time(None, now) - now).total_seconds() for _ in range(300))
    assert 90 <= found[0] < 92
    assert 108 < found[-1] <= 110


def test_the_next_time_never_lies_in_the_past() -> None:
    """However long ago the last time was: the scheduler would count its way up to now, one after another."""
    now = datetime.now(UTC)
    trigger = _Interval(60, 0.1, lambda: 0.0)
    assert trigger.get_next_fire_time(datetime(1970, 1, 1, tzinfo=UTC), now) > now


def test_intervals_can_be_changed_while_it_runs() -> None:
    """The new ones count from now."""
    with scheduled(HOUR, HOUR) as (schedule, names):
        schedule.change(0.02, 2 * HOUR)
        assert names.get(timeout=10) == "source"
        assert 2 * HOUR - 60 < waits(schedule)["*"] <= 2 * HOUR


def test_a_clock_that_is_set_back_starves_nothing() -> None:
    """What was due in a moment is due in a moment, not in a day."""
    with scheduled(1.0, HOUR) as (schedule, names), wall_clock_set(-DAY):
        schedule.check()
        assert names.get(timeout=20) == "source"
        assert names.get(timeout=20) == "source"
        assert HOUR - 60 < waits(schedule)["*"] <= HOUR


@pytest.mark.parametrize("by", [DAY, 365 * 50 * DAY], ids=["a day", "from 1976"])
def test_a_clock_that_is_set_forward_floods_nothing(by: timedelta) -> None:
    """What the jump skipped is not made up for: one early time at most, then the interval again."""
    with scheduled(300, HOUR) as (schedule, names), wall_clock_set(by):
        schedule._scheduler.wakeup()  # the scheduler sees the jump before the guard does
        assert {names.get(timeout=20), names.get(timeout=20)} == {"source", "*"}
        schedule.check()
        left = waits(schedule)
        assert 260 < left["source"] <= 330
        assert HOUR - 60 < left["*"] <= HOUR
        schedule.stop()
        assert names.empty()


def test_a_forward_jump_that_the_guard_sees_first_changes_nothing() -> None:
    """The times are moved along with the clock."""
    with scheduled(300, HOUR) as (schedule, names):
        schedule._scheduler.pause()
        with wall_clock_set(DAY):
            schedule.check()
            schedule._scheduler.resume()
            assert 260 < waits(schedule)["source"] <= 330
            schedule.stop()
            assert names.empty()


def test_a_clock_that_jumps_all_the_time_changes_nothing() -> None:
    """Time that has passed is not counted anew with each jump."""
    moment = 0.0
    with scheduled(HOUR, HOUR, clock=lambda: moment) as (schedule, _):
        for passed in range(0, 3600, 600):
            moment = float(passed)
            with wall_clock_set(timedelta(days=passed % 7 - 3)):
                schedule.check()
                left = waits(schedule)["*"]
            assert left == pytest.approx(HOUR - passed, abs=30)


def test_what_was_due_while_the_clock_jumped_is_due_now() -> None:
    """A job that is overdue by the monotonic clock is not put off again."""
    moment = 0.0
    with scheduled(HOUR, HOUR, clock=lambda: moment) as (schedule, names), wall_clock_set(-DAY):
        moment = 2 * HOUR
        schedule.check()
        assert {names.get(timeout=20), names.get(timeout=20)} == {"source", "*"}


def test_a_clock_that_is_right_is_left_alone() -> None:
    """Small corrections of the clock plan nothing anew."""
    with scheduled(HOUR, HOUR) as (schedule, _):
        before = [job.next_run_time for job in schedule._scheduler.get_jobs()]
        with wall_clock_set(timedelta(seconds=1)):
            schedule.check()
        assert [job.next_run_time for job in schedule._scheduler.get_jobs()] == before


def test_it_logs_nothing_below_errors(caplog: pytest.LogCaptureFixture) -> None:
    """A job that is still running when it is due again is no news."""
    inside, outside = threading.Event(), threading.Event()

    def enqueue(name: str) -> None:
        inside.set()
        outside.wait(10)

    caplog.set_level(logging.DEBUG)
    schedule = Schedule(0.01, HOUR, enqueue)
    schedule.start()
    assert inside.wait(10)
    skipped = threading.Event()
    schedule._scheduler.add_listener(lambda _: skipped.set(), EVENT_JOB_MAX_INSTANCES)
    assert skipped.wait(10)
    outside.set()
    schedule.stop()
    assert caplog.records == []


def test_threads_are_gone_after_the_stop() -> None:
    """Also when it is stopped twice, or was never started."""
    before = set(threading.enumerate())
    Schedule(1, 1, lambda _: None).stop()
    for _ in range(20):
        with scheduled(0.01, HOUR) as (schedule, names):
            names.get(timeout=10)
            schedule.stop()
            schedule.check()
            schedule.change(1, 1)
    assert set(threading.enumerate()) <= before
