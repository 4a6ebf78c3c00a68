"""What is done and what became of it: between `plan/steps.py`, `apply/` and the pipeline.

Part of model; may import only planned and words.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from reconciler.model.planned import Action
from reconciler.model.words import Problem, Result

StepKind: TypeAlias = Literal["files", "pull", "build", "repair-names", "up", "call", "wait", "settled"]

GOOD: tuple[Result, ...] = ("Applied", "NoChange")
"""Results that leave nothing to wish for."""


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing to perform for one stack, as `plan/steps.py` decided it.

    `files` puts the stack's files at their stable path. `pull` and `build` act on `services`. `repair-names` mends names
    that an interrupted compose run left behind. `up` is one compose call for exactly `services` (`force`: recreate
    them, else only make what is missing). `call` is one engine call for its single action. `wait` looks again after
    `seconds`, or, where 0, in a moment. `settled` ends the stack with `result`. `actions` are those of the plan which the step
    carries out.
    """

    kind: StepKind
    stack: str
    actions: tuple[Action, ...] = ()
    services: tuple[str, ...] = ()
    force: bool = False
    result: Result | None = None
    problem: Problem | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one action."""

    action: Action
    ok: bool
    problem: Problem | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StackOutcome:
    """What became of a stack, or of the daemon part (`stack` is then "daemon").

    `looked_at` is when the look began that proved it, or that ended the attempt: what was done to it before is known. None
    where there was none.
    """

    stack: str
    result: Result
    problem: Problem | None = None
    outcomes: tuple[Outcome, ...] = ()
    seconds: float = 0.0
    looked_at: datetime | None = None
