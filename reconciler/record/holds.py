"""What is left alone on purpose: stacks that a person suspended, and containers that somebody stopped.

Room 5 (record); may import model.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from reconciler.model import Suspension


def write_suspension(db: sqlite3.Connection, stack: str, suspension: Suspension) -> None:
    """Write down who suspended a stack and why; a newer word replaces an older one."""
    until = suspension.until.isoformat() if suspension.until else None
    values = (stack, suspension.who, suspension.reason, suspension.since.isoformat(), until)
    db.execute("INSERT OR REPLACE INTO suspension VALUES (?, ?, ?, ?, ?)", values)


def drop_suspension(db: sqlite3.Connection, stack: str) -> bool:
    """Drop what is written about a stack; tell whether it still held."""
    known = read_suspensions(db).get(stack)
    db.execute("DELETE FROM suspension WHERE stack = ?", (stack,))
    return known is not None and (known.until is None or known.until > datetime.now(UTC))


def read_suspensions(db: sqlite3.Connection) -> Mapping[str, Suspension]:
    """Read all of them, also those whose time is over."""
    rows = db.execute("SELECT stack, who, reason, since, until FROM suspension")
    return {stack: Suspension(who, reason, _time(since), _time(until) if until else None)
            for stack, who, reason, since, until in rows}  # fmt: skip


def write_stop(db: sqlite3.Connection, container: str, at: datetime) -> None:
    """Write down when somebody stopped a container."""
    db.execute("INSERT OR REPLACE INTO stop VALUES (?, ?)", (container, at.isoformat()))


def drop_stops(db: sqlite3.Connection, containers: Iterable[str]) -> None:
    """Drop the stops of containers that run again, or are no more."""
    db.executemany("DELETE FROM stop WHERE container = ?", [(container,) for container in containers])


def read_stops(db: sqlite3.Connection) -> Mapping[str, datetime]:
    """Read all of them by container id."""
    return {container: _time(at) for container, at in db.execute("SELECT container, at FROM stop")}


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
