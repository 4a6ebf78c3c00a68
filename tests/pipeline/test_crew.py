"""Stacks are carried out side by side, each after those it depends on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeAlias

import pytest

from reconciler.model import StackOutcome
from reconciler.pipeline.crew import AT_ONCE, carry_out
from reconciler.pipeline.work import Task

WAIT = 10.0
Rest: TypeAlias = Callable[[float], None]


def tasks(*names: str) -> dict[str, Task]:
    return {name: Task(name, None, ()) for name in names}


def run(names, waiting=None, failing=()):
    """Carry out and return what was begun, in order, and the result of each stack."""
    begun: list[str] = []
    settled: list[str] = []

    def carry(task: Task, rest: Rest) -> StackOutcome:
        begun.append(task.name)
        return StackOutcome(task.name, "FailedPartial" if task.name in failing else "Applied")

    outcomes = carry_out(tasks(*names), waiting or {}, carry, lambda outcome: settled.append(outcome.stack))
    assert settled == [outcome.stack for outcome in outcomes]
    return begun, {outcome.stack: outcome.result for outcome in outcomes}


def test_nothing_to_do():
    """No task, no outcome."""
    assert run(()) == ([], {})


def test_dependencies_come_first():
    """A stack begins when those it waits for have ended; names that are no tasks hold nobody up."""
    begun, _ = run("abc", {"a": ("b", "gone"), "b": ("c",)})

    assert begun == ["c", "b", "a"]


def test_a_failure_takes_its_dependants_along_and_nobody_else():
    """Directly or not, who depends on a failed stack is left untouched."""
    begun, results = run("abcd", {"b": ("a",), "c": ("b",)}, failing="a")

    assert sorted(begun) == ["a", "d"]
    assert results == {"a": "FailedPartial", "b": "FailedUnchanged", "c": "FailedUnchanged", "d": "Applied"}


def test_a_ring_is_begun_somewhere():
    """Stacks that all wait for each other are not waited for forever."""
    begun, _ = run("ab", {"a": ("b",), "b": ("a",)})

    assert begun == ["a", "b"]


def test_several_stacks_at_once():
    """As many as allowed really run at the same time, and no more."""
    together = threading.Barrier(AT_ONCE)
    running = threading.Semaphore(AT_ONCE)

    def carry(task: Task, rest: Rest) -> StackOutcome:
        assert running.acquire(blocking=False)
        together.wait(WAIT)
        running.release()
        return StackOutcome(task.name, "Applied")

    outcomes = carry_out(tasks(*"abcdefgh"), {}, carry, lambda outcome: None)

    assert len(outcomes) == 2 * AT_ONCE


def test_who_rests_makes_room(monkeypatch: pytest.MonkeyPatch):
    """More stacks than are worked on at once can wait to become ready at the same time."""
    resting = threading.Barrier(2 * AT_ONCE)
    monkeypatch.setattr(time, "sleep", lambda seconds: resting.wait(WAIT))

    def carry(task: Task, rest: Rest) -> StackOutcome:
        rest(1.0)
        return StackOutcome(task.name, "Applied")

    assert len(carry_out(tasks(*"abcdefgh"), {}, carry, lambda outcome: None)) == 2 * AT_ONCE


def test_what_is_no_error_of_ours_comes_through():
    """A bug in one stack is not swallowed."""

    def carry(task: Task, rest: Rest) -> StackOutcome:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        carry_out(tasks("a"), {}, carry, lambda outcome: None)
