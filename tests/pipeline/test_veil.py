"""What a pass says is veiled; what is acted on stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.errors import EngineRefused
from reconciler.model import Action, Cause, FieldDiff, Held, Outcome, Plan, Problem, Revision, StackOutcome
from reconciler.pipeline.listening import Silent
from reconciler.pipeline.veil import Veiled, veiled_errors, veiled_outcome, veiled_plan

PROBLEM = Problem("stack/web", "", "engine-refused", {"words": "no secret here"})
FIELD = FieldDiff("volumes[/mnt/secret]", "1", None, "2")
ACTION = Action(
    "stack/web/service/a", "disconnect", "drift", Cause("field", {"fields": "volumes[/mnt/secret]"}),
    object="web-secret-1", stack="web", fields=(FIELD,), params={"network": "secret"},
)  # fmt: skip


def text(words: str) -> str:
    return words.replace("secret", "…")


def test_a_plan_shows_no_secret_and_acts_on_what_it_did() -> None:
    """Paths, causes and problems are veiled; the names and parameters that the engine is called with are not."""
    plan = Plan(
        "box", "1", datetime(2026, 1, 1, tzinfo=UTC), "", Revision("c"), "index",
        (ACTION,), (PROBLEM,), (Held("stack/web/service/a", "ignored", (FIELD,)),), (PROBLEM,),
    )  # fmt: skip
    seen = veiled_plan(plan, text)
    assert seen.actions[0].fields == seen.held[0].fields == (FieldDiff("volumes[/mnt/…]", "1", None, "2"),)
    assert seen.actions[0].cause.args == {"fields": "volumes[/mnt/…]"}
    assert seen.blocked[0].args == seen.notes[0].args == {"words": "no … here"}
    assert (seen.actions[0].object, seen.actions[0].params) == ("web-secret-1", {"network": "secret"})


def test_outcomes_and_errors_are_veiled() -> None:
    """Why something failed is said in the words of others, to whoever listens and on the way up."""
    outcome = veiled_outcome(
        StackOutcome("web", "FailedPartial", PROBLEM, (Outcome(ACTION, False, PROBLEM, 1.0),)), text
    )
    assert outcome.problem is not None
    assert outcome.outcomes[0].problem is not None
    assert outcome.problem.args == outcome.outcomes[0].problem.args == {"words": "no … here"}
    with pytest.raises(EngineRefused, match="no … here"), veiled_errors(text):
        raise EngineRefused("engine-refused", words="no secret here", status="400")


def test_a_listener_hears_no_secret() -> None:
    """Neither an outcome that it hears at once nor a line of compose holds one."""
    heard: list[object] = []

    class Ear(Silent):
        def outcome(self, outcome: Outcome) -> None:
            heard.append(outcome.problem and outcome.problem.args["words"])

        def output(self, stack: str, line: str) -> None:
            heard.append((stack, line))

    listener = Veiled(Ear(), text)
    listener.outcome(Outcome(ACTION, False, PROBLEM, 1.0))
    listener.output("web", "pulling secret")
    assert heard == ["no … here", ("web", "pulling …")]
