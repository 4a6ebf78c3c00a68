"""What is counted while the agent runs: how long each room took, what drift was put right, when all was well.

Room 5 (record); may import model. May be used from several threads.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from reconciler.model import StackOutcome

Room: TypeAlias = Literal["desired", "observed", "plan", "apply", "record"]


@dataclass(frozen=True, slots=True)
class Took:
    """So many stays in a room, and how many seconds they took together."""

    count: int = 0
    seconds: float = 0.0


@dataclass(slots=True)
class Measures:
    """Counts since the agent's start; all of it is lost with the process, as counters may be."""

    corrections: int = 0
    succeeded_at: float | None = None
    """Seconds since 1970 at which a pass last ended with this host as git says."""
    _rooms: dict[Room, Took] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def room(self, room: Room) -> Iterator[None]:
        """Measure a stay in a room, also one that an error ends."""
        begun = time.monotonic()
        try:
            yield
        finally:
            seconds = time.monotonic() - begun
            with self._lock:
                took = self._rooms.get(room, Took())
                self._rooms[room] = Took(took.count + 1, took.seconds + seconds)

    def settled(self, outcome: StackOutcome, *, git_is_the_same: bool) -> None:
        """Count the drift that was put right; what is missing was taken away, unless git has just begun to want it."""
        drift = {"drift", "missing"} if git_is_the_same else {"drift"}
        corrected = sum(each.ok and each.action.because in drift for each in outcome.outcomes)
        with self._lock:
            self.corrections += corrected

    def ended(self, *, converged: bool) -> None:
        """Note that a pass over everything ended."""
        if converged:
            self.succeeded_at = time.time()

    def rooms(self) -> Mapping[Room, Took]:
        """Return what each room took until now."""
        with self._lock:
            return dict(self._rooms)
