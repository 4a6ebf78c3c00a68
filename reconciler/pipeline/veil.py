"""Keep secrets out of what a pass says: the values that `plan/` masks are not all, names and the words of others hold some too.

Pipeline; may import model, errors and work. Only what is read by people and programs is veiled, never what is acted on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import TypeAlias

from reconciler.errors import ReconcilerError
from reconciler.model import Action, FieldDiff, Held, Outcome, Plan, Problem, StackOutcome, Step
from reconciler.pipeline.listening import Listener, Silent

Text: TypeAlias = Callable[[str], str]
"""How a text is veiled; `Redactor.text`."""


@contextmanager
def veiled_errors(text: Text) -> Iterator[None]:
    """Veil the words of an error on its way up."""
    try:
        yield
    except ReconcilerError as error:
        error.arguments.update(_args(error.arguments, text))
        raise


def veiled_plan(plan: Plan, text: Text) -> Plan:
    """Veil the paths of fields, which may hold a mount's target or a host's name, and all arguments of texts."""
    return replace(
        plan,
        actions=tuple(_action(action, text) for action in plan.actions),
        blocked=tuple(_problem(problem, text) for problem in plan.blocked),
        held=tuple(_held(held, text) for held in plan.held),
        notes=tuple(_problem(problem, text) for problem in plan.notes),
    )


def veiled_outcome(outcome: StackOutcome, text: Text) -> StackOutcome:
    """Veil why something failed."""
    outcomes = tuple(_outcome(one, text) for one in outcome.outcomes)
    return replace(outcome, problem=outcome.problem and _problem(outcome.problem, text), outcomes=outcomes)


class Veiled(Silent):
    """A listener that tells another one, veiled, what becomes of stacks."""

    def __init__(self, listener: Listener, text: Text) -> None:
        self._listener = listener
        self._text = text

    def step(self, step: Step) -> None:
        self._listener.step(step)

    def outcome(self, outcome: Outcome) -> None:
        self._listener.outcome(_outcome(outcome, self._text))

    def settled(self, outcome: StackOutcome) -> None:
        self._listener.settled(veiled_outcome(outcome, self._text))

    def output(self, stack: str, line: str) -> None:
        self._listener.output(stack, self._text(line))


def _outcome(outcome: Outcome, text: Text) -> Outcome:
    return replace(outcome, problem=_problem(outcome.problem, text)) if outcome.problem else outcome


def _action(action: Action, text: Text) -> Action:
    cause = replace(action.cause, args=_args(action.cause.args, text))
    # the object of a pull is an image's name, read by people only; all others are names that the engine is called with
    name = text(action.object) if action.kind == "pull" else action.object
    return replace(action, object=name, cause=cause, fields=_fields(action.fields, text))


def _held(held: Held, text: Text) -> Held:
    return replace(held, fields=_fields(held.fields, text))


def _fields(fields: tuple[FieldDiff, ...], text: Text) -> tuple[FieldDiff, ...]:
    return tuple(replace(one, path=text(one.path)) for one in fields)


def _problem(problem: Problem, text: Text) -> Problem:
    return replace(problem, args=_args(problem.args, text))


def _args(args: Mapping[str, str], text: Text) -> dict[str, str]:
    return {key: text(value) for key, value in args.items()}
