"""What was done and why, as it is written down and read back for people.

Room 5 (record); may import model. It stays bounded: the last runs that did something, and beside them `changes.py`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler.model import Cause, FieldDiff, Outcome, Problem, Result, StackOutcome
from reconciler.record import rows

KEPT_RUNS = 1000
"""Runs that changed something, or tried to, which are kept."""
KEPT_QUIET_RUNS = 100


@dataclass(frozen=True, slots=True)
class Run:
    """One pass: what caused it, for whom, of which commit, how it ended (None: it did not)."""

    id: str
    trigger: str
    who: str
    revision: str | None
    subject: str
    author: str
    started: datetime
    ended: datetime | None
    result: Result | None


@dataclass(frozen=True, slots=True)
class Done:
    """One action that was carried out, with its cause and the fields that differed."""

    run: Run
    at: datetime
    kind: str
    target: str
    object: str
    because: str
    cause: Cause
    fields: tuple[FieldDiff, ...]
    ok: bool
    problem: Problem | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a stack in a run."""

    stack: str
    result: Result
    problem: Problem | None
    seconds: float


@dataclass(frozen=True, slots=True)
class Told:
    """A run with all that was done in it."""

    run: Run
    settled: tuple[Settled, ...]
    done: tuple[Done, ...]


def write_settled(db: sqlite3.Connection, run: str, outcome: StackOutcome) -> None:
    """Write down what became of a stack, or of the daemon part, and of each action on it."""
    at = datetime.now(UTC).isoformat()
    values = (int(run), outcome.stack, outcome.result, rows.dump_problem(outcome.problem), outcome.seconds)
    db.execute("INSERT OR REPLACE INTO settled VALUES (?, ?, ?, ?, ?)", values)
    db.executemany(_WRITE, [(int(run), at, outcome.stack, *_values(one)) for one in outcome.outcomes])


def prune(db: sqlite3.Connection) -> None:
    """Forget the oldest runs; one that made the last change of something stays, without what was done in it."""
    oldest = "SELECT id FROM run WHERE result IS NOT 'NoChange' ORDER BY id DESC LIMIT 1 OFFSET ?"
    cut = db.execute(oldest, (KEPT_RUNS - 1,)).fetchone()
    if cut:
        db.execute(
            "DELETE FROM change WHERE run < ? AND stack NOT IN (SELECT name FROM stack UNION SELECT 'daemon')", cut
        )
        db.execute("DELETE FROM done WHERE run < ?", cut)
        db.execute("DELETE FROM settled WHERE run < ?", cut)
        db.execute("DELETE FROM run WHERE id < ? AND id NOT IN (SELECT run FROM change)", cut)
    quiet = "SELECT id FROM run WHERE result = 'NoChange' ORDER BY id DESC LIMIT -1 OFFSET ?"
    query = f"DELETE FROM run WHERE id IN ({quiet}) AND id NOT IN (SELECT run FROM change)"  # noqa: S608
    db.execute(query, (KEPT_QUIET_RUNS,))


def read_history(db: sqlite3.Connection, limit: int, stack: str | None) -> tuple[Told, ...]:
    """Read the last `limit` runs in which something was done or failed, newest first; of a named stack what concerns it."""
    where, values = ("TRUE", ()) if stack is None else (_CONCERNS, (stack, stack))
    query = f"SELECT {RUN} FROM run WHERE result IS NOT 'NoChange' AND {where} ORDER BY id DESC LIMIT ?"  # noqa: S608
    return tuple(_told(db, load_run(row), stack) for row in db.execute(query, (*values, limit)).fetchall())


def read_done(db: sqlite3.Connection, stack: str, after: str = "0") -> tuple[Done, ...]:
    """Read what was done to a stack in the runs that came after one, newest first."""
    query = f"{_DONE} WHERE done.stack = ? AND done.run > ? ORDER BY done.rowid DESC LIMIT ?"
    return tuple(map(_done, db.execute(query, (stack, int(after), _MANY))))


def read_making(db: sqlite3.Connection, stack: str, container: str) -> Done | None:
    """Read what last made a container, or took it over; None when that is not written down, or no longer."""
    made = "ok AND kind IN ('create', 'recreate', 'adopt')"
    query = f"{_DONE} WHERE done.stack = ? AND object = ? AND {made} ORDER BY done.rowid DESC LIMIT 1"
    row = db.execute(query, (stack, container)).fetchone()
    return _done(row) if row else None


RUN = "run.id, run.trigger, run.who, run.revision, run.subject, run.author, run.started, run.ended, run.result"
RUN_COLUMNS = 9
_DONE = (
    f"SELECT {RUN}, at, kind, target, object, because, cause, fields, ok, problem, seconds "  # noqa: S608
    "FROM done JOIN run ON run.id = done.run"
)
_WRITE = "INSERT INTO done VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_TRIED = "SELECT run FROM settled WHERE stack = ? AND result != 'NoChange'"
_CONCERNS = f"id IN (SELECT run FROM done WHERE stack = ? UNION {_TRIED})"  # noqa: S608
_MANY = 500


def load_run(row: Sequence[Any]) -> Run:
    """Read a run from its columns, which are those of `RUN`."""
    number, trigger, who, revision, subject, author, started, ended, result = row
    at, until = datetime.fromisoformat(started), datetime.fromisoformat(ended) if ended else None
    return Run(str(number), trigger, who, revision, subject, author, at, until, rows.load_result(result))


def _told(db: sqlite3.Connection, run: Run, stack: str | None) -> Told:
    values = (int(run.id), stack)
    which = "run = ?1 AND (?2 IS NULL OR stack = ?2)"
    settled = db.execute(f"SELECT stack, result, problem, seconds FROM settled WHERE {which} ORDER BY rowid", values)  # noqa: S608
    done = db.execute(f"{_DONE} WHERE {which} ORDER BY done.rowid", values)
    return Told(run, tuple(map(_settled, settled)), tuple(map(_done, done)))


def _values(one: Outcome) -> tuple[object, ...]:
    action = one.action
    return (
        action.kind, action.target, action.object, action.because, rows.dump_cause(action.cause),
        rows.dump_fields(action.fields), one.ok, rows.dump_problem(one.problem), one.seconds,
    )  # fmt: skip


def _settled(row: tuple[str, Result, str | None, float]) -> Settled:
    stack, result, problem, seconds = row
    return Settled(stack, result, rows.load_problem(problem), seconds)


def _done(row: Sequence[Any]) -> Done:
    at, kind, target, thing, because, cause, fields, ok, problem, seconds = row[RUN_COLUMNS:]
    return Done(
        load_run(row[:RUN_COLUMNS]), datetime.fromisoformat(at), kind, target, thing, because,
        rows.load_cause(cause), rows.load_fields(fields), bool(ok), rows.load_problem(problem), seconds,
    )  # fmt: skip
