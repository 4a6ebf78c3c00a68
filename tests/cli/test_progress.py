"""What apply shows while it works."""

import io

from reconciler.cli.live import LiveTable, summary_table
from reconciler.cli.progress import Lines, step_text
from reconciler.cli.streams import console
from reconciler.model import Action, Cause, Outcome, Problem, StackOutcome, Step

API = Action(
    "stack/web/service/api", "recreate", "change", Cause("missing"), object="web-api-1", stack="web", service="api"
)
PROBLEM = Problem(
    "stack/web", "PullFailed", "program-failed", {"program": "docker", "exit": "1", "words": "no\x1b[31m"}
)


def shown(renderable):
    text = io.StringIO()
    terminal = console(text)
    terminal.width = 120
    terminal.print(renderable)
    return text.getvalue()


def test_each_step_says_what_it_does():
    """Every kind of step has words of its own."""
    assert step_text(Step("files", "web")) == "put files in place"
    assert step_text(Step("pull", "web", services=("api", "db"))) == "pull api, db"
    assert step_text(Step("up", "web", services=("api",), force=True)) == "recreate api"
    assert step_text(Step("up", "web", services=("api",))) == "create api"
    assert step_text(Step("call", "web", actions=(API,))) == "recreate web-api-1"


def test_lines_tell_a_pass_in_order():
    """In a pipe there is a line per step, outcome and settled stack; waiting is said once."""
    lines: list[str] = []
    listener = Lines(lines.append)

    listener.step(Step("up", "web", (API,), ("api",), force=True))
    listener.output("web", "noise")
    listener.outcome(Outcome(API, ok=True, seconds=1.25))
    listener.step(Step("wait", "web"))
    listener.step(Step("wait", "web"))
    listener.settled(StackOutcome("web", "Applied", outcomes=(Outcome(API, ok=True),), seconds=75))

    assert lines == [
        "web: recreate api",
        "stack/web/service/api: recreate web-api-1: ok (1.2 s)",
        "web: wait until ready",
        "web: Applied (1 min 15 s)",
    ]


def test_where_nothing_is_done_nothing_is_said():
    """A stack that is as it should be leaves no line."""
    lines: list[str] = []
    listener = Lines(lines.append)

    listener.step(Step("files", "web"))
    listener.step(Step("repair-names", "web"))
    listener.settled(StackOutcome("web", "NoChange"))

    assert lines == []


def test_a_failed_action_says_why_and_stays_inert():
    """A failure carries its problem; what a program printed cannot colour the terminal."""
    lines: list[str] = []

    Lines(lines.append).outcome(Outcome(API, ok=False, problem=PROBLEM))

    assert lines == ["stack/web/service/api: failed: docker failed with exit code 1: no\\x1b[31m"]


def test_the_table_follows_each_stack():
    """The live table shows the step, the services, the last line of output, and how it ended."""
    table = LiveTable(console(io.StringIO()))
    table.step(Step("up", "web", (API,), ("api",), force=True))
    table.output("web", " Container [red]web-api-1\x1b[2J ")

    working = shown(table.render())
    table.outcome(Outcome(API, ok=True))
    table.settled(StackOutcome("web", "Applied", outcomes=(Outcome(API, ok=True),), seconds=2))
    done = shown(table.render())

    assert "web" in working
    assert "…api" in working
    assert "recreate api  Container [red]web-api-1\\x1b[2J" in working
    assert "✓api" in done
    assert "Applied  2.0 s" in done


def test_the_summary_counts_what_was_done():
    """At the end every stack has a line; a failed one says how far it came."""
    outcomes = (Outcome(API, ok=True), Outcome(API, ok=False, problem=PROBLEM))

    text = shown(summary_table([StackOutcome("web", "FailedPartial", PROBLEM, outcomes, 3.0)]))

    assert text.split() == ["✗", "web", "FailedPartial", "1", "of", "2", "actions", "3.0", "s"]
