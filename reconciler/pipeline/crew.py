"""Carry out tasks side by side, each stack after those it depends on.

Pipeline; knows threads and order, nothing of stacks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol

from reconciler.model import GOOD, Problem, StackOutcome
from reconciler.pipeline.work import Task

AT_ONCE = 4
"""Stacks that are worked on at the same time; one that only waits to become ready makes room for another."""
_BEGUN = 16
"""Stacks that are begun at the same time."""


class Carry(Protocol):
    """Carry out one task to its end; `rest` is how to let some seconds go by meanwhile."""

    def __call__(self, task: Task, rest: Callable[[float], None]) -> StackOutcome: ...


def carry_out(
    tasks: Mapping[str, Task],
    waiting: Mapping[str, tuple[str, ...]],
    carry: Carry,
    settled: Callable[[StackOutcome], None],
    pause: Callable[[float], object] = time.sleep,
) -> tuple[StackOutcome, ...]:
    """Carry out all tasks and return what became of each, in the order in which they ended.

    Args:
        tasks: By stack.
        waiting: For each stack those it depends on; one that failed takes its dependants along, untouched.
        carry: Called from several threads, of which up to `AT_ONCE` do not rest.
        settled: Called from this thread for each outcome.
        pause: How some seconds go by while a task rests.
    """
    outcomes: dict[str, StackOutcome] = {}
    running: dict[Future[StackOutcome], str] = {}
    left = dict(tasks)
    turns = _Turns(carry, pause)
    with ThreadPoolExecutor(_BEGUN, thread_name_prefix="stack") as pool:
        while left or running:
            for name in _free(left, waiting, running):
                task = left.pop(name)
                if broken := [other for other in waiting.get(name, ()) if _is_broken(outcomes.get(other))]:
                    _finish(_untouched(task, broken[0]), outcomes, settled)
                else:
                    running[pool.submit(turns.carry, task)] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                del running[future]
                _finish(future.result(), outcomes, settled)
    return tuple(outcomes.values())


class _Turns:
    """Lets so many carry on at once, and others while one rests."""

    def __init__(self, carry: Carry, pause: Callable[[float], object]) -> None:
        self._carry = carry
        self._pause = pause
        self._free = threading.Semaphore(AT_ONCE)

    def carry(self, task: Task) -> StackOutcome:
        with self._free:
            return self._carry(task, self._rest)

    def _rest(self, seconds: float) -> None:
        self._free.release()
        try:
            self._pause(seconds)
        finally:
            self._free.acquire()


def _free(
    left: Mapping[str, Task], waiting: Mapping[str, tuple[str, ...]], running: Mapping[Future[StackOutcome], str]
) -> list[str]:
    """Name the tasks that wait for nobody; where all wait for each other, the first of them."""
    busy = {*left, *running.values()}
    free = [name for name in left if busy.isdisjoint(waiting.get(name, ()))]
    return free if free or running else list(left)[:1]


def _is_broken(outcome: StackOutcome | None) -> bool:
    return outcome is not None and outcome.result not in GOOD


def _untouched(task: Task, broken: str) -> StackOutcome:
    place = task.stack.settings.positions.get("depends_on") if task.stack else None
    gives = task.stack is not None and broken not in task.stack.settings.depends_on
    code = "giver-failed" if gives else "dependency-failed"
    problem = Problem(
        f"stack/{task.name}", "DependencyNotReady", code, {"stack": task.name, "dependency": broken},
    ).at(place)  # fmt: skip
    return StackOutcome(task.name, "FailedUnchanged", problem)


def _finish(outcome: StackOutcome, outcomes: dict[str, StackOutcome], settled: Callable[[StackOutcome], None]) -> None:
    outcomes[outcome.stack] = outcome
    settled(outcome)
