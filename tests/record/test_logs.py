"""The log: its forms, and what passes have to say."""

import io
import json
import logging
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import structlog
from structlog.testing import capture_logs

from reconciler.model import Action, Cause, Outcome, Plan, Problem, Revision, SourceState, StackOutcome
from reconciler.plan.text import inert
from reconciler.plan.texts import cause_text, problem_text
from reconciler.record import logs
from reconciler.record.current import RUN
from reconciler.record.passlog import AgentLog, Words

WORDS = Words(cause_text, problem_text)
BAD = Problem("stack/web", "HealthFailed", "service-missing", {"service": "api"}, "stacks/web/compose.yaml", 4)


@pytest.fixture(autouse=True)
def _nothing_stays():
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    RUN.set(None)
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


def written(form, say, *, debug=False):
    stream = io.StringIO()
    logs.configure(stream, form, inert, debug=debug)
    say(structlog.get_logger())
    return stream.getvalue()


def test_journald_gets_a_priority_and_no_time():
    """It has the time itself, and shows levels in colours."""
    text = written(
        "journal", lambda log: (log.info("stack applied", stack="web"), log.warning("blocked"), log.error("x"))
    )

    assert text == "<6>stack applied  stack=web\n<4>blocked\n<3>x\n"


def test_people_get_a_time_and_quotes_where_they_are_needed():
    """What has a blank or a quote in it is told from the next pair."""
    text = written("text", lambda log: log.info("stack applied", stack="web", why='says "no"', what="", none=None))

    assert re.fullmatch(
        r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ info    stack applied  stack=web why="says \\"no\\"" what=""\n', text
    )


def test_programs_get_json():
    """One object for each line, times in UTC."""
    first = json.loads(written("json", lambda log: log.info("stack applied", stack="web", seconds=1.5)))

    assert first.pop("at").endswith("Z")
    assert first == {"level": "info", "event": "stack applied", "stack": "web", "seconds": 1.5, "run": None}


@pytest.mark.parametrize("form", ["journal", "text", "json"])
@pytest.mark.parametrize("foreign", ["a\n<0>forged", "\x1b[2J", "\u202edlrow", "\u2028"])
def test_foreign_text_stays_one_harmless_line(form, foreign):
    """A commit's subject or an engine's words can neither forge a line nor command a terminal."""
    text = written(form, lambda log: log.info(foreign, why=foreign))

    assert text.count("\n") == 1
    assert not [letter for letter in text.rstrip("\n") if not letter.isprintable()]


def test_debug_is_written_only_when_asked_for():
    """A quiet host has a quiet log."""
    assert written("text", lambda log: log.debug("x")) == ""
    assert "debug   x" in written("text", lambda log: log.debug("x"), debug=True)


def test_what_libraries_log_has_the_same_form():
    """No line without a priority gets to the journal."""
    text = written("journal", lambda _: logging.getLogger("urllib3").log(35, "pool %s", "full"))

    assert text == "<4>pool full  library=urllib3\n"


def test_the_run_is_on_each_line_that_is_written_for_it():
    """Whoever knows the run says it once."""
    RUN.set("7")

    assert written("journal", lambda log: log.info("x", stack="web")) == "<6>x  stack=web run=7\n"


def test_a_full_disk_ends_nothing():
    """A line that cannot be written is dropped."""

    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    logs.configure(Full(), "text", inert)
    structlog.get_logger().info("x")


def test_the_journal_is_known_by_what_systemd_says_of_it(tmp_path):
    """JOURNAL_STREAM names device and inode; another stream is one for people."""
    with (tmp_path / "stderr").open("w") as stream:
        status = (tmp_path / "stderr").stat()
        assert logs.form_for(stream, f"{status.st_dev}:{status.st_ino}") == "journal"
        assert logs.form_for(stream, f"{status.st_dev}:{status.st_ino + 1}") == "text"
        assert logs.form_for(stream, None) == "text"
    assert logs.form_for(io.StringIO(), "1:2") == "text"


# ── what passes say ──────────────────────────────────────────────────────────────────────────────


def action(because="drift", kind="recreate", thing="web-api-1"):
    cause = Cause("field", {"fields": "environment.A"})
    return Action("stack/web/service/api", kind, because, cause, object=thing, stack="web")


def plan(*blocked):
    return Plan(
        "attic", "0.2.0", datetime(2026, 1, 1, tzinfo=UTC), "/srv", Revision("c0ffee" * 6), "i", blocked=blocked
    )


def a_pass(log, *outcomes, blocked=(), wide=True, converged=True):
    """Let a pass be heard; return what is above debug."""
    with capture_logs() as lines:
        one = log.begins("drift", "", wide=wide)
        one.planned(plan(*blocked), frozenset(outcome.stack for outcome in outcomes))
        for outcome in outcomes:
            for each in outcome.outcomes:
                one.outcome(each)
            one.settled(outcome)
        one.ended(converged=converged, next_look="12:00")
    return [line for line in lines if line["log_level"] != "debug"]


def test_a_pass_that_changed_nothing_is_silent():
    """Nothing above debug, whatever the reason of the pass."""
    assert a_pass(AgentLog(WORDS)) == []
    assert a_pass(AgentLog(WORDS), StackOutcome("web", "NoChange")) == []


def test_a_stack_that_changed_says_what_and_why():
    """One line with result, seconds, deeds and causes, and one for the pass with the next look."""
    outcomes = (Outcome(action(), ok=True), Outcome(action(kind="start", thing="web-db-1"), ok=True))

    stack, whole = a_pass(AgentLog(WORDS), StackOutcome("web", "Applied", outcomes=outcomes, seconds=1.234))

    assert stack["event"] == "stack applied"
    assert stack["revision"] == "c0ffeec0ffee"
    assert (stack["stack"], stack["result"], stack["seconds"]) == ("web", "Applied", 1.23)
    assert stack["did"] == "recreate web-api-1, start web-db-1"
    assert stack["because"] == "drift: environment.A differs"
    assert whole["event"] == "pass ended"
    assert (whole["trigger"], whole["stacks"], whole["actions"], whole["next"]) == ("drift", 1, 2, "12:00")


def test_a_failure_says_where_and_is_said_once_while_it_stays():
    """A stack that fails at every try does not fill the log; a new reason is told, and so is the old one after a good pass."""
    log = AgentLog(WORDS)
    failed = StackOutcome("web", "FailedUnchanged", BAD)

    [line] = a_pass(log, failed)
    assert (line["log_level"], line["event"], line["result"]) == ("warning", "stack failed", "FailedUnchanged")
    assert line["where"] == "stacks/web/compose.yaml:4"
    assert "api" in line["why"]

    assert a_pass(log, failed) == []
    assert len(a_pass(log, replace(failed, problem=replace(BAD, code="unhealthy")))) == 1
    assert a_pass(log, StackOutcome("web", "NoChange")) == []
    assert len(a_pass(log, failed)) == 1


def test_a_stack_that_makes_way_for_something_newer_has_not_failed():
    """It is no warning, and what was wrong before is still known."""
    log = AgentLog(WORDS)
    cut = StackOutcome("web", "FailedPartial", replace(BAD, code="cut"), (Outcome(action(), ok=True),))
    a_pass(log, failed := StackOutcome("web", "FailedUnchanged", BAD))

    line = a_pass(log, cut)[0]
    assert (line["log_level"], line["event"]) == ("info", "stack cut short")
    assert a_pass(log, replace(cut, outcomes=())) == []
    assert a_pass(log, failed) == []


def test_that_no_pass_can_be_made_is_said_once_and_so_is_its_end():
    """An engine that is away for a night is one line, and so is its return."""
    log = AgentLog(WORDS)
    away = Problem("pass", "EngineUnreachable", "engine-no-socket", {"host": "h"})

    def broke():
        with capture_logs() as lines:
            log.begins("retry", "", wide=False).broke(away)
        return [line["event"] for line in lines]

    assert (broke(), broke()) == (["no pass could be made"], [])
    assert [line["event"] for line in a_pass(log)] == ["passes can be made again"]
    assert a_pass(log) == []
    assert broke() == ["no pass could be made"]


def test_what_is_blocked_is_said_once_until_it_is_gone():
    """A narrow pass, which does not look at all, forgets nothing."""
    log = AgentLog(WORDS)

    assert [line["event"] for line in a_pass(log, blocked=[BAD])] == ["blocked"]
    assert a_pass(log, blocked=[BAD]) == []
    assert a_pass(log, wide=False) == []
    assert a_pass(log, blocked=[BAD]) == []
    assert a_pass(log) == []
    assert [line["event"] for line in a_pass(log, blocked=[BAD])] == ["blocked"]


def test_a_source_that_cannot_be_followed_is_said_once():
    """Git may be away for days; that it came back needs no word."""
    log = AgentLog(WORDS)
    away = Problem("source", "SourceUnreachable", "engine-lost", {"host": "h", "words": "w"})

    def heard(problem):
        with capture_logs() as lines:
            log.begins("push", "", wide=True).refreshed(SourceState("/srv", None, problem))
        return [line["event"] for line in lines]

    assert heard(away) == ["source is not followed"]
    assert heard(away) == []
    assert heard(None) == []
    assert heard(away) == ["source is not followed"]


def test_a_pass_begins_without_the_run_of_the_one_before():
    """Threads are used again."""
    RUN.set("7")

    AgentLog(WORDS).begins("drift", "", wide=True)

    assert RUN.get() is None
