"""What the agent tells of its passes, to its log, its metrics and systemd."""

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from reconciler.loop.notify import Notifier
from reconciler.loop.telling import Telling, verdict
from reconciler.model import Action, Cause, Outcome, Plan, Problem, Revision, StackOutcome
from reconciler.pipeline import Order, Report
from reconciler.record.measures import Measures

BAD = Problem("stack/web", "HealthFailed", "service-missing", {"service": "api"})
DONE = Action("stack/web/service/api", "start", "drift", Cause("stopped"), object="web-api-1")


@dataclass(frozen=True, slots=True)
class Notes(Notifier):
    said: list[str] = field(default_factory=list)

    def _send(self, *lines):
        self.said.extend(lines)


def report(*outcomes, blocked=(), unwell=()):
    plan = Plan("attic", "1", datetime(2026, 1, 1, tzinfo=UTC), "/srv", Revision("c0ffee" * 6), "i", blocked=blocked)
    return Report(plan, outcomes, unwell)


def a_pass(telling, order, came_to):
    with capture_logs() as lines:
        listener = telling.begins(order)
        listener.planned(came_to.plan, frozenset())
        for outcome in came_to.outcomes:
            listener.settled(outcome)
        telling.ended(order, came_to)
    return [line for line in lines if line["log_level"] != "debug"]


def test_a_pass_over_everything_is_told_everywhere():
    """Log, counts and the status line agree."""
    notes, measures = Notes(), Measures()
    telling = Telling(notes, measures, lambda: 900.0)

    lines = a_pass(telling, Order(), report(StackOutcome("web", "Applied", outcomes=(Outcome(DONE, ok=True),))))

    assert [line["event"] for line in lines] == ["stack applied", "pass ended"]
    assert lines[1]["next"] == "within 900s"
    assert measures.corrections == 1
    assert measures.succeeded_at is not None
    assert notes.said == ["STATUS=This host is as c0ffeec0ffee says"]


def test_what_was_left_alone_makes_no_host_well():
    """A stack that was given up is not looked at any more; that is no success."""
    notes, measures = Notes(), Measures()

    a_pass(Telling(notes, measures, lambda: 900.0), Order(leave=frozenset({"web"})), report())

    assert measures.succeeded_at is None
    assert notes.said == ["STATUS=Not as c0ffeec0ffee says: 1 left alone"]


def test_a_narrow_pass_says_nothing_of_the_whole():
    """One stack that is well does not make the host well."""
    notes, measures = Notes(), Measures()

    a_pass(Telling(notes, measures, lambda: 900.0), Order(scope=frozenset({"web"})), report())

    assert measures.succeeded_at is None
    assert notes.said == []


@pytest.mark.parametrize(
    ("came_to", "said"),
    [
        (report(), "This host is as c0ffeec0ffee says"),
        (report(StackOutcome("web", "FailedPartial", BAD)), "Not as c0ffeec0ffee says: 1 failed"),
        (report(blocked=(BAD, BAD), unwell=(BAD,)), "Not as c0ffeec0ffee says: 2 blocked, 1 not well"),
    ],
)
def test_the_status_line_counts_what_is_wrong(came_to, said):
    """What is not wrong is not mentioned."""
    assert verdict(came_to) == said


def test_passes_side_by_side_do_not_mix():
    """Each pass ends its own log, whatever begins meanwhile in other threads."""
    telling = Telling(Notes(), Measures(), lambda: 1.0)
    done = report(StackOutcome("web", "Applied", outcomes=(Outcome(DONE, ok=True),)))

    with capture_logs() as lines:
        telling.begins(Order(trigger="drift", scope=frozenset({"web"}))).settled(done.outcomes[0])
        other = threading.Thread(target=telling.begins, args=(Order(trigger="push"),))
        other.start()
        other.join()
        telling.ended(Order(scope=frozenset({"web"})), done)

    assert [line["trigger"] for line in lines if line["event"] == "pass ended"] == ["drift"]
