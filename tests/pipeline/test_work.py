"""One stack, from look to step to look."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.errors import EngineUnreachable, ProgramFailed
from reconciler.model import Action, Cause, Container, DesiredService, DesiredStack, Outcome, StackOutcome, Step
from reconciler.pipeline.listening import Silent
from reconciler.pipeline.work import Task, Work

APP = DesiredService("app", {"image": "app:1"}, "d")
WEB = DesiredStack("web", "web", "/stacks/web", services=(APP,))
NETWORK = Action("stack/web/network/default", "create", "missing", Cause("missing"), id="a1", stack="web")
CREATE = Action("stack/web/service/app", "create", "missing", Cause("missing"), id="a2", stack="web", service="app")
RUNNING = Container("id", "web-app-1", "running", "app:1", "sha", project="web", service="app", number=1)


class Notes(Silent):
    def __init__(self) -> None:
        self.steps: list[str] = []
        self.outcomes: list[Outcome] = []

    def step(self, step: Step) -> None:
        self.steps.append(step.kind)

    def outcome(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)


def run(performed: list[str], fails: str = "", notes: Notes | None = None) -> StackOutcome:
    def perform(step: Step) -> None:
        performed.append(step.kind)
        if step.kind == fails:
            raise ProgramFailed("up-failed", stack="web", services="app", words="no")

    return Work(Task("web", WEB, (NETWORK, CREATE)), lambda: (RUNNING,), perform, notes or Notes()).run()


def test_steps_are_taken_told_and_noted():
    """Every step is performed once and told before; every action has an outcome."""
    performed: list[str] = []
    notes = Notes()

    outcome = run(performed, notes=notes)

    assert performed == notes.steps == ["files", "up"]
    assert outcome.result == "Applied"
    assert {one.action.id for one in outcome.outcomes} == {"a1", "a2"}
    assert tuple(notes.outcomes) == outcome.outcomes


def test_its_own_doings_are_known_when_an_attempt_fails():
    """The look that ends it comes after all it did: what happened until then is no news to anybody."""
    done: list[datetime] = []

    def perform(step: Step) -> None:
        done.append(datetime.now(UTC))
        raise ProgramFailed("up-failed", stack="web", services="app", words="no")

    outcome = Work(Task("web", WEB, (CREATE,)), lambda: (RUNNING,), perform, Silent()).run()

    assert outcome.looked_at is not None
    assert outcome.looked_at > done[-1]


def test_a_wait_rests_as_long_as_it_is_known_to_last():
    """A container that has only just begun is looked at once more, when its first moment is over."""
    looks = iter([(), (replace(RUNNING, running_for=0.1),), (RUNNING,)])
    rests: list[float] = []

    work = Work(Task("web", WEB, (CREATE,)), lambda: next(looks), lambda step: None, Silent(), rests.append)

    assert work.run().result == "Applied"
    assert rests == [pytest.approx(0.4)]


def test_a_failed_step_ends_the_work():
    """The error is in the outcome of the services it was about, and of the stack."""
    performed: list[str] = []

    outcome = run(performed, fails="up")

    assert performed[-1] == "up"
    assert outcome.result == "FailedPartial"
    assert outcome.problem is not None
    assert outcome.problem.code == "up-failed"
    assert [(one.action.id, one.ok) for one in outcome.outcomes] == [("a2", False)]


def test_a_failure_before_anything_is_touched():
    """Files that cannot be written leave what runs alone."""
    assert run([], fails="files").result == "FailedUnchanged"


def test_an_engine_that_is_lost_on_the_way():
    """What was done so far is told, and that not everything was."""

    def look() -> tuple[Container, ...]:
        if "up" in performed:
            raise EngineUnreachable("engine-lost", host="unix:///docker.sock", words="gone")
        return ()

    performed: list[str] = []
    work = Work(Task("web", WEB, (NETWORK, CREATE)), look, lambda step: performed.append(step.kind), Silent())

    outcome = work.run()

    assert outcome.result == "FailedPartial"
    assert outcome.problem is not None
    assert (outcome.problem.target, outcome.problem.code) == ("stack/web", "engine-lost")
    assert [one.ok for one in outcome.outcomes] == [True, True]
