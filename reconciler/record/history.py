"""What was done and why, as it is written down and read back for people.

Room 5 (record); may import model.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from reconciler.model import Cause, FieldDiff, Outcome, Problem, Result
from reconciler.record import rows


@dataclass(frozen=True, slots=True)
class Run:
    """One pass: what caused it, for whom, how it ended (None: it did not)."""

    id: str
    trigger: str
    who: str
    revision: str | None
    started: datetime
    ended: datetime | None
    result: Result | None


@dataclass(frozen=True, slots=True)
class Done:
    """One action that was carried out, with its cause and the fields that differed."""

    run: str
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


def write_done(db: sqlite3.Connection, run: str, stack: str, outcomes: Iterable[Outcome]) -> None:
    """Write down what became of each action on a stack ("": the daemon part)."""
    at = datetime.now(UTC).isoformat()
    db.executemany(_WRITE, [(int(run), at, stack, *_values(one)) for one in outcomes])


def read_runs(db: sqlite3.Connection, limit: int) -> tuple[Run, ...]:
    """Read the last `limit` runs, newest first."""
    query = "SELECT id, trigger, who, revision, started, ended, result FROM run ORDER BY id DESC LIMIT ?"
    return tuple(_run(row) for row in db.execute(query, (limit,)))


def read_done(db: sqlite3.Connection, stack: str, limit: int) -> tuple[Done, ...]:
    """Read the last `limit` actions on a stack, newest first."""
    query = (
        "SELECT run, at, kind, target, object, because, cause, fields, ok, problem, seconds FROM done "
        "WHERE stack = ? ORDER BY rowid DESC LIMIT ?"
    )
    return tuple(_done(row) for row in db.execute(query, (stack, limit)))


_WRITE = "INSERT INTO done VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def _values(one: Outcome) -> tuple[object, ...]:
    action = one.action
    return (
        action.kind, action.target, action.object, action.because, rows.dump_cause(action.cause),
        rows.dump_fields(action.fields), one.ok, rows.dump_problem(one.problem), one.seconds,
    )  # fmt: skip


def _run(row: tuple[int, str, str, str | None, str, str | None, str | None]) -> Run:
    number, trigger, who, revision, started, ended, result = row
    at = datetime.fromisoformat(started)
    return Run(
        str(number),
        trigger,
        who,
        revision,
        at,
        datetime.fromisoformat(ended) if ended else None,
        rows.load_result(result),
    )


def _done(row: tuple[int, str, str, str, str, str, str, str, int, str | None, float]) -> Done:
    run, at, kind, target, thing, because, cause, fields, ok, problem, seconds = row
    return Done(
        str(run), datetime.fromisoformat(at), kind, target, thing, because,
        rows.load_cause(cause), rows.load_fields(fields), bool(ok), rows.load_problem(problem), seconds,
    )  # fmt: skip
