"""The key that the digests of redacted values are made with; it never leaves the device.

Room 5 (record); may import errors.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from reconciler.errors import NoSpace, StoreUnusable

_BYTES = 32


def read_key(path: Path, make: Callable[[int], bytes]) -> bytes:
    """Read the key at `path`; the first time it is made, whole or not at all. Raises NoSpace, StoreUnusable."""
    try:
        if not path.exists():
            _make(path, make(_BYTES))
        key = path.read_bytes()
    except OSError as error:
        raise NoSpace("cannot-write", path=str(path), words=error.strerror or str(error)) from error
    if len(key) != _BYTES:
        raise StoreUnusable("key-damaged", path=str(path))
    return key


def _make(path: Path, key: bytes) -> None:
    path.parent.mkdir(0o700, parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(handle)
    # linked, not renamed: of two who make it at once, the first one's counts
    with suppress(FileExistsError):
        path.hardlink_to(beside)
    beside.unlink()
