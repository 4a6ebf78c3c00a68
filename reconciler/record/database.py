"""Open the state database: migrations with a copy before each, and every way it can be unusable said clearly.

Room 5 (record); may import errors. Everything in it can be rebuilt from what runs; so a damaged one is refused with the way
out, never repaired in secret.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from reconciler.errors import Locked, NoSpace, StoreUnusable

NAME = "state.db"
COPY = "state.db.copy"
_BUSY_SECONDS = 10.0

MIGRATIONS: Sequence[str] = (
    """
    CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE stack (
        name TEXT PRIMARY KEY, project TEXT NOT NULL, folder TEXT NOT NULL, inventory TEXT NOT NULL DEFAULT '[]',
        files TEXT NOT NULL DEFAULT '{}', applied TEXT, attempted TEXT, prune INTEGER NOT NULL DEFAULT 1,
        depends_on TEXT NOT NULL DEFAULT '[]', result TEXT, problem TEXT, made TEXT NOT NULL DEFAULT '{}'
    ) WITHOUT ROWID;
    CREATE TABLE container_default (container TEXT PRIMARY KEY, stack TEXT NOT NULL, document TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE seen (name TEXT PRIMARY KEY, state TEXT NOT NULL, since TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT, trigger TEXT NOT NULL, who TEXT NOT NULL, revision TEXT,
        started TEXT NOT NULL, ended TEXT, result TEXT
    );
    CREATE TABLE done (
        run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, at TEXT NOT NULL, stack TEXT NOT NULL, kind TEXT NOT NULL,
        target TEXT NOT NULL, object TEXT NOT NULL, because TEXT NOT NULL, cause TEXT NOT NULL, fields TEXT NOT NULL,
        ok INTEGER NOT NULL, problem TEXT, seconds REAL NOT NULL
    );
    CREATE INDEX done_by_run ON done (run);
    CREATE INDEX done_by_stack ON done (stack, at);
    """,
    """
    CREATE TABLE suspension (
        stack TEXT PRIMARY KEY, who TEXT NOT NULL, reason TEXT NOT NULL, since TEXT NOT NULL, until TEXT
    ) WITHOUT ROWID;
    CREATE TABLE stop (container TEXT PRIMARY KEY, at TEXT NOT NULL) WITHOUT ROWID;
    """,
    """
    ALTER TABLE run ADD COLUMN subject TEXT NOT NULL DEFAULT '';
    ALTER TABLE run ADD COLUMN author TEXT NOT NULL DEFAULT '';
    CREATE TABLE settled (
        run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE, stack TEXT NOT NULL, result TEXT NOT NULL, problem TEXT,
        seconds REAL NOT NULL, PRIMARY KEY (run, stack)
    );
    CREATE TABLE change (
        stack TEXT NOT NULL, target TEXT NOT NULL, run INTEGER NOT NULL REFERENCES run (id) ON DELETE CASCADE,
        at TEXT NOT NULL, before TEXT, kind TEXT, object TEXT, because TEXT, cause TEXT, fields TEXT NOT NULL,
        proved INTEGER NOT NULL, PRIMARY KEY (stack, target)
    ) WITHOUT ROWID;
    CREATE INDEX change_by_run ON change (run);
    UPDATE done SET stack = 'daemon' WHERE stack = '';
    INSERT OR REPLACE INTO change
        SELECT stack, target, run, at, NULL, kind, object, because, cause, fields, 1 FROM done
        WHERE ok AND because IN ('change', 'input', 'removed') AND kind NOT IN ('pull', 'build') ORDER BY rowid;
    """,
)


def connect(state_dir: Path) -> sqlite3.Connection:
    """Open, or make, the database in `state_dir` at the newest schema. Raises StoreUnusable, NoSpace, Locked."""
    path = state_dir / NAME
    with explained(path):
        _make_private(path)
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA foreign_keys = ON")
            # the write-ahead inventory must be on the disk before the first container is made
            connection.execute("PRAGMA synchronous = FULL")
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what sqlite or the disk says about the database at `path` into an error of ours."""
    try:
        yield
    except sqlite3.OperationalError as error:
        words = str(error)
        if "locked" in words:
            raise Locked("state-busy", path=str(path)) from error
        if "no such" in words:
            raise _damaged(path, words) from error
        raise NoSpace("cannot-write", path=str(path), words=words) from error
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.DatabaseError as error:
        raise _damaged(path, str(error)) from error
    except OSError as error:
        raise NoSpace("cannot-write", path=str(path), words=error.strerror or str(error)) from error


@contextmanager
def understood(path: Path) -> Iterator[None]:
    """Turn rows that do not hold what we write into StoreUnusable."""
    try:
        yield
    except (ValueError, LookupError, TypeError) as error:
        raise _damaged(path, str(error)) from error


def copy(connection: sqlite3.Connection, to: Path) -> None:
    """Copy the database to a file, whole or not at all."""
    beside = to.with_name(f"{to.name}.new")
    beside.unlink(missing_ok=True)
    beside.touch(0o600)
    with closing(sqlite3.connect(beside)) as target:
        connection.backup(target)
    beside.replace(to)


def _damaged(path: Path, words: str) -> StoreUnusable:
    copies = sorted(path.parent.glob(f"{NAME}.*copy"), key=lambda found: found.stat().st_mtime)
    if not copies:
        return StoreUnusable("state-damaged", path=str(path), words=words)
    return StoreUnusable("state-damaged-copy", path=str(path), words=words, copy=str(copies[-1]))


def _newer(path: Path, found: int) -> StoreUnusable:
    """Name the copy that was made before the newer agent changed what this one knows, if it is still there."""
    known = len(MIGRATIONS)
    if not _copy_of(path, known).is_file():
        return StoreUnusable("state-newer", path=str(path), found=str(found), known=str(known))
    beside = str(_copy_of(path, known))
    return StoreUnusable("state-newer-copy", path=str(path), found=str(found), known=str(known), copy=beside)


def _copy_of(path: Path, version: int) -> Path:
    return path.with_name(f"{NAME}.v{version}.copy")


def _make_private(path: Path) -> None:
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    os.fchmod(handle, 0o600)
    os.close(handle)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    found = _version(connection)
    if found > len(MIGRATIONS):
        raise _newer(path, found)
    for number in range(found, len(MIGRATIONS)):
        if found:  # a new database holds nothing to copy
            copy(connection, _copy_of(path, number))
        _step(connection, number)


def _step(connection: sqlite3.Connection, number: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # another process may have done it while we waited for the lock
        if _version(connection) == number:
            for statement in MIGRATIONS[number].split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _version(connection: sqlite3.Connection) -> int:
    (found,) = connection.execute("PRAGMA user_version").fetchone()
    return int(found)
