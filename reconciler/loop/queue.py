"""The names that wait to be looked at: no duplicates, each with the moment from which it is due, growing delays after failures.

Loop; imports nothing of ours. A name says only that something may have changed; what, is read afresh by whoever takes it.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Collection, Mapping

FIRST_DELAY = 5.0
"""Seconds that the first try after a failure waits at most; each further failure doubles it."""
LONGEST_DELAY = 300.0


class Queue:
    """Names with moments; any thread may add, one takes. `chance` gives numbers from 0 to 1.

    Wishes (`add`) and planned retries (`failed`) are kept apart, so that success forgets the retry and not what was
    added meanwhile. A busy name stays until it is no longer busy; `nudge` says when that may be so.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, chance: Callable[[], float] = random.random
    ) -> None:
        self._clock, self._chance = clock, chance
        self._changed = threading.Condition()
        self._wished: dict[str, float] = {}
        self._retries: dict[str, float] = {}
        self._failures: dict[str, int] = {}
        self._nudged = self._closed = False

    def add(self, name: str, *, after: float = 0.0) -> None:
        """Let a name be due in `after` seconds; the earliest moment that was asked for wins."""
        with self._changed:
            due = self._clock() + after
            self._wished[name] = min(due, self._wished.get(name, due))
            self._changed.notify_all()

    def failed(self, name: str) -> float:
        """Plan another try, later with each failure, and return the seconds until the name is due."""
        with self._changed:
            failures = self._failures.get(name, 0)
            self._failures[name] = failures + 1
            longest = min(FIRST_DELAY * 2 ** min(failures, 16), LONGEST_DELAY)
            delay = longest * (1 + self._chance()) / 2  # the upper half, so that it always grows
            self._retries[name] = self._clock() + delay
            self._changed.notify_all()
            return self._until_due(name) or 0.0

    def succeeded(self, name: str) -> None:
        """Forget the failures of a name and the retry that was planned; what was added stays."""
        with self._changed:
            self._failures.pop(name, None)
            self._retries.pop(name, None)

    def failing(self) -> frozenset[str]:
        """Return all names that failed and have not succeeded since."""
        with self._changed:
            return frozenset(self._failures)

    def failures(self, name: str) -> int:
        """Return how often a name failed since it last succeeded."""
        return self._failures.get(name, 0)

    def names(self) -> frozenset[str]:
        """Return all that is queued, due or not."""
        with self._changed:
            return frozenset(self._moments())

    def due_in(self, name: str) -> float | None:
        """Return the seconds until a name is due, 0 when it is; None when it is not queued."""
        with self._changed:
            return self._until_due(name)

    def take(self, busy: Collection[str] = (), timeout: float | None = None) -> tuple[str, ...]:
        """Wait for names that are due and not `busy`, and take them all, the longest due first.

        Returns nothing after `timeout` seconds, `nudge` or `close`. `busy` is asked while the queue is locked.
        """
        with self._changed:
            end = math.inf if timeout is None else self._clock() + timeout
            while not self._closed:
                now = self._clock()
                if (taken := self._take_due(now, busy)) or self._nudged or now >= end:
                    self._nudged = False
                    return taken
                # What is due and busy is not waited for: a nudge says when it is free.
                moment = min((due for due in self._moments().values() if due > now), default=end)
                self._changed.wait(_seconds(min(moment, end) - now))
            return ()

    def nudge(self) -> None:
        """Let `take` return, now or when it is next called: something else changed."""
        with self._changed:
            self._nudged = True
            self._changed.notify_all()

    def close(self) -> None:
        """Let `take` return at once from now on."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _moments(self) -> Mapping[str, float]:
        """Return the moment from which each name is due."""
        earlier = {name: min(due, self._retries.get(name, due)) for name, due in self._wished.items()}
        return {**self._retries, **earlier}

    def _until_due(self, name: str) -> float | None:
        due = self._moments().get(name)
        return None if due is None else max(due - self._clock(), 0.0)

    def _take_due(self, now: float, busy: Collection[str]) -> tuple[str, ...]:
        moments = self._moments()
        due = sorted((moment, name) for name, moment in moments.items() if moment <= now and name not in busy)
        for _, name in due:
            self._wished.pop(name, None)
            self._retries.pop(name, None)
        return tuple(name for _, name in due)


def _seconds(span: float) -> float | None:
    """Return a time to wait as the standard library wants it: None waits for ever."""
    return None if span > threading.TIMEOUT_MAX else span
