"""Take one stack from look to step to look until it is settled.

Pipeline; may import every room. What to do next is decided by `plan/steps.py`; each step is performed by `apply/`; what
became of it is written down before the next one is asked for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from reconciler.errors import ReconcilerError
from reconciler.model import Action, Container, DesiredStack, Outcome, Problem, StackOutcome, Step
from reconciler.pipeline.listening import Listener
from reconciler.plan.steps import Journal, next_step

_LOOK_AGAIN = 0.25
"""Seconds between two looks while we wait for health or a job: nobody knows how long."""


@dataclass(frozen=True, slots=True)
class Task:
    """The part of a plan that concerns one stack; `stack` is None when it is to be taken away.

    `resting` are services that stay as somebody left them.
    """

    name: str
    stack: DesiredStack | None
    actions: tuple[Action, ...]
    resting: frozenset[str] = frozenset()


@dataclass
class Work:
    """One attempt at a task.

    `look` returns the stack's containers with their inspect documents, `perform` carries out one step, `rest` lets
    some seconds go by, `is_cut` tells whether the attempt is to make way.
    """

    task: Task
    look: Callable[[], Sequence[Container]]
    perform: Callable[[Step], None]
    listener: Listener
    rest: Callable[[float], None] = time.sleep
    is_cut: Callable[[], bool] = bool
    outcomes: list[Outcome] = field(default_factory=list)

    def run(self) -> StackOutcome:
        """Carry the task out and say what became of it; errors of ours end in the outcome, not in an exception."""
        begun = time.monotonic()
        journal = Journal()
        while True:
            now = datetime.now(UTC)
            containers, journal = self._containers(journal)
            step = next_step(
                self.task.stack, self.task.name, self.task.actions, journal, containers, now,
                is_cut=self.is_cut(), resting=self.task.resting,
            )  # fmt: skip
            if step.kind == "settled":
                return self._settle(step, time.monotonic() - begun, now)
            self.listener.step(step)
            journal = self._take(step, journal, now)

    def _containers(self, journal: Journal) -> tuple[Sequence[Container], Journal]:
        """Look; where that fails, nothing more can be decided, and the journal says so."""
        if not journal.taken and self.task.stack is not None:
            return (), journal  # the first steps touch no container and wait for none
        try:
            return self.look(), journal
        except ReconcilerError as error:
            return (), replace(journal, problem=journal.problem or self._problem(error))

    def _take(self, step: Step, journal: Journal, now: datetime) -> Journal:
        if step.kind == "wait":
            self.rest(step.seconds or _LOOK_AGAIN)
            return journal.after(step, now)
        begun = time.monotonic()
        try:
            self.perform(step)
        except ReconcilerError as error:
            problem = _placed(self._problem(error), step)
            self._note(step, problem, time.monotonic() - begun)
            return journal.failed(step, problem)
        self._note(step, None, time.monotonic() - begun)
        return journal.after(step, now)

    def _note(self, step: Step, problem: Problem | None, seconds: float) -> None:
        for action in _affected(step, problem):
            outcome = Outcome(action, problem is None, problem, seconds)
            self.outcomes.append(outcome)
            self.listener.outcome(outcome)

    def _problem(self, error: ReconcilerError) -> Problem:
        return error.problem(f"stack/{self.task.name}")

    def _settle(self, step: Step, seconds: float, looked_at: datetime) -> StackOutcome:
        assert step.result is not None
        return StackOutcome(self.task.name, step.result, step.problem, tuple(self.outcomes), seconds, looked_at)


def _placed(problem: Problem, step: Step) -> Problem:
    """Point to where in git that stands which the engine, the registry or compose did not take."""
    cause = next((action.cause for action in step.actions if action.service and action.cause.file), None)
    if problem.file or not step.services or cause is None:
        return problem
    return replace(problem, file=cause.file, line=cause.line)


def _affected(step: Step, problem: Problem | None) -> tuple[Action, ...]:
    """Leave out, of a compose call that failed, the networks and volumes it may have made all the same."""
    services = tuple(action for action in step.actions if action.service is not None)
    return services if problem and services else step.actions
