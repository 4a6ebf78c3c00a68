"""The record: written ahead, whole after a crash, and clear about what to do when it cannot be used."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.errors import Locked, NoSpace, StoreUnusable
from reconciler.model import (
    Action,
    AppliedService,
    AppliedStack,
    Cause,
    DesiredStack,
    FieldDiff,
    ObjectRef,
    Outcome,
    Problem,
    Revision,
    StackOutcome,
)
from reconciler.plan.texts import problem_hint
from reconciler.record import database
from reconciler.record.store import Store

WEB = DesiredStack("web", "web-project", "/srv/stacks/web")
OLD, NEW = ObjectRef("container", "web-a-1"), ObjectRef("container", "web-b-1")
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ACTION = Action(
    "stack/web/service/a", "recreate", "change", Cause("field", {"fields": "image"}, "stacks/web/compose.yaml", 4, "c1"),
    object="web-a-1", stack="web", service="a", fields=(FieldDiff("image", "app:2", "app:1", "app:1"),),
)  # fmt: skip
APPLIED = AppliedStack(
    "c1", {"a": AppliedService({"image": "app:2"}, {"bind:x": "d1"}, "sha256:1", "hash")},
    {"default": {"driver": "bridge"}}, {"data": {}},
)  # fmt: skip


@pytest.fixture
def store(tmp_path):
    opened = Store.open(tmp_path / "state")
    yield opened
    opened.close()


def again(store: Store) -> Store:
    """Open the same record a second time, as another process would."""
    return Store.open(store._state_dir)


# ── one stack ────────────────────────────────────────────────────────────────────────────────────


def test_an_empty_record_knows_nothing(store):
    """The first pass on a fresh machine finds a record that is empty, not an error."""
    recorded = store.recorded()

    assert (dict(recorded.stacks), recorded.device, recorded.had_device_folder) == ({}, None, False)
    assert store.revisions().applied is None


def test_begin_writes_ahead_what_may_become_ours(store):
    """Before the first write the inventory is what was, and what may come."""
    store.begin(WEB, frozenset({OLD}), "c1")
    store.begin(WEB, frozenset({NEW}), "c2")
    stack = again(store).recorded().stacks["web"]

    assert stack.inventory == {OLD, NEW}
    assert (stack.project, stack.folder, stack.attempted) == ("web-project", "/srv/stacks/web", "c2")
    assert stack.applied is None


def test_success_leaves_exactly_what_is_there(store):
    """After success the inventory is what is there now, and everything the plan reads comes back as it was."""
    run = store.start_run("command", "root", Revision("c1"))
    store.begin(WEB, frozenset({OLD, NEW}), "c1")
    store.wrote_files("web", {"compose.yaml": "d"})
    store.made("web", {"a": {"bind:x": "d1"}})
    outcome = StackOutcome("web", "Applied", None, (Outcome(ACTION, ok=True, seconds=0.5),))
    store.finish(
        outcome, run=run, applied=APPLIED, inventory=frozenset({OLD}), defaults={"id1": {"LogConfig": {}}},
        settings=(False, ("db",)),
    )  # fmt: skip
    recorded = again(store).recorded()
    stack = recorded.stacks["web"]

    assert stack.applied == APPLIED
    assert stack.inventory == {OLD}
    assert (stack.files, stack.made) == ({"compose.yaml": "d"}, {"a": {"bind:x": "d1"}})
    assert (stack.prune, stack.depends_on, stack.result) == (False, ("db",), "Applied")
    assert recorded.defaults == {"id1": {"LogConfig": {}}}


def test_a_failure_keeps_what_was_applied_and_the_union(store):
    """A failed attempt does not pretend: applied stays the old one, the inventory all that may be there."""
    run = store.start_run("command", "root")
    store.begin(WEB, frozenset({OLD}), "c1")
    store.finish(StackOutcome("web", "Applied"), run=run, applied=APPLIED, inventory=frozenset({OLD}))
    store.begin(WEB, frozenset({NEW}), "c2")
    problem = Problem("stack/web", "PullFailed", "pull-failed", {"services": "a"}, "stacks/web/compose.yaml", 3)
    store.finish(StackOutcome("web", "FailedUnchanged", problem), run=run)
    stack = again(store).recorded().stacks["web"]

    assert stack.inventory == {OLD, NEW}
    assert (stack.applied, stack.attempted) == (APPLIED, "c2")
    assert (stack.result, stack.problem) == ("FailedUnchanged", problem)


def test_defaults_of_containers_that_are_gone_go(store):
    """Frozen defaults are kept for exactly the stack's containers, and another stack's stay."""
    run = store.start_run("command", "root")
    for name in ("web", "db"):
        store.begin(DesiredStack(name, name, f"/srv/{name}"), frozenset(), "c1")
        store.finish(StackOutcome(name, "Applied"), run=run, defaults={f"{name}1": {"Init": True}})
    store.finish(StackOutcome("web", "Applied"), run=run, defaults={"web2": {}})

    assert store.recorded().defaults == {"db1": {"Init": True}, "web2": {}}


def test_made_of_one_service_leaves_the_others(store):
    """What a service's containers have read is written down per service."""
    store.begin(WEB, frozenset(), "c1")
    store.made("web", {"a": {"x": "1"}, "b": {"y": "1"}})
    store.made("web", {"b": {"y": "2"}})

    assert store.recorded().stacks["web"].made == {"a": {"x": "1"}, "b": {"y": "2"}}


def test_a_stack_taken_away_is_forgotten_its_history_is_not(store):
    """After a prune nothing is left to prune; why it went can still be asked."""
    run = store.start_run("command", "root")
    store.begin(WEB, frozenset({OLD}), "c1")
    store.finish(StackOutcome("web", "Applied", None, (Outcome(ACTION, ok=True),)), run=run, defaults={"id1": {}})
    store.forget("web")

    assert dict(store.recorded().stacks) == {}
    assert dict(store.recorded().defaults) == {}
    assert len(store.done("web")) == 1


def test_a_folder_that_stays_is_remembered_as_long_as_it_is_there(store, tmp_path):
    """Files of others in the folder of a stack taken away are named until the folder goes, or the stack comes back."""
    folder = tmp_path / "web"
    folder.mkdir()
    web = DesiredStack("web", "web", str(folder))
    store.begin(web, frozenset(), "c1")
    store.forget("web", ("data/db",))
    assert again(store).left_behind() == {str(folder): ["data/db"]}

    store.begin(web, frozenset(), "c2")
    assert store.left_behind() == {}

    store.forget("web")
    assert store.left_behind() == {}

    store.begin(web, frozenset(), "c3")
    store.forget("web", ("data/db",))
    folder.rmdir()
    assert store.left_behind() == {}


def test_a_recorded_stack_can_begin_too(store):
    """Taking away a stack that git no longer holds is an attempt as any other, and loses none of what was applied."""
    run = store.start_run("command", "root")
    store.begin(WEB, frozenset({OLD}), "c1")
    store.wrote_files("web", {"x": "d"})
    store.finish(StackOutcome("web", "Applied"), run=run, applied=APPLIED, settings=(False, ()))
    store.begin(store.recorded().stacks["web"], frozenset(), "c2")
    stack = store.recorded().stacks["web"]

    assert (stack.inventory, stack.files, stack.applied, stack.prune) == ({OLD}, {"x": "d"}, APPLIED, False)


KILLED = """
import os, signal, sys
from pathlib import Path
from reconciler.model import DesiredStack, ObjectRef
from reconciler.record.store import Store
store = Store.open(Path(sys.argv[1]))
store.begin(DesiredStack("web", "web", "/srv/web"), frozenset({ObjectRef("container", "web-a-1")}), "c1")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_begin_wrote_survives_a_kill(tmp_path):
    """The agent is killed right after begin: the next one knows what may be there."""
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)

    assert done.returncode == -9
    assert Store.open(tmp_path).recorded().stacks["web"].inventory == {OLD}


def test_two_processes_write_side_by_side(store):
    """A command beside the agent: neither is turned away while the other writes."""
    failed: list[Exception] = []

    def carry(own, name):
        try:
            for round_ in range(50):
                own.begin(DesiredStack(name, "p", "/f"), frozenset({ObjectRef("container", str(round_))}), "c")
        except Locked as error:
            failed.append(error)

    threads = [threading.Thread(target=carry, args=(again(store), name)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert {len(stack.inventory) for stack in store.recorded().stacks.values()} == {50}


def test_four_threads_write_side_by_side(store):
    """Stacks that are carried out at the same time lose none of each other's writes."""
    run = store.start_run("command", "root")

    def carry(number):
        for round_ in range(10):
            stack = DesiredStack(f"s{number}", "p", "/f")
            store.begin(stack, frozenset({ObjectRef("container", f"{number}-{round_}")}), "c")
            store.finish(StackOutcome(stack.name, "Applied", None, (Outcome(ACTION, ok=True),)), run=run)

    threads = [threading.Thread(target=carry, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {len(stack.inventory) for stack in store.recorded().stacks.values()} == {10}
    assert [len(store.done(f"s{number}")) for number in range(4)] == [10] * 4


# ── device, daemon, revisions ────────────────────────────────────────────────────────────────────


def test_who_we_were_and_what_git_set(store):
    """What guards a prune after a change of device comes back, and so does the daemon part."""
    run = store.start_run("command", "root")
    store.device("attic", "m1", has_folder=True)
    store.finish_daemon(StackOutcome("daemon", "Applied"), run=run, applied={"debug": True})
    store.finish_daemon(StackOutcome("daemon", "Rejected"), run=run)
    recorded = again(store).recorded()

    assert (recorded.device, recorded.machine_id, recorded.had_device_folder) == ("attic", "m1", True)
    assert (recorded.daemon_applied, recorded.daemon_result) == ({"debug": True}, "Rejected")


def test_a_stack_called_daemon_is_not_the_daemon_part(store):
    """Both may exist; neither writes into the other's row."""
    run = store.start_run("command", "root")
    store.begin(DesiredStack("daemon", "daemon", "/f"), frozenset(), "c1")
    store.finish(StackOutcome("daemon", "Applied"), run=run)
    store.finish_daemon(StackOutcome("daemon", "Rejected"), run=run)

    assert (store.recorded().stacks["daemon"].result, store.recorded().daemon_result) == ("Applied", "Rejected")


def test_wanted_attempted_and_applied_are_kept_apart(store):
    """What git wants, what was tried and what runs are three commits."""
    store.wanted("c3")
    store.begin(WEB, frozenset(), "c2")
    store.applied("c1")
    revisions = again(store).revisions()

    assert (revisions.wanted, revisions.attempted, revisions.applied) == ("c3", "c2", "c1")


def test_since_changes_only_with_the_state(store):
    """`since` is when things became as they are, however often they are looked at."""
    good, bad = ("Synced", "Healthy", "Applied", None), ("Synced", "Degraded", "Applied", "exit 1")
    later, last = NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)
    store.begin(WEB, frozenset(), "c1")
    first = store.noted({"stack/web": good, "source": ("ok", None)}, NOW)
    second = store.noted({"stack/web": good, "source": ("unreachable", "no route")}, later)
    third = store.noted({"stack/web": bad, "source": ("unreachable", "no route")}, last)

    assert (first["stack/web"], second["stack/web"], third["stack/web"]) == (NOW, NOW, last)
    assert (second["source"], third["source"]) == (later, later)
    assert again(store).recorded().stacks["web"].since == last


# ── runs ─────────────────────────────────────────────────────────────────────────────────────────


def test_runs_are_told_newest_first(store):
    """A run that never ended shows as such: somebody killed it."""
    first = store.start_run("command", "alice", Revision("c1"))
    store.end_run(first, "Applied")
    store.start_run("timer", "agent", Revision("c2"))
    newest, oldest = (told.run for told in again(store).history())

    assert (newest.trigger, newest.revision, newest.ended, newest.result) == ("timer", "c2", None, None)
    assert (oldest.who, oldest.result) == ("alice", "Applied")
    assert oldest.ended is not None
    assert oldest.ended >= oldest.started


def test_why_tells_cause_and_fields(store):
    """Every action that was carried out can be explained later: cause, file, commit, fields, outcome."""
    run = store.start_run("command", "root")
    problem = Problem("stack/web", "", "up-failed", {"words": "no"})
    store.begin(WEB, frozenset(), "c1")
    store.finish(
        StackOutcome("web", "FailedPartial", problem, (Outcome(ACTION, ok=False, problem=problem, seconds=2.0),)),
        run=run,
    )
    (done,) = again(store).done("web")

    assert (done.kind, done.target, done.object, done.because) == (
        "recreate",
        "stack/web/service/a",
        "web-a-1",
        "change",
    )
    assert (done.cause, done.fields) == (ACTION.cause, ACTION.fields)
    assert (done.ok, done.problem, done.seconds, done.run.id) == (False, problem, 2.0, run)


# ── read once ────────────────────────────────────────────────────────────────────────────────────


def test_the_record_is_read_anew_only_when_somebody_wrote(store):
    """Our own write and another process's each make a difference, at once; without one it is the same object."""
    other = again(store)
    store.begin(WEB, frozenset({OLD}), "c1")
    first = store.recorded()
    assert store.recorded() is first

    store.wrote_files("web", {"compose.yaml": "d1"})
    assert store.recorded().stacks["web"].files == {"compose.yaml": "d1"}

    other.wrote_files("web", {"compose.yaml": "d2"})
    assert store.recorded().stacks["web"].files == {"compose.yaml": "d2"}
    last = store.recorded()
    assert store.recorded() is last
    assert other.recorded() == last
    other.close()


def test_what_nobody_wrote_to_is_not_understood_anew(store):
    """A write to one stack, whatever of it, leaves the others the same objects; since when it is so belongs to it."""
    other = replace(WEB, name="other")
    for stack in (WEB, other):
        store.begin(stack, frozenset({OLD}), "c1")
    first = store.recorded().stacks

    store.made("web", {"a": {"bind:x": "d1"}})
    store.noted({"stack/web": ["Synced"]}, NOW)
    second = store.recorded().stacks
    assert second["other"] is first["other"]
    assert (second["web"].made, second["web"].since) == ({"a": {"bind:x": "d1"}}, NOW)

    store.noted({"stack/other": ["OutOfSync"]}, NOW)
    assert store.recorded().stacks["other"].since == NOW


def test_a_write_that_failed_leaves_what_was_read(store):
    """What was rolled back is in no reading, neither before nor after."""
    store.begin(WEB, frozenset({OLD}), "c1")
    before = store.recorded()
    with pytest.raises(TypeError):
        store.wrote_files("web", {"compose.yaml": object()})

    assert store.recorded() == before


def test_threads_read_what_they_have_just_written(store):
    """Nobody is given what was read before his own write."""
    missed = []

    def write(name):
        stack = DesiredStack(name, name, f"/srv/stacks/{name}")
        for number in range(20):
            store.begin(stack, frozenset(), f"c{number}")
            if store.recorded().stacks[name].attempted != f"c{number}":
                missed.append((name, number))

    threads = [threading.Thread(target=write, args=(f"s{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not missed


# ── the file itself ──────────────────────────────────────────────────────────────────────────────


def test_nobody_else_can_read_it(tmp_path):
    """Folder 0700, files 0600, whatever the umask and whoever made the folder."""
    state = tmp_path / "state"
    state.mkdir(0o755)
    before = os.umask(0)
    try:
        store = Store.open(state)
        store.key()
        store.end_run(store.start_run("command", "root"), "Applied")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in state.iterdir()}

    assert stat.S_IMODE(state.stat().st_mode) == 0o700
    assert set(modes) == {"state.db", "state.db-wal", "state.db-shm", "state.db.copy", "key"}
    assert set(modes.values()) == {0o600}


def test_the_key_is_made_once(store):
    """Digests of redacted values stay comparable from run to run."""
    key = store.key()

    assert len(key) == 32
    assert again(store).key() == key


def test_a_damaged_key_is_refused_with_the_file(store, tmp_path):
    """A half-written key is not quietly replaced."""
    (tmp_path / "state/key").write_bytes(b"short")

    with pytest.raises(StoreUnusable) as caught:
        store.key()

    assert caught.value.code == "key-damaged"


def test_a_file_that_is_no_database_is_refused_with_the_way_out(tmp_path):
    """Garbage in place of the database: refused, untouched, and the error names the file."""
    (tmp_path / "state.db").write_bytes(b"garbage" * 1000)

    with pytest.raises(StoreUnusable) as caught:
        Store.open(tmp_path)

    assert caught.value.code == "state-damaged"
    assert caught.value.arguments["path"] == str(tmp_path / "state.db")
    assert (tmp_path / "state.db").read_bytes() == b"garbage" * 1000


def test_a_damaged_database_names_the_copy(tmp_path):
    """After a run that changed something there is a copy, and the error says which; with it everything is back."""
    store = Store.open(tmp_path)
    store.begin(WEB, frozenset({OLD}), "c1")
    store.end_run(store.start_run("command", "root"), "Applied")
    store.close()
    (tmp_path / "state.db").write_bytes(b"garbage" * 1000)

    with pytest.raises(StoreUnusable) as caught:
        Store.open(tmp_path)

    assert caught.value.code == "state-damaged-copy"
    shutil.copy(caught.value.arguments["copy"], tmp_path / "state.db")
    assert Store.open(tmp_path).recorded().stacks["web"].inventory == {OLD}


def test_a_page_that_was_damaged_is_found_when_read(tmp_path):
    """Damage in the middle of the file is an error of ours too, not a traceback."""
    store = Store.open(tmp_path)
    for number in range(50):
        store.begin(DesiredStack(f"s{number}", "p" * 500, "/f"), frozenset(), "c")
    store.close()
    file = tmp_path / "state.db"
    content = bytearray(file.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    file.write_bytes(content)

    with pytest.raises(StoreUnusable):
        Store.open(tmp_path).recorded()


def test_a_row_that_is_not_ours_is_an_error_of_ours(store):
    """A row that somebody edited by hand is damage as well."""
    store.begin(WEB, frozenset(), "c1")
    store._connection.execute("UPDATE stack SET applied = '{\"revision\"'")

    with pytest.raises(StoreUnusable):
        store.recorded()


def test_a_newer_database_is_refused(tmp_path):
    """After a downgrade of the agent the newer one's record is left alone, and both schemas are named."""
    Store.open(tmp_path).close()
    raw = sqlite3.connect(tmp_path / "state.db")
    raw.execute("PRAGMA user_version = 99")
    raw.close()

    with pytest.raises(StoreUnusable) as caught:
        Store.open(tmp_path)

    assert (caught.value.code, caught.value.arguments["found"]) == ("state-newer", "99")


def test_an_older_agent_names_the_copy(tmp_path, monkeypatch):
    """The newer agent copied the database before it changed it: whoever goes back is told which file to use."""
    known = database.MIGRATIONS
    Store.open(tmp_path).close()
    monkeypatch.setattr(database, "MIGRATIONS", (*known, "ALTER TABLE stack ADD COLUMN extra TEXT"))
    Store.open(tmp_path).close()
    monkeypatch.setattr(database, "MIGRATIONS", known)

    with pytest.raises(StoreUnusable) as caught:
        Store.open(tmp_path)

    copy = tmp_path / f"state.db.v{len(known)}.copy"
    assert (caught.value.code, caught.value.arguments["copy"]) == ("state-newer-copy", str(copy))
    assert str(copy) in problem_hint(caught.value.problem("state"))
    for left in tmp_path.glob("state.db*"):
        if left != copy:
            left.unlink()
    copy.rename(tmp_path / "state.db")
    Store.open(tmp_path).close()


def test_a_record_of_the_first_schema_is_taken_along(tmp_path, monkeypatch):
    """What the agent before this one wrote is all there, with a copy of it beside."""
    now = database.MIGRATIONS
    monkeypatch.setattr(database, "MIGRATIONS", now[:1])
    raw = database.connect(tmp_path)
    raw.execute("INSERT INTO fact VALUES ('wanted', '\"c1\"')")
    raw.close()
    monkeypatch.setattr(database, "MIGRATIONS", now)

    store = Store.open(tmp_path)

    assert store.revisions().wanted == "c1"
    assert dict(store.recorded().suspended) == {}
    assert (tmp_path / "state.db.v1.copy").is_file()


def test_a_migration_leaves_a_copy_of_what_was(tmp_path, monkeypatch):
    """Before each migration the database is copied; afterwards the old rows are there in the new shape."""
    store = Store.open(tmp_path)
    store.begin(WEB, frozenset({OLD}), "c1")
    store.close()
    monkeypatch.setattr(
        database, "MIGRATIONS", (*database.MIGRATIONS, "ALTER TABLE stack ADD COLUMN extra TEXT DEFAULT 'x'")
    )
    migrated = Store.open(tmp_path)
    old = sqlite3.connect(tmp_path / f"state.db.v{len(database.MIGRATIONS) - 1}.copy")

    assert migrated.recorded().stacks["web"].inventory == {OLD}
    assert migrated._connection.execute("SELECT extra FROM stack").fetchone() == ("x",)
    assert old.execute("SELECT name FROM stack").fetchone() == ("web",)
    assert old.execute("PRAGMA user_version").fetchone() == (len(database.MIGRATIONS) - 1,)
    old.close()


def test_a_migration_that_fails_leaves_the_old_database(tmp_path, monkeypatch):
    """Half a migration is none."""
    Store.open(tmp_path).close()
    broken = "ALTER TABLE stack ADD COLUMN extra TEXT; NOT SQL"
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, broken))
    with pytest.raises((StoreUnusable, NoSpace)):
        Store.open(tmp_path)
    monkeypatch.undo()

    assert dict(Store.open(tmp_path).recorded().stacks) == {}


def test_a_newer_revision_that_changes_nothing(store):
    """Only the revision of the proof moves on; stacks that were never proved stay so."""
    other = DesiredStack("db", "db", "/srv/db")
    run = store.start_run("command", "root")
    for stack in (WEB, other):
        store.begin(stack, frozenset({OLD}), "c1")
    store.finish(StackOutcome("web", "Applied"), run=run, applied=AppliedStack("c1", {"a": AppliedService({"x": 1})}))

    store.proved_again(["web", "db"], "c2")

    found = store.recorded().stacks
    assert found["web"].applied == AppliedStack("c2", {"a": AppliedService({"x": 1})})
    assert found["web"].attempted == "c2"
    assert found["db"].applied is None


def test_a_busy_database_is_worth_another_try(store, monkeypatch):
    """Somebody else who holds the database for long is a reason to come back, not damage."""
    other = again(store)
    other._connection.execute("PRAGMA busy_timeout = 1")
    store._connection.execute("BEGIN IMMEDIATE")

    with pytest.raises(Locked):
        other.wanted("c1")

    store._connection.execute("ROLLBACK")
    other.wanted("c1")
    assert store.revisions().wanted == "c1"


def test_a_full_disk_is_said_and_loses_nothing(small_disk):
    """What was written before stays readable; the error names the file."""
    store = Store.open(small_disk)
    store.begin(WEB, frozenset({OLD}), "c1")

    with pytest.raises(NoSpace) as caught:
        store.wrote_files("web", {f"file-{number}": "x" * 400 for number in range(2000)})

    assert caught.value.arguments["path"] == str(small_disk / "state.db")
    assert store.recorded().stacks["web"].inventory == {OLD}
    assert store.recorded().stacks["web"].files == {}
    store.close()
