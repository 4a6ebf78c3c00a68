"""The clock as a trigger: git is asked every `poll` seconds, everything looked at every `every` seconds.

Loop; imports nothing of ours. APScheduler plans by the wall clock, which may jump; when a job is due is therefore kept in
monotonic time as well, and that one counts.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger

SPREAD = 0.1
"""Part of its interval by which a poll comes earlier or later, so that devices do not ask all at once."""
TOLERANCE = 2.0
"""Seconds by which the two clocks may disagree about a job."""

_JOB = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}


class Schedule:
    """Enqueues `source` and `*` at their intervals, given in seconds; the first time an interval after `start`.

    `enqueue` is called in a thread of the schedule and must return at once.
    """

    def __init__(
        self,
        poll: float,
        every: float,
        enqueue: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        logging.getLogger("apscheduler").setLevel(logging.ERROR)
        self._enqueue, self._clock = enqueue, clock
        self._triggers = self._planned(poll, every)
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(1)},
            jobstores={"default": MemoryJobStore()},
            job_defaults=_JOB,
            timezone=UTC,
        )

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()
        self._add()

    def stop(self) -> None:
        """End; nothing is enqueued afterwards."""
        if self._scheduler.running:
            self._scheduler.shutdown()

    def change(self, poll: float, every: float) -> None:
        """Go on with other intervals, counted from now."""
        self._triggers = self._planned(poll, every)
        if self._scheduler.running:
            self._add()

    def check(self) -> None:
        """Put right what a jump of the wall clock moved; to be called every half minute or more often."""
        if not self._scheduler.running:
            return
        for name, trigger in self._triggers.items():
            job = self._scheduler.get_job(name)
            now, left = datetime.now(UTC), trigger.due - self._clock()
            if abs((job.next_run_time - now).total_seconds() - left) > TOLERANCE:
                job.modify(next_run_time=now + timedelta(seconds=max(left, 0.0)))

    def _planned(self, poll: float, every: float) -> dict[str, _Interval]:
        return {"source": _Interval(poll, SPREAD, self._clock), "*": _Interval(every, 0.0, self._clock)}

    def _add(self) -> None:
        for name, trigger in self._triggers.items():
            self._scheduler.add_job(self._enqueue, trigger, (name,), id=name, replace_existing=True)


class _Interval(BaseTrigger):  # type: ignore[misc] # APScheduler ships no types
    """Plans from now on, never from the last time: what a jump skipped is not made up for."""

    def __init__(self, seconds: float, spread: float, clock: Callable[[], float]) -> None:
        self._seconds, self._spread, self._clock = seconds, spread, clock
        self.due = clock() + seconds
        """Monotonic moment of the next time."""

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        """Return when to run next; the scheduler asks whenever it has started the job."""
        wait = self._seconds * (1 + random.uniform(-self._spread, self._spread))  # noqa: S311 - nothing secret
        self.due = self._clock() + wait
        return now + timedelta(seconds=wait)
