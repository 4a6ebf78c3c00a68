"""Folders of stacks taken away that are still there, because files in them are not ours.

Room 5 (record).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler.record import rows

_LEFT = "left:"
_FILES = 20


def write_left(db: sqlite3.Connection, stack: str, stays: Sequence[str]) -> None:
    """Write down the files that stay in the folder of a recorded stack; none: the folder is no longer spoken of."""
    found = db.execute("SELECT folder FROM stack WHERE name = ?", (stack,)).fetchone()
    if found is None:
        return
    name = f"{_LEFT}{found[0]}"
    db.execute("DELETE FROM fact WHERE name = ?", (name,))
    if stays:
        db.execute("INSERT INTO fact VALUES (?, ?)", (name, rows.dump(list(stays[:_FILES]))))


def read_left(db: sqlite3.Connection) -> Mapping[str, Sequence[str]]:
    """Read the folders with their files, unless the folder is gone or a stack stands in it again."""
    query = "SELECT name, value FROM fact WHERE name GLOB ? AND substr(name, ?) NOT IN (SELECT folder FROM stack)"
    found = db.execute(query, (f"{_LEFT}*", len(_LEFT) + 1))
    folders = {name.removeprefix(_LEFT): json.loads(value) for name, value in found}
    return {folder: files for folder, files in sorted(folders.items()) if Path(folder).is_dir()}
