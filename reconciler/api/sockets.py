"""Unix sockets: made so that nobody else can ever reach them, and reached, however long their path is.

Api; may import errors and the pipeline's `person.py`.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reconciler.errors import PathRefused

MODE = 0o600


def bind(listening: socket.socket, path: Path) -> None:
    """Let a socket stand at a path, for its owner only; one that a dead agent left there makes way.

    It is made in a folder that nobody else can enter and then renamed: at no moment can others connect, and the mask of the
    process, which all threads share, stays. Raises PathRefused where something else stands, OSError.
    """
    if path.exists() and not stat.S_ISSOCK(path.lstat().st_mode):
        raise PathRefused("socket-path-taken", path=str(path))
    with tempfile.TemporaryDirectory(prefix=".socket-", dir=path.parent) as private:
        made = Path(private, path.name)
        with _short(made) as address:
            listening.bind(address)
        made.chmod(MODE)
        made.replace(path)


def connect(path: Path, timeout: float) -> socket.socket:
    """Reach what listens at a path, within so many seconds. Raises OSError."""
    reaching = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        reaching.settimeout(timeout)
        with _short(path) as address:
            reaching.connect(address)
    except BaseException:
        reaching.close()
        raise
    return reaching


def peer_uid(connection: socket.socket) -> int:
    """Return the user id of the process at the other end, as the kernel knows it."""
    size = struct.calcsize("3i")
    uid: int = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))[1]
    return uid


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield an address for a path: one of a socket holds 107 bytes, and state folders may lie deep."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
