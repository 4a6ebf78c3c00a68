"""Keep rendered stacks on disk, one small file each, by a digest of all that went into them.

Room 1 (desired); imports nothing of ours. Files are 0600: a rendered model holds what the env file of its stack holds.
"""

from __future__ import annotations

import glob
import json
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_KEPT = 4
"""Entries per stack: going back to a recent revision renders nothing."""
_STAGING, _NEW = "staging-", "new-"
_STALE = 3600.0
"""Seconds after which a staging folder, or a file half written, belongs to nobody: its maker was killed."""


def holds(folder: Path, stack: str, key: str) -> bool:
    """Tell whether something was saved under a key; whether it can still be read, `load` tells."""
    return _file(folder, stack, key).exists()


def load(folder: Path, stack: str, key: str) -> Any | None:
    """Return what was saved under a key; None when there is nothing, or it is damaged."""
    with suppress(OSError, ValueError):
        return json.loads(_file(folder, stack, key).read_bytes())
    return None


def save(folder: Path, stack: str, key: str, value: Any) -> None:
    """Save a value and forget the oldest ones of its stack. Raises OSError."""
    with tempfile.NamedTemporaryFile("w", dir=_made(folder), prefix=_NEW, delete=False) as file:
        try:
            json.dump(value, file, separators=(",", ":"))
            file.close()
            Path(file.name).replace(_file(folder, stack, key))
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    entries = sorted(folder.glob(f"{glob.escape(stack)}@*.json"), key=_age)
    for old in entries[_KEPT:]:
        old.unlink(missing_ok=True)


def staging(folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Make a private folder that is gone afterwards, and remove those that a killed run left. Raises OSError."""
    _sweep(_made(folder))
    return tempfile.TemporaryDirectory(prefix=_STAGING, dir=folder.resolve())


def _sweep(folder: Path) -> None:
    for left in (*folder.glob(f"{_STAGING}*"), *folder.glob(f"{_NEW}*")):
        if _age(left) > _STALE:
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _file(folder: Path, stack: str, key: str) -> Path:
    return folder / f"{stack}@{key}.json"


def _age(path: Path) -> float:
    with suppress(OSError):
        return time.time() - path.stat().st_mtime
    return 0.0
