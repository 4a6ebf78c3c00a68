"""The record: what was attempted and applied, what belongs to us, and why.

Room 5 (record); may import errors and model. Facts only, in one SQLite file below `state_dir`; all of it can be rebuilt from
what runs. Documents and fields arrive with secrets masked. One store may be used by several threads at once.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reconciler.model import (
    AppliedStack,
    DesiredStack,
    Document,
    ObjectRef,
    Recorded,
    RecordedStack,
    Result,
    Revision,
    StackOutcome,
    Suspension,
)
from reconciler.record import database, holds, rows
from reconciler.record.changes import Change, note_changes, read_changes
from reconciler.record.history import Done, Told, prune, read_done, read_history, read_making, write_settled
from reconciler.record.key import read_key
from reconciler.record.left import read_left, write_left

Seen = Sequence[str | None]
"""What counts as one state, in words: (sync, health, result, reason) of a stack, say."""


@dataclass(frozen=True, slots=True)
class Revisions:
    """The commit git wants, the last one we tried to apply, the last one wholly applied."""

    wanted: str | None = None
    attempted: str | None = None
    applied: str | None = None


class Store:
    """The opened record; make it with `Store.open`."""

    def __init__(self, state_dir: Path, connection: sqlite3.Connection) -> None:
        self._state_dir = state_dir
        self._path = state_dir / database.NAME
        self._connection = connection
        self._lock = threading.RLock()
        self._writes = 0
        self._kept: tuple[tuple[int, int], Recorded] | None = None
        self._stacks: Mapping[rows.Row, RecordedStack] = {}

    @classmethod
    def open(cls, state_dir: Path) -> Store:
        """Open the record in `state_dir`, made when absent. Raises StoreUnusable, NoSpace, Locked."""
        return cls(state_dir, database.connect(state_dir))

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._connection.close()

    def key(self) -> bytes:
        """Return this device's redaction key (32 bytes), made at the first call. Raises NoSpace, StoreUnusable."""
        return read_key(self._state_dir / "key", secrets.token_bytes)

    # ── as the plan reads it ─────────────────────────────────────────────────────────────────────

    def recorded(self) -> Recorded:
        """Read the whole record; the same object, as long as nobody has written anything, in this process or another."""
        with self._reading() as db:
            (others,) = db.execute("PRAGMA data_version").fetchone()
            version = (self._writes, others)
            if self._kept is None or self._kept[0] != version:
                self._stacks = _read_stacks(db, self._stacks)
                self._kept = (version, _read_record(db, self._stacks.values()))
            return self._kept[1]

    # ── one stack ────────────────────────────────────────────────────────────────────────────────

    def begin(self, stack: DesiredStack | RecordedStack, inventory: frozenset[ObjectRef], revision: str) -> None:
        """Write ahead of the first write to `stack`: what may be ours from now on is what was, and `inventory`.

        It is on the disk when this returns.
        """
        with self._writing() as db:
            found = db.execute("SELECT inventory FROM stack WHERE name = ?", (stack.name,)).fetchone()
            known = rows.load_inventory(found[0]) if found else frozenset()
            values = (stack.name, stack.project, stack.folder, rows.dump_inventory(known | inventory), revision)
            db.execute(_BEGIN, values)
            _set_facts(db, {"attempted": revision})

    def wrote_files(self, stack: str, files: Mapping[str, str]) -> None:
        """Write down the files that stand in the stack's folder because of us, with their digests."""
        with self._writing() as db:
            db.execute("UPDATE stack SET files = ? WHERE name = ?", (rows.dump(dict(files)), stack))

    def made(self, stack: str, inputs: Mapping[str, Mapping[str, str]]) -> None:
        """Write down, by service, the inputs that its containers have just read; other services keep theirs."""
        with self._writing() as db:
            found = db.execute("SELECT made FROM stack WHERE name = ?", (stack,)).fetchone()
            known = json.loads(found[0]) if found else {}
            merged = known | {service: dict(read) for service, read in inputs.items()}
            db.execute("UPDATE stack SET made = ? WHERE name = ?", (rows.dump(merged), stack))

    def finish(
        self,
        outcome: StackOutcome,
        *,
        run: str,
        applied: AppliedStack | None = None,
        inventory: frozenset[ObjectRef] | None = None,
        defaults: Mapping[str, Document] | None = None,
        settings: tuple[bool, tuple[str, ...]] | None = None,
    ) -> None:
        """Write down what became of a stack in `run`.

        Args:
            outcome: With what was done, and why, action by action.
            run: As `start_run` returned it.
            applied: What is proved to run now; None leaves what was.
            inventory: Exactly what is ours now; None leaves the union that `begin` wrote.
            defaults: By container id, the engine defaults of exactly the stack's containers; None leaves what was.
            settings: `prune` and `depends_on` as applied; None leaves what was.

        """
        name = outcome.stack
        with self._writing() as db:
            note_changes(db, run, outcome, applied)
            problem = rows.dump_problem(outcome.problem)
            db.execute("UPDATE stack SET result = ?, problem = ? WHERE name = ?", (outcome.result, problem, name))
            if applied is not None:
                db.execute("UPDATE stack SET applied = ? WHERE name = ?", (rows.dump_applied(applied), name))
            if inventory is not None:
                db.execute("UPDATE stack SET inventory = ? WHERE name = ?", (rows.dump_inventory(inventory), name))
            if settings is not None:
                prune, depends_on = settings
                values = (prune, rows.dump(depends_on), name)
                db.execute("UPDATE stack SET prune = ?, depends_on = ? WHERE name = ?", values)
            if defaults is not None:
                _replace_defaults(db, name, defaults)
            write_settled(db, run, outcome)

    def proved_again(self, stacks: Sequence[str], revision: str) -> None:
        """Write down that stacks run as a newer revision wants them, too: nothing but the revision differs."""
        if stacks:
            with self._writing() as db:
                query = "UPDATE stack SET applied = json_set(applied, '$.revision', ?), attempted = ? WHERE name = ?"
                db.executemany(query, [(revision, revision, stack) for stack in stacks])

    def forget(self, stack: str, stays: Sequence[str] = ()) -> None:
        """Drop a stack that was taken away completely; its history stays.

        `stays` are the files, not ours, that remain in its folder.
        """
        with self._writing() as db:
            write_left(db, stack, stays)
            db.execute("DELETE FROM stack WHERE name = ?", (stack,))
            db.execute("DELETE FROM container_default WHERE stack = ?", (stack,))
            db.execute("DELETE FROM seen WHERE name = ?", (f"stack/{stack}",))
            holds.drop_suspension(db, stack)

    def left_behind(self) -> Mapping[str, Sequence[str]]:
        """Return the folders of stacks taken away that are still there, each with files in it that were not ours."""
        with self._reading() as db:
            return read_left(db)

    # ── what is left alone ───────────────────────────────────────────────────────────────────────

    def suspend(self, stack: str, suspension: Suspension) -> None:
        """Write down that a person wants a stack left alone; a newer word replaces an older one."""
        with self._writing() as db:
            holds.write_suspension(db, stack, suspension)

    def resume(self, stack: str) -> bool:
        """Write down that a stack is looked after again; False when it was not suspended, or no longer."""
        with self._writing() as db:
            return holds.drop_suspension(db, stack)

    def stopped(self, container: str, at: datetime) -> None:
        """Write down when somebody stopped, killed or paused a container (its id)."""
        with self._writing() as db:
            holds.write_stop(db, container, at)

    def not_stopped(self, containers: Iterable[str]) -> None:
        """Drop the stops of containers (ids) that run again, or are no more."""
        with self._writing() as db:
            holds.drop_stops(db, containers)

    # ── the device ───────────────────────────────────────────────────────────────────────────────

    def begin_daemon(self, keys: Document) -> None:
        """Write ahead which keys of the daemon are to be set, null: to be taken out. It is on the disk when this returns."""
        self._facts({"daemon_begun": dict(keys)})

    def finish_daemon(self, outcome: StackOutcome, *, run: str, applied: Document | None = None) -> None:
        """Write down what became of the daemon part; `applied` are the keys that git set, None leaves what was."""
        facts: dict[str, object] = {"daemon_result": outcome.result, "daemon_begun": {}}
        if applied is not None:
            facts["daemon_applied"] = dict(applied)
        with self._writing() as db:
            _set_facts(db, facts)
            note_changes(db, run, outcome)
            write_settled(db, run, outcome)

    def device(self, device: str, machine_id: str, *, has_folder: bool) -> None:
        """Write down who we were at the last apply."""
        self._facts({"device": device, "machine_id": machine_id, "had_device_folder": has_folder})

    def wanted(self, revision: str) -> None:
        """Write down the last good commit of the source."""
        self._facts({"wanted": revision})

    def attempted(self, revision: str) -> None:
        """Write down that a commit was tried, where there was nothing to do for it."""
        self._facts({"attempted": revision})

    def applied(self, revision: str) -> None:
        """Write down that everything of a commit is applied."""
        self._facts({"applied": revision})

    def revisions(self) -> Revisions:
        """Read the three commits that status shows."""
        with self._reading() as db:
            query = "SELECT name, value FROM fact WHERE name IN ('wanted', 'attempted', 'applied')"
            return Revisions(**{name: json.loads(value) for name, value in db.execute(query)})

    def noted(self, states: Mapping[str, Seen], now: datetime) -> Mapping[str, datetime]:
        """Write down what is seen (`stack/web`, `source`, …) and return since when each is as it is now."""
        texts = {name: rows.dump(list(state)) for name, state in states.items()}
        with self._reading() as db:
            known = {name: (state, since) for name, state, since in db.execute("SELECT name, state, since FROM seen")}
        changed = [(name, text, now.isoformat()) for name, text in texts.items() if known.get(name, ("",))[0] != text]
        if changed:
            with self._writing() as db:
                db.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?, ?)", changed)
        fresh = {name for name, _, _ in changed}
        return {name: now if name in fresh else datetime.fromisoformat(known[name][1]) for name in texts}

    # ── runs ─────────────────────────────────────────────────────────────────────────────────────

    def start_run(self, trigger: str, who: str, revision: Revision | None = None) -> str:
        """Write down that a pass begins, what caused it and for whom; return its id."""
        known = revision or Revision("")
        values = (trigger, who, known.commit or None, datetime.now(UTC).isoformat(), known.subject, known.author)
        with self._writing() as db:
            _set_facts(db, {"attempted": known.commit} if known.commit else {})
            query = "INSERT INTO run (trigger, who, revision, started, subject, author) VALUES (?, ?, ?, ?, ?, ?)"
            return str(db.execute(query, values).lastrowid)

    def end_run(self, run: str, result: Result) -> None:
        """Write down how a pass ended. When it changed something a copy of the database is kept beside it."""
        values = (datetime.now(UTC).isoformat(), result, int(run))
        with self._writing() as db:
            db.execute("UPDATE run SET ended = ?, result = ? WHERE id = ?", values)
            prune(db)
        if result != "NoChange":
            with self._lock, database.explained(self._path):
                database.copy(self._connection, self._state_dir / database.COPY)

    def history(self, limit: int = 20, stack: str | None = None) -> tuple[Told, ...]:
        """Read the last runs in which something was done, or failed, newest first; of one stack, or `daemon`, if named."""
        with self._reading() as db:
            return read_history(db, limit, stack)

    def changes(self, stack: str) -> Mapping[str, Change]:
        """Read, by target, the last change of everything a stack (or `daemon`) has."""
        with self._reading() as db:
            return read_changes(db, stack)

    def changed_targets(self) -> frozenset[str]:
        """Name everything that is known to have been changed."""
        with self._reading() as db:
            return frozenset(target for (target,) in db.execute("SELECT target FROM change"))

    def done(self, stack: str, after: str = "0") -> tuple[Done, ...]:
        """Read what was done to a stack (or `daemon`) in the runs that came after one, newest first."""
        with self._reading() as db:
            return read_done(db, stack, after)

    def maker(self, stack: str, container: str) -> Done | None:
        """Read what last made a container, or took it over; None when that is not written down, or no longer."""
        with self._reading() as db:
            return read_making(db, stack, container)

    # ── private ──────────────────────────────────────────────────────────────────────────────────

    def _facts(self, facts: Mapping[str, object]) -> None:
        with self._writing() as db:
            _set_facts(db, facts)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with database.understood(self._path), self._transaction("BEGIN") as db:
            yield db

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._transaction("BEGIN IMMEDIATE") as db:
            self._writes += 1
            yield db

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with self._lock, database.explained(self._path):
            self._connection.execute(begin)
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")


_ALL_STACKS = """
    SELECT name, project, folder, inventory, files, applied, attempted, prune, depends_on, result, problem, made,
        (SELECT since FROM seen WHERE seen.name = 'stack/' || stack.name) FROM stack
"""
_BEGIN = """
    INSERT INTO stack (name, project, folder, inventory, attempted) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (name) DO UPDATE SET project = excluded.project, folder = excluded.folder,
        inventory = excluded.inventory, attempted = excluded.attempted
"""


def _read_stacks(db: sqlite3.Connection, known: Mapping[rows.Row, RecordedStack]) -> Mapping[rows.Row, RecordedStack]:
    """Read all stacks; a pass writes to few, and those whose row is the same need not be understood anew."""
    return {row: known.get(row) or rows.load_stack(row) for row in db.execute(_ALL_STACKS)}


def _read_record(db: sqlite3.Connection, stacks: Iterable[RecordedStack]) -> Recorded:
    defaults = tuple(db.execute("SELECT container, document FROM container_default"))
    documents = {text: rows.load_document(text) for text in {text for _, text in defaults}}  # they are much alike
    facts = {name: json.loads(value) for name, value in db.execute("SELECT name, value FROM fact")}
    return Recorded(
        stacks={stack.name: stack for stack in stacks},
        defaults={container: documents[text] for container, text in defaults},
        daemon_applied=facts.get("daemon_applied", {}),
        daemon_begun=facts.get("daemon_begun", {}),
        device=facts.get("device"),
        machine_id=facts.get("machine_id"),
        had_device_folder=facts.get("had_device_folder", False),
        daemon_result=facts.get("daemon_result"),
        suspended=holds.read_suspensions(db),
        stops=holds.read_stops(db),
    )


def _set_facts(db: sqlite3.Connection, facts: Mapping[str, object]) -> None:
    values = [(name, rows.dump(value)) for name, value in facts.items()]
    db.executemany("INSERT OR REPLACE INTO fact VALUES (?, ?)", values)


def _replace_defaults(db: sqlite3.Connection, stack: str, defaults: Mapping[str, Document]) -> None:
    values = [(container, stack, rows.dump(document)) for container, document in defaults.items()]
    db.execute("DELETE FROM container_default WHERE stack = ?", (stack,))
    db.executemany("INSERT OR REPLACE INTO container_default VALUES (?, ?, ?)", values)
