"""What a listener hears, told over the wire, is heard the same at the other end."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from reconciler.api.events import Told, read_source, source_document, tell
from reconciler.model import Document, Plan, Revision, SourceState, Step, StepKind
from reconciler.pipeline import Report
from tests.api.fake import Heard
from tests.pipeline.test_report_document import REPORTS
from tests.plan.nouns import TEXTS, actions, plans, problems, sent

_MAYBE = st.none() | problems
_SOURCES = st.builds(SourceState, TEXTS, st.none() | st.builds(Revision, TEXTS, TEXTS, TEXTS), _MAYBE)
_STEPS = st.builds(
    Step, st.sampled_from(get_args(StepKind)), TEXTS, st.lists(actions(), max_size=2).map(tuple),
    st.lists(TEXTS, max_size=2).map(tuple), force=st.booleans(), result=st.none() | st.just("Applied"), problem=_MAYBE,
)  # fmt: skip


@given(_SOURCES, plans, st.frozensets(TEXTS, max_size=2), _STEPS, REPORTS, TEXTS)
def test_every_call_arrives(
    source: SourceState, plan: Plan, stacks: frozenset[str], step: Step, report: Report, line: str
) -> None:
    """Each call of a listener becomes one event, and that one the same call."""
    events: list[Document] = []
    here, there = Heard(), Heard()

    for listener in (here, Told(lambda make: events.append(make()))):
        listener.refreshed(source)
        listener.planned(plan, stacks)
        listener.step(step)
        for outcome in report.outcomes:
            listener.settled(outcome)
            for one in outcome.outcomes:
                listener.outcome(one)
        listener.output("web", line)
    for event in events:
        tell(there, sent(event))

    assert there.calls == here.calls


def test_an_unknown_event_is_passed_over() -> None:
    """What a later version may tell harms nobody."""
    heard = Heard()
    tell(heard, {"event": "new"})
    assert heard.calls == []


def test_a_source_that_has_nothing() -> None:
    """Neither revision nor problem need be there."""
    empty = SourceState("url", None)
    assert read_source(sent(source_document(empty))) == empty
