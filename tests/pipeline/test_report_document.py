"""A pass that went over the wire is told and judged as where it was made."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.applying import exit_code, verdict
from reconciler.model import Outcome, Result, StackOutcome
from reconciler.pipeline import Report
from reconciler.pipeline.report_document import read_report, report_document
from tests.plan.nouns import actions, plans, problems, sent

_SECONDS = st.integers(0, 10**6).map(lambda milliseconds: milliseconds / 1000)
_OUTCOMES = st.builds(Outcome, actions(), st.booleans(), st.none() | problems, _SECONDS)
_SETTLED = st.builds(
    StackOutcome, st.sampled_from(("web", "db", "daemon")), st.sampled_from(get_args(Result)), st.none() | problems,
    st.lists(_OUTCOMES, max_size=2).map(tuple), _SECONDS,
)  # fmt: skip
REPORTS = st.builds(
    Report, plans, st.lists(_SETTLED, max_size=3, unique_by=lambda one: one.stack).map(tuple),
    st.lists(problems, max_size=2).map(tuple),
)  # fmt: skip


@given(REPORTS)
def test_what_is_read_back_is_what_was_said(report: Report) -> None:
    """Nouns, last sentence and exit code of any pass survive being sent."""
    found = read_report(sent(report_document(report)))

    assert found == report
    assert (verdict(found), exit_code(found)) == (verdict(report), exit_code(report))
