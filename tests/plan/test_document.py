"""A plan that went over the wire is the same plan for whoever reads it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from reconciler.model import Plan
from reconciler.plan.document import plan_document, read_plan
from reconciler.plan.text import plan_text
from tests.plan.build import all_there, desired, network, plan, record, service, stack
from tests.plan.nouns import plans, sent, without_means

BEFORE = stack("web", service("api", environment={"A": "1"}), service("old"), networks=(network("web_default"),))
AFTER = stack("web", service("api", environment={"A": "2"}, scale=2), service("new"))


@given(plans)
def test_what_is_read_back_is_what_was_said(made: Plan) -> None:
    """Nouns, text and document of any plan survive being sent."""
    found = read_plan(sent(plan_document(made)))

    assert found == made
    assert plan_text(found) == plan_text(made)


def test_stack_and_service_follow_from_the_target() -> None:
    """The plans that are really made come back whole, but for what only `apply/` needs."""
    made = plan(desired(AFTER), all_there(BEFORE), record(BEFORE))
    assert {action.kind for action in made.actions} >= {"recreate", "create", "remove"}

    found = read_plan(sent(plan_document(made)))

    assert found == replace(made, actions=tuple(map(without_means, made.actions)))
    assert plan_document(found) == plan_document(made)
