"""Why and history, as a tired person reads them."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.cli import history
from reconciler.cli.history import lines
from reconciler.cli.why import sentences

COMMIT = "0123456789abcdef" * 2
RUN: Any = {"run": "12", "trigger": "push", "who": "root", "revision": COMMIT, "subject": "Let A be 2", "author": "Ada"}
PLACE: Any = {"file": "stacks/web/compose.yaml", "line": 6}
FIELD: Any = {"path": "environment.A", "before": "1", "after": "2"}
ACTION: Any = {
    "target": "stack/web/service/api", "object": "web-api-1", "kind": "recreate", "because": "change",
    "text": "environment.A differs", **PLACE, "fields": [FIELD], "ok": True, "problem": None, "seconds": 0.42,
}  # fmt: skip
PROBLEM: Any = {
    "reason": "HealthFailed",
    "text": "api ended\nno such luck",
    "hint": "docker logs api",
    "file": None,
    "line": None,
}
TOLD: Any = {
    **RUN, "started": "2026-11-24T10:00:00Z", "ended": "2026-11-24T10:00:02Z", "result": "FailedPartial",
    "stacks": {"web": {"result": "FailedPartial", "problem": PROBLEM, "seconds": 2.0}}, "actions": [ACTION],
}  # fmt: skip
ANSWER: Any = {
    "schema": 1, "target": "stack/web/service/api", "kind": "container", "stack": "web", "ours": True,
    "state": "running, healthy", "reason": None, "since": None, **PLACE,
    "changed": {**RUN, **ACTION, "commit": COMMIT, "at": "2026-11-24T10:00:00Z"},
    "repaired": None, "failed": None, "pending": [], "waiting": None, "held": [], "blocked": [], "suspended": None,
    "container": {"name": "web-api-1", "id": "f" * 64, "image": "app:2", "image_id": "sha256:" + "a" * 64, "made": None,
                  "log": []},
    "containers": ["web-api-1"],
}  # fmt: skip
REPAIRED: Any = {
    **RUN, **ACTION, "run": "14", "trigger": "drift", "kind": "create", "because": "missing", "text": "not there",
    "fields": [], "at": "2026-11-24T12:00:00Z",
}  # fmt: skip
DID = "2026-11-24T12:00:00Z: create web-api-1  (missing: not there; stacks/web/compose.yaml:6)  run 14 (drift)"


@pytest.fixture(autouse=True)
def utc(monkeypatch):
    """Show times as they are."""
    for module in ("history", "why"):
        monkeypatch.setattr(f"reconciler.cli.{module}.local_time", lambda words: words)


def told(**changes: Any) -> list[str]:
    return list(sentences({**ANSWER, **changes}))


def test_a_change_names_field_place_commit_and_author():
    """What it is, where it stands, what changed it and who."""
    assert told() == [
        "container web-api-1, of stack/web/service/api: running, healthy",
        "  Image app:2 (sha256:aaaaaaaaaaaa), container ffffffffffff.",
        "  Git wants it: stacks/web/compose.yaml:6.",
        "Changed 2026-11-24T10:00:00Z: recreate web-api-1  (change: environment.A differs; stacks/web/compose.yaml:6)",
        "    environment.A: 1 → 2",
        '  Commit 0123456789ab "Let A be 2" by Ada, run 12 (push).',
        "Nothing is to be done.",
    ]


def test_a_repair_comes_after_the_change():
    """The commit stays that of the change."""
    said = told(repaired=REPAIRED)

    assert said[5].startswith("  Commit 0123456789ab")
    assert said[6] == (f"Put right since, {DID}")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"ours": False, "target": "hand", "changed": None}, "  It was never made by reconciler, and is left alone."),
        ({"changed": None, "containers": []}, "Nothing that was done to it is written down."),
        ({"changed": None}, "When it was last changed is not written down; what runs may be older than our record."),
        ({"container": {**ANSWER["container"], "made": REPAIRED}},
         f"This container was made {DID}"),
        ({"failed": {**RUN, "at": "T", "result": "FailedPartial", "problem": PROBLEM}}, "Failed T in run 12 (push): api ended"),
        ({"failed": {"result": "FailedPartial", "problem": PROBLEM}}, "    no such luck"),
        ({"waiting": {"code": "retry", "for": "the next try", "since": "S", "until": None, "next": "N"}},
         "Waits for the next try (since S, next N)"),
        ({"held": [{"target": "stack/web", "why": "stop_grace", "until": "U", "note": "by hand"}]},
         "Held: stack/web (stop_grace, until U): by hand"),
        ({"blocked": [{"reason": "PortTaken", "text": "80 is taken", "hint": "choose", **PLACE}]},
         "Blocked, PortTaken: stacks/web/compose.yaml:6: 80 is taken"),
        ({"suspended": {"who": "ada", "reason": "copy", "since": "S", "until": None}}, "Suspended: copy (ada, since S)."),
        ({"pending": [ACTION]},
         "To do: recreate web-api-1  (change: environment.A differs; stacks/web/compose.yaml:6)"),
        ({"container": {**ANSWER["container"], "stopped_by_hand": True, "stopped_at": "T"}},
         "  Somebody stopped or paused it by hand T."),
        ({"state": "not managed", "kind": "daemon", "container": None},
         "  The agent's settings have no `daemon:` part: what dockerd is set to is not looked at."),
    ],
)  # fmt: skip
def test_what_else_there_is_to_say(changes, line):
    """Each part of the answer has its sentence, and only what is there is said."""
    said = told(**changes)

    assert line in said
    is_open = {"failed", "waiting", "held", "blocked", "suspended", "pending"} & changes.keys()
    is_others = "ours" in changes or "state" in changes
    assert ("Nothing is to be done." in said) == (not is_open and not is_others)


def test_the_same_words_are_said_once():
    """What failed is not said again as what it is, what blocks it and what it waits for."""
    words = "cannot pull: refused"
    problem = {**PROBLEM, "text": words}
    said = told(
        kind="stack", reason=words, failed={**RUN, "at": "T", "problem": problem}, blocked=[problem],
        waiting={"code": "retry", "for": f"the next try: {words}", "since": "S", "until": None, "next": "N"},
    )  # fmt: skip

    assert [line for line in said if words in line] == [f"Failed T in run 12 (push): {words}"]
    assert "Waits for the next try (since S, next N)" in said


def test_what_others_wrote_is_printed_inert():
    """A commit's subject cannot steer the terminal."""
    evil = {**ANSWER["changed"], "subject": "\x1b[2Jgone", "author": "\u202eadA"}

    assert not any(character in line for line in told(changed=evil) for character in "\x1b\u202e")
    assert not any("\x1b" in line for line in lines({**TOLD, "subject": "\x1b[2J"}))


def test_a_run_is_a_block_of_lines():
    """When, why, of which commit, what was done with how long it took, and what went wrong."""
    assert list(lines(TOLD)) == [
        "run 12  2026-11-24T10:00:00Z  FailedPartial  (push)",
        '  commit 0123456789ab "Let A be 2" by Ada',
        "  ✓ stack/web/service/api  recreate web-api-1  (change: environment.A differs; stacks/web/compose.yaml:6)  0.4 s",
        "      environment.A: 1 → 2",
        "  ! web: FailedPartial: api ended",
        "      no such luck",
        "    docker logs api",
    ]


def test_a_failure_of_an_action_is_said_once():
    """Where an action says what was wrong, its stack does not say it again."""
    said = list(lines({**TOLD, "actions": [{**ACTION, "ok": False, "problem": PROBLEM}]}))

    assert said[4:] == ["    failed: api ended", "        no such luck", "      docker logs api"]


def test_what_fails_in_the_same_way_again_is_counted(capsys):
    """A stack that is tried all night does not hide what else happened; what did something is always said."""
    failed = {**TOLD, "actions": []}
    runs = [{**failed, "run": str(number), "trigger": "retry" if number > 1 else "push"} for number in (1, 2, 3)]
    history.show({"runs": [{**TOLD, "run": "5"}, {**TOLD, "run": "4"}, *reversed(runs)]}, as_json=False)
    said = capsys.readouterr().out.splitlines()

    assert [line.split()[1] for line in said if line.startswith("run ")] == ["1", "4", "5"]
    assert "  the same 2 times more, last in run 3  2026-11-24T10:00:00Z  (retry)" in said


def test_a_run_told_of_one_stack_has_the_result_of_that_stack():
    """Another stack that failed in the same run is not this one's failure."""
    stacks = {"web": {"result": "Applied", "problem": None, "seconds": 2.0}}
    assert next(lines({**TOLD, "stacks": stacks})) == "run 12  2026-11-24T10:00:00Z  Applied  (push)"


def test_a_run_that_did_not_end_says_so():
    """Whoever made it was killed."""
    assert next(lines({**TOLD, "result": None, "ended": None})) == "run 12  2026-11-24T10:00:00Z  did not end  (push)"


def test_following_prints_each_run_once_when_it_has_ended(capsys, monkeypatch):
    """Old runs first, newest last; one under way when it has ended; what happens in between prints nothing."""
    first, second = {**TOLD, "run": "1"}, {**TOLD, "run": "2"}
    answers = [[first], [{**second, "ended": None, "result": None}, first], [second, first], [second, first]]

    class Desk:
        def follow(self):
            return iter([{"event": "step"}, {"event": "ended"}, {"event": "ended"}, {"event": "ended"}])

        def history(self, stack, limit):
            return {"runs": answers.pop(0)}

    monkeypatch.setattr(history, "opened", lambda config: _Opened(Desk()))
    assert history.run(None, None, limit=20, follow=True, as_json=False) == 0

    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith("run ")]
    assert [head.split()[1] for head in heads] == ["1", "2"]
    assert not any("did not end" in head for head in heads)
    assert answers == []


def test_ctrl_c_is_how_following_ends(monkeypatch):
    """As with `status --watch`, that is no failure."""

    class Desk:
        def follow(self):
            yield {"event": "step"}
            raise KeyboardInterrupt

        def history(self, stack, limit):
            return {"runs": []}

    monkeypatch.setattr(history, "opened", lambda config: _Opened(Desk()))
    assert history.run(None, None, limit=20, follow=True, as_json=False) == 0


class _Opened:
    def __init__(self, desk):
        self.desk = desk

    def __enter__(self):
        return self.desk

    def __exit__(self, *_):
        return None
