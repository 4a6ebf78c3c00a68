"""Wall time and processor time of what a measure does, in seconds."""

from __future__ import annotations

import cProfile
import pstats
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Cost:
    """What something took; `cpu` is that of this process and of the programs it ended, not the engine's."""

    wall: float
    cpu: float


def timed(work: Callable[[], _T]) -> tuple[Cost, _T]:
    """Do the work once; return what it cost and what it returned."""
    cpu, wall = _cpu(), time.perf_counter()
    made = work()
    return Cost(time.perf_counter() - wall, _cpu() - cpu), made


def repeated(count: int, work: Callable[[], object]) -> Cost:
    """Do the work some times; return the medians."""
    return medians([timed(work)[0] for _ in range(count)])


@dataclass(frozen=True, slots=True)
class Duel:
    """Rounds of ours and of the loop's, one right after the other: a busy machine is then busy for both."""

    ours: Sequence[Cost]
    loop: Sequence[Cost]

    @property
    def ratio(self) -> float:
        """The median of the rounds' ratios of wall times."""
        return statistics.median(one.wall / other.wall for one, other in zip(self.ours, self.loop, strict=True))


def duel(count: int, ours: Callable[[int], Cost], loop: Callable[[int], Cost]) -> Duel:
    """Let both do their work some times, given the round's number; each is first in every other round."""
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    for number in range(count):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            costs[which].append((ours, loop)[which](number))
    return Duel(*costs)


def medians(costs: Sequence[Cost]) -> Cost:
    """Return the median wall time and the median processor time."""
    return Cost(statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs))


def culprits(work: Callable[[], object], count: int = 6) -> str:
    """Name the functions in which the work spends most of its time, to say why a target was missed."""
    profile = cProfile.Profile(builtins=False)
    profile.runcall(work)
    found = pstats.Stats(profile).get_stats_profile()
    total = found.total_tt or 1.0
    worst = sorted(found.func_profiles.items(), key=lambda item: -item[1].tottime)[:count]
    return "most in " + ", ".join(f"{name} {one.tottime / total:.0%} ({one.ncalls} calls)" for name, one in worst)


def _cpu() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)
