"""What is kept of runs and of changes: enough to say why, however much was repaired since, and never more and more."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.model import (
    Action,
    AppliedService,
    AppliedStack,
    Because,
    Cause,
    DesiredStack,
    FieldDiff,
    Kind,
    Outcome,
    Problem,
    Result,
    Revision,
    StackOutcome,
)
from reconciler.record import database, history
from reconciler.record.store import Store

WEB = DesiredStack("web", "web", "/srv/stacks/web")
TARGET = "stack/web/service/a"


@pytest.fixture
def store(tmp_path):
    opened = Store.open(tmp_path / "state")
    opened.begin(WEB, frozenset(), "c0")
    yield opened
    opened.close()


def deed(kind: Kind, because: Because, *, ok: bool = True, target: str = TARGET, image: str = "") -> Outcome:
    fields = (FieldDiff("image", image, "app:0", "app:0"),) if image else ()
    cause = Cause("field", {"fields": "image"}, "stacks/web/compose.yaml", 4)
    action = Action(target, kind, because, cause, object="web-a-1", stack="web", service="a", fields=fields)
    return Outcome(action, ok)


def applied(commit: str, image: str, **more: str) -> AppliedStack:
    return AppliedStack(
        commit, {"a": AppliedService({"image": image}), **{k: AppliedService({"image": v}) for k, v in more.items()}}
    )


def carry_out(
    store: Store, commit: str, *done: Outcome, proved: AppliedStack | None = None, trigger: str = "push"
) -> str:
    """Write down a run as a pass does; without `proved` it did not get well."""
    run = store.start_run(trigger, "root", Revision(commit, f"Subject of {commit}", "Ada"))
    problem = None if proved else Problem("stack/web", "HealthFailed", "unhealthy", {"container": "web-a-1"})
    result: Result = "Applied" if proved else "FailedPartial"
    store.finish(StackOutcome("web", result, problem, done, 2.0), run=run, applied=proved)
    store.end_run(run, result)
    return run


def last(store: Store, target: str = TARGET) -> tuple[str, str | None, str | None]:
    """Return what the last change is said to be: its commit, kind, and what was there before it."""
    change = store.changes("web")[target]
    return change.run.revision or "", change.kind, change.before


# ── the last change ──────────────────────────────────────────────────────────────────────────────


def test_a_repair_is_no_change(store):
    """After a drift repair the last change is still that of git, with its subject and author."""
    carry_out(store, "c1", deed("create", "missing"), proved=applied("c1", "app:1"))
    changed = carry_out(store, "c2", deed("recreate", "change", image="app:2"), proved=applied("c2", "app:2"))
    carry_out(store, "c2", deed("create", "missing"), proved=applied("c2", "app:2"), trigger="drift")
    carry_out(store, "c3", deed("start", "drift"), proved=applied("c3", "app:2"), trigger="drift")
    change = store.changes("web")[TARGET]

    assert (change.run.id, change.run.subject, change.run.author) == (changed, "Subject of c2", "Ada")
    assert (change.kind, change.before, change.fields[0].desired) == ("recreate", "c1", "app:2")
    assert [done.kind for done in store.done("web", change.run.id)] == ["start", "create"]


def test_the_first_deployment_is_a_change(store):
    """What was missing because it is new was brought by git; what is missing later was taken by somebody."""
    carry_out(store, "c1", deed("create", "missing"))
    assert last(store) == ("c1", "create", None)

    carry_out(store, "c2", deed("create", "missing"))
    assert last(store) == ("c1", "create", None)


def test_what_git_brings_back_is_a_change(store):
    """A stack that was taken out of git and came back was made by the later commit; it was not put right."""
    carry_out(store, "c1", deed("create", "missing"), proved=applied("c1", "app:1"))
    carry_out(store, "c2", deed("remove", "removed"))
    store.forget("web")
    store.begin(WEB, frozenset(), "c3")
    carry_out(store, "c3", deed("create", "missing"), proved=applied("c3", "app:1"))
    assert last(store) == ("c3", "create", None)

    carry_out(store, "c3", deed("create", "missing"), proved=applied("c3", "app:1"), trigger="drift")
    assert last(store) == ("c3", "create", None)


def test_a_change_that_does_not_get_well_is_one(store):
    """The container is what that commit made of it; that it gets well in a later run, untouched, is no other change."""
    carry_out(store, "c1", deed("create", "missing"), proved=applied("c1", "app:1"))
    carry_out(store, "c2", deed("recreate", "change", image="app:2"))
    carry_out(store, "c3", proved=applied("c3", "app:2"))

    assert last(store) == ("c2", "recreate", "c1")


def test_a_change_whose_agent_was_killed_is_found_by_what_is_proved(store):
    """Nobody wrote down the action; what runs now is proved to be another thing than before."""
    carry_out(store, "c1", deed("create", "missing"), proved=applied("c1", "app:1"))
    carry_out(store, "c2", deed("start", "drift"), proved=applied("c2", "app:2"))
    assert last(store) == ("c2", "start", "c1")

    carry_out(store, "c3", proved=applied("c3", "app:3"))
    change = store.changes("web")[TARGET]
    assert (change.run.revision, change.kind, change.cause) == ("c3", None, None)
    assert [(one.path, one.applied, one.desired) for one in change.fields] == [("image", "app:2", "app:3")]


def test_what_compares_otherwise_at_the_same_commit_is_no_change(store):
    """A newer agent may write down a service in another form: nothing has changed."""
    carry_out(store, "c1", deed("create", "missing"), proved=applied("c1", "app:1"))
    carry_out(store, "c1", proved=applied("c1", "docker.io/app:1"))

    assert last(store) == ("c1", "create", None)


@pytest.mark.parametrize(
    ("done", "changes"),
    [
        ([deed("recreate", "change")], True),
        ([deed("restart", "input")], True),
        ([deed("remove", "removed")], True),
        ([deed("recreate", "cascade"), deed("recreate", "change", target="stack/web/service/b")], True),
        ([deed("recreate", "cascade"), deed("recreate", "drift", target="stack/web/service/b")], False),
        ([deed("recreate", "image")], False),
        ([deed("pull", "change")], False),
        ([deed("recreate", "change", ok=False)], False),
    ],
)
def test_which_actions_change_something(store, done, changes):
    """What git asks for, and what that forces, is a change; what others did, or what did not succeed, is none."""
    carry_out(store, "c1", deed("create", "missing"), proved=applied("c1", "app:1"))
    carry_out(store, "c2", *done, proved=applied("c2", "app:1"))

    assert (last(store)[0] == "c2") is changes


def test_several_actions_of_one_change_tell_all_fields(store):
    """An update and a rename of one container are one change of it."""
    second = deed("rename", "change")
    second = replace(second, action=replace(second.action, fields=(FieldDiff("container_name", "b", "a", "a"),)))
    carry_out(store, "c1", deed("update", "change", image="app:2"), second, proved=applied("c1", "app:2"))

    assert [one.path for one in store.changes("web")[TARGET].fields] == ["image", "container_name"]


def test_daemon_keys_have_their_last_change_too(store):
    """A key that somebody edited and we put back was changed by the commit before."""
    seen: list[tuple[str, Because]] = [("c1", "change"), ("c2", "drift")]
    for commit, because in seen:
        run = store.start_run("push", "root", Revision(commit))
        action = Action("daemon/debug", "set", because, Cause("daemon-changed", {"key": "debug"}), object="debug")
        store.finish_daemon(StackOutcome("daemon", "Applied", None, (Outcome(action, ok=True),)), run=run)

    assert store.changes("daemon")["daemon/debug"].run.revision == "c1"
    assert [done.because for done in store.done("daemon")] == ["drift", "change"]


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_run_tells_what_became_of_its_stacks(store):
    """A stack that failed although each action succeeded says why."""
    carry_out(store, "c1", deed("create", "missing"))
    (told,) = store.history()

    assert (told.run.trigger, told.run.who, told.run.result) == ("push", "root", "FailedPartial")
    assert [(one.stack, one.result, one.problem.code, one.seconds) for one in told.settled if one.problem] == [
        ("web", "FailedPartial", "unhealthy", 2.0)
    ]
    assert [(one.kind, one.ok, one.cause.line) for one in told.done] == [("create", True, 4)]


def test_quiet_runs_are_not_told_and_a_stack_has_its_own(store):
    """Runs in which nothing was done are left out; one stack's history names the runs that touched it."""
    carry_out(store, "c1", deed("create", "missing"), proved=applied("c1", "app:1"))
    store.end_run(store.start_run("command", "root", Revision("c1")), "NoChange")
    other = store.start_run("push", "root", Revision("c2"))
    store.finish(StackOutcome("db", "FailedUnchanged"), run=other)
    store.end_run(other, "FailedUnchanged")

    assert [told.run.revision for told in store.history()] == ["c2", "c1"]
    assert [told.run.revision for told in store.history(stack="web")] == ["c1"]
    assert [told.run.revision for told in store.history(stack="db")] == ["c2"]
    assert [told.run.revision for told in store.history(limit=1)] == ["c2"]


def test_a_stacks_history_leaves_out_what_was_done_to_others(store):
    """A run that touched several stacks tells of the named one only."""
    run = store.start_run("push", "root", Revision("c1"))
    store.finish(
        StackOutcome("web", "Applied", None, (deed("create", "missing"),)), run=run, applied=applied("c1", "app:1")
    )
    store.finish(StackOutcome("db", "FailedUnchanged"), run=run)
    store.end_run(run, "FailedUnchanged")
    other = store.start_run("push", "root", Revision("c2"))
    store.finish(StackOutcome("web", "NoChange"), run=other, applied=applied("c2", "app:1"))
    store.finish(StackOutcome("sick", "FailedUnchanged"), run=other)
    store.end_run(other, "FailedUnchanged")
    (web,), (db,) = store.history(stack="web"), store.history(stack="db")

    assert ([one.stack for one in web.settled], len(web.done)) == (["web"], 1)
    assert ([one.stack for one in db.settled], len(db.done)) == (["db"], 0)
    assert [len(told.settled) for told in store.history()] == [2, 2]


def test_the_record_of_runs_stays_bounded_and_the_last_change_stays(store, monkeypatch):
    """However often something is repaired, the commit of the last change can be named."""
    monkeypatch.setattr(history, "KEPT_RUNS", 5)
    monkeypatch.setattr(history, "KEPT_QUIET_RUNS", 3)
    carry_out(store, "c1", deed("create", "missing"), proved=applied("c1", "app:1"))
    for _ in range(20):
        carry_out(store, "c1", deed("create", "missing"), proved=applied("c1", "app:1"), trigger="drift")
        store.end_run(store.start_run("command", "root", Revision("c1")), "NoChange")
    rows = {name: count(store, name) for name in ("run", "done", "settled", "change")}

    assert rows == {"run": 5 + 3 + 1, "done": 5, "settled": 5, "change": 1}
    assert (last(store), store.changes("web")[TARGET].run.subject) == (("c1", "create", None), "Subject of c1")


def test_what_is_gone_for_long_is_forgotten(store, monkeypatch):
    """Services that git no longer names, and stacks taken away, leave the record once their runs do."""
    monkeypatch.setattr(history, "KEPT_RUNS", 5)
    monkeypatch.setattr("reconciler.record.changes.KEPT_RUNS", 5)
    gone = deed("remove", "removed", target="stack/web/service/b")
    carry_out(store, "c1", deed("create", "missing"), proved=applied("c1", "app:1", b="app:1"))
    carry_out(store, "c2", gone, proved=applied("c2", "app:1"))
    assert last(store, "stack/web/service/b") == ("c2", "remove", "c1")

    for _ in range(8):
        carry_out(store, "c2", deed("start", "drift"), proved=applied("c2", "app:1"))
    assert set(store.changes("web")) == {TARGET}

    store.forget("web")
    for _ in range(8):
        run = store.start_run("drift", "root", Revision("c3"))
        store.end_run(run, "FailedUnchanged")
    assert dict(store.changes("web")) == {}


def test_who_made_a_container_is_known(store):
    """The action that made this very container, also when a repair did."""
    carry_out(store, "c1", deed("create", "missing"), proved=applied("c1", "app:1"))
    run = carry_out(store, "c1", deed("create", "missing"), proved=applied("c1", "app:1"), trigger="drift")
    carry_out(store, "c1", deed("start", "drift"), proved=applied("c1", "app:1"), trigger="drift")
    maker = store.maker("web", "web-a-1")

    assert maker is not None
    assert (maker.run.id, maker.run.trigger) == (run, "drift")
    assert store.maker("web", "web-a-2") is None


def count(store: Store, table: str) -> int:
    found: int = store._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    return found


def test_a_record_from_before_knows_its_last_changes(tmp_path, monkeypatch):
    """What an older agent wrote down is read as the last change of each thing, the daemon's keys among them."""
    with monkeypatch.context() as older:
        older.setattr(database, "MIGRATIONS", database.MIGRATIONS[:2])
        connection = database.connect(tmp_path)
        connection.execute(
            "INSERT INTO run VALUES (1, 'command', 'root', 'c1', '2026-01-01T00:00:00+00:00', NULL, 'Applied')"
        )
        write = "INSERT INTO done VALUES (1, '2026-01-01T00:00:00+00:00', ?, ?, ?, 'a', ?, ?, '[]', ?, NULL, 1.0)"
        cause = '{"code":"field","args":{},"file":null,"line":null,"commit":"c1"}'
        for stack, kind, target, because, ok in (
            ("web", "create", TARGET, "change", 1),
            ("web", "recreate", TARGET, "change", 1),
            ("web", "start", TARGET, "drift", 1),
            ("web", "recreate", "stack/web/service/b", "change", 0),
            ("", "set", "daemon/debug", "change", 1),
        ):
            connection.execute(write, (stack, kind, target, because, cause, ok))
        connection.close()
    store = Store.open(tmp_path)

    assert {target: change.kind for target, change in store.changes("web").items()} == {TARGET: "recreate"}
    assert store.changes("daemon")["daemon/debug"].run.revision == "c1"
    assert [told.run.id for told in store.history(stack="daemon")] == ["1"]
    store.close()
