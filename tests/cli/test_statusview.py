"""The status, as a person sees it."""

import io
from datetime import UTC, datetime
from typing import Any

from reconciler.cli.paint import ago, paint_plan, paint_status
from reconciler.cli.statusdoc import StackView, View
from reconciler.cli.statusview import overview
from reconciler.cli.streams import console

WHEN = "2026-11-24T10:00:00Z"
COMMIT = "0123456789abcdef" * 2
WEB: Any = {
    "sync": "OutOfSync", "health": "Degraded", "operation": "Idle", "result": "FailedPartial",
    "reason": "api is not healthy", "since": WHEN, "next": None, "pending": 0,
    "blocked": [{"target": "stack/web", "reason": "PortTaken", "text": "port 80 is taken by \x1b[31mnginx", "hint": "stop it",
                 "file": "stacks/web/compose.yaml", "line": 7}],
    "held": [{"target": "stack/web/service/api", "why": "ignored", "fields": [{"path": "labels.a"}]}],
    "services": {"api": {"state": "exited", "health": "degraded", "exit_code": 1, "log": ["\x1b[2J no"],
                         "containers": ["web-api-1"]},
                 "site": {"state": "running", "health": None, "containers": ["web-site-1"]}},
}  # fmt: skip
DB: Any = {
    "sync": "Synced", "health": "Healthy", "operation": "Idle", "result": "Applied", "reason": None, "since": WHEN,
    "next": None, "blocked": [], "held": [],
    "services": {"db": {"state": "running", "health": "healthy", "containers": ["db-db-1"]}},
}  # fmt: skip
DAEMON: Any = {
    "sync": "Synced", "result": "Applied", "reason": None,
    "keys": {"bridge": {"owner": "system", "desired": "br", "file": "br", "effective": "br", "state": "in sync"},
             "log-opts": {"owner": "git", "desired": {"max-file": "3"}, "file": {"max-file": "3"}, "effective": None,
                          "state": "unverifiable"}},
}  # fmt: skip
GOOD: Any = {
    "schema": 1, "device": "attic", "agent": "0.1.0", "engine": {"version": "26.1.5", "state": "reachable"},
    "compose": "2.26.1", "observed_at": WHEN, "revision": {"wanted": COMMIT, "attempted": COMMIT, "applied": COMMIT},
    "source": {"state": "ok", "since": WHEN, "reason": None},
    "stacks": {"db": DB}, "daemon": DAEMON, "unmanaged": [], "counts": {"Synced": 1},
}  # fmt: skip
BAD: Any = {**GOOD, "stacks": {"web": WEB, "db": DB}, "unmanaged": ["other"], "counts": {"Synced": 1, "OutOfSync": 1}}


def test_all_is_well_in_a_few_lines():
    """A pipe gets stable columns, full times, and no advice when nothing is to be done."""
    assert overview(GOOD) == (
        "device    attic\n"
        "engine    26.1.5, reachable; compose 2.26.1\n"
        "revision  0123456789ab, applied\n"
        "source    ok\n"
        "\n"
        "STACK  SYNC    HEALTH   RESULT   SERVICES  SINCE                 REASON\n"
        "db     Synced  Healthy  Applied  1/1       2026-11-24T10:00:00Z\n"
        "\n"
        "DAEMON KEY  OWNER   STATE         DESIRED            FILE               EFFECTIVE\n"
        "bridge      system  in sync       br                 br                 br\n"
        'log-opts    git     unverifiable  {"max-file": "3"}  {"max-file": "3"}  -\n'
        "\n"
        "1 Synced"
    )


def test_what_is_not_well_is_explained():
    """Below the tables stands why, where, what to do, what is held, and whose containers are left alone."""
    assert (
        "web\n"
        "  PortTaken: stacks/web/compose.yaml:7: port 80 is taken by \\x1b[31mnginx\n"
        "    hint: stop it\n"
        "  api: exited with code 1, degraded\n"
        "    | \\x1b[2J no\n"
        "  held: stack/web/service/api labels.a (ignored)\n"
        "\n"
        "Not ours, left alone: other\n"
        "1 Synced, 1 OutOfSync\n"
        "See what differs: reconciler plan."
    ) in overview(BAD)


def test_apply_is_advised_where_it_helps():
    """What is held or blocked is not put right by an apply; what is to be done is."""
    pending = {**DB, "sync": "OutOfSync", "pending": 2}
    held = {**DB, "sync": "OutOfSync", "pending": 0, "held": [{"target": "stack/db", "why": "report", "fields": []}]}
    advice = "See what differs: reconciler plan."

    assert overview({**GOOD, "stacks": {"db": pending}}).endswith(f"{advice} Put it right: reconciler apply.")
    assert overview({**GOOD, "stacks": {"db": held}}).endswith(advice)


def test_what_waits_says_until_when_and_what_to_type():
    """A stop that is respected, a suspension with its person, and what the agent has to say about the host."""
    stopped = {"target": "stack/db/service/db", "why": "stop_grace", "fields": [], "until": "2026-11-24T10:10:00Z",
               "note": "db-db-1 was stopped by somebody; to leave it so: reconciler suspend db --reason …"}  # fmt: skip
    suspended = {"who": "ada", "reason": "copying\x1b[2J", "since": WHEN, "until": None}
    limited = {**suspended, "until": "2026-11-25T10:00:00Z"}
    document = {
        **GOOD,
        "stacks": {
            "db": {**DB, "held": [stopped]},
            "web": {**DB, "suspended": suspended},
            "x": {**DB, "suspended": limited},
        },
        "notes": ["watching refs failed: inotify limit reached; polling goes on"],
    }

    text = overview(document)

    assert (
        "db\n  held: stack/db/service/db (stop_grace until 2026-11-24T10:10:00Z): db-db-1 was stopped by somebody; "
        "to leave it so: reconciler suspend db --reason …\n"
    ) in text
    assert (
        "web\n  suspended by ada (2026-11-24T10:00:00Z): copying\\x1b[2J; until somebody says: reconciler resume web\n"
    ) in text
    assert "; until 2026-11-25T10:00:00Z, or earlier: reconciler resume x\n" in text
    assert "\nNote: watching refs failed: inotify limit reached; polling goes on\n1 Synced" in text


def test_the_table_stays_narrow():
    """What blocks a stack is one word in the table; its text stands below."""
    row = next(line for line in overview(BAD).splitlines() if line.startswith("web  "))

    assert row == "web    OutOfSync  Degraded  FailedPartial  1/2       2026-11-24T10:00:00Z  PortTaken"


def test_a_service_that_is_not_there_is_missing():
    """Its state and its health say the same, once."""
    gone = {"state": "missing", "health": "missing", "containers": []}

    assert "\n  db: missing\n" in overview({**GOOD, "stacks": {"db": {**DB, "services": {"db": gone}}}})


def test_an_engine_that_is_down_says_what_to_do():
    """Without an engine the first thing to do is to start it."""
    engine = {"version": None, "state": "unreachable", "reason": "nobody listens at unix:///x"}
    down = {**GOOD, "engine": engine, "compose": None}

    text = overview(down)

    assert "engine    nobody listens at unix:///x; compose not found" in text
    assert text.endswith("correct docker.host in the settings.")


def test_a_source_that_is_away_is_named():
    """The head says why git could not be asked."""
    away = {**GOOD, "source": {"state": "unreachable", "since": WHEN, "reason": "connection refused"}}

    assert "source    connection refused" in overview(away)
    assert View(away).source_problem == "connection refused"


def test_a_fresh_host_has_a_status_too():
    """Nothing applied, no daemon part, no stacks: still a plain answer."""
    fresh = {
        **GOOD,
        "stacks": {},
        "daemon": None,
        "revision": {"wanted": COMMIT, "attempted": None, "applied": None},
        "counts": {},
    }

    text = overview(fresh)

    assert "wanted 0123456789ab, attempted none, applied none" in text
    assert "No stacks on this device." in text


def test_good_is_in_step_well_and_not_blocked():
    """A stack is good when it is synced, healthy (or suspended on purpose) and nothing blocks it."""
    assert StackView("db", DB).good
    assert StackView("db", {**DB, "health": "Suspended"}).good
    assert not StackView("db", {**DB, "sync": "OutOfSync"}).good
    assert not StackView("db", {**DB, "health": "Degraded"}).good
    assert not StackView("db", {**DB, "blocked": WEB["blocked"]}).good


def test_a_daemon_key_that_waits_for_a_restart_is_not_good():
    """What cannot be verified counts as good, what waits for a restart does not."""
    waiting = {**DAEMON["keys"]["bridge"], "state": "pending restart"}

    assert View(GOOD).daemon_good
    assert not View({**GOOD, "daemon": {**DAEMON, "keys": {"bridge": waiting}}}).daemon_good


def test_a_terminal_gets_colours_and_relative_times():
    """The same blocks, painted; markup in foreign text stays text."""
    text = io.StringIO()
    terminal = console(text)
    document = {**GOOD, "stacks": {"[red]db": DB}}

    terminal.print(paint_status(document, now=datetime(2026, 11, 24, 12, 30, tzinfo=UTC)))

    assert "[red]db  Synced  Healthy  Applied  1/1       2 h ago" in text.getvalue()


def test_times_are_said_as_people_do():
    """The largest unit is enough; what is no time is left as it is."""
    now = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

    assert [
        ago(since, now)
        for since in (
            "2026-11-24T11:59:30Z",
            "2026-11-24T11:55:00Z",
            WHEN,
            "2026-11-21T11:00:00Z",
            "2026-11-24T12:05:00Z",
            "-",
        )
    ] == ["now", "5 min ago", "2 h ago", "3 d ago", "in 5 min", "-"]


def drawn(painted: Any, width: int) -> list[str]:
    """Print on a terminal that is so wide, as lines."""
    text = io.StringIO()
    terminal = console(text)
    terminal.width = width
    terminal.print(painted)
    return text.getvalue().splitlines()


def test_a_plan_keeps_its_text_when_painted():
    """Colours change no character of a plan."""
    plan = "+ create [bold]web\n    ± image\n\nNo more"

    assert drawn(paint_plan(plan), 80) == plan.splitlines()


def test_a_long_line_of_a_plan_goes_on_further_in():
    """A narrow terminal breaks between words, and what goes on cannot be taken for an action."""
    plan = "+ stack/web/service/api  create web-api-1  (missing: not there)"

    assert drawn(paint_plan(plan), 40) == [
        "+ stack/web/service/api  create",
        "      web-api-1  (missing: not there)",
    ]


def test_a_long_reason_is_wrapped_on_a_terminal():
    """In its column where there is room, beneath its row where there is little; in a pipe it stays one line."""
    reason = "one two three four five six seven eight nine ten eleven twelve"
    document = {**GOOD, "stacks": {"db": {**DB, "reason": reason}}, "daemon": None}
    now = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
    row = "db     Synced  Healthy  Applied  1/1       2 h ago"

    wide, narrow = (drawn(paint_status(document, now), width) for width in (95, 60))

    at = wide.index(f"{row}  one two three four five six seven eight")
    assert wide[at + 1] == " " * 52 + "nine ten eleven twelve"
    assert narrow[narrow.index(row) + 1] == "  one two three four five six seven eight nine ten eleven"
    assert narrow[narrow.index(row) + 2] == "      twelve"
    assert any(line.endswith(reason) for line in overview(document).splitlines())


def test_a_very_narrow_terminal_shows_names_whole():
    """Values are broken, names are not; nothing to say takes no line."""
    document = {**GOOD, "stacks": {"db": DB}, "daemon": DAEMON}

    lines = drawn(paint_status(document, datetime(2026, 11, 24, 12, 30, tzinfo=UTC)), 48)

    assert any(line.startswith("bridge ") for line in lines)
    assert "" not in lines[lines.index("") + 1 : lines.index("") + 4]
