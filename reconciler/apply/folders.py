"""Walk a folder tree by directory handles and write files whole, or not at all.

Room 4 (apply); may import errors and model. A container with a writable bind can swap a folder for a link at any
moment. So each step down is one `openat` that follows no link, and what is written lands beside its target and is renamed.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from reconciler.errors import NoSpace, PathRefused, ReconcilerError

LARGEST = 1 << 30
"""Bytes. A container can make a file of any size out of nothing, and we would read until the memory is full."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CANNOT_WRITE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
_IN_THE_WAY = {errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY, errno.ENAMETOOLONG}


def write_error(error: OSError, path: str) -> ReconcilerError | OSError:
    """Return the error of ours that `error` at `path` stands for, or `error` itself when there is none."""
    words = error.strerror or str(error)
    if error.errno in _CANNOT_WRITE:
        return NoSpace("cannot-write", path=path, words=words)
    if error.errno in _IN_THE_WAY:
        return PathRefused("in-the-way", path=path, words=words)
    return error


@contextmanager
def explained(path: str) -> Iterator[None]:
    """Turn an OSError about `path` into NoSpace or PathRefused where it is one."""
    try:
        yield
    except OSError as error:
        raise write_error(error, path) from error


def make_folder(path: Path, mode: int = 0o755) -> None:
    """Make the folder at `path` with its parents, unless it is there; `mode` does not depend on the umask."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with suppress(FileExistsError):
        path.mkdir()
        path.chmod(mode)


def _step_down(handle: int, name: str, *, make: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=handle)
    except FileNotFoundError:
        if not make:
            raise
    with suppress(FileExistsError):
        os.mkdir(name, 0o755, dir_fd=handle)
    below = os.open(name, _FOLDER, dir_fd=handle)
    os.fchmod(below, 0o755)
    return below


@contextmanager
def folder_handle(root: Path, relative: str, *, make: bool = False) -> Iterator[int]:
    """Yield a handle of `root/relative` that was reached without following a link below `root`.

    Raises FileNotFoundError when it is not there (and `make` is false), OSError (ELOOP, ENOTDIR) when a link or a file
    stands in the way, PathRefused for a path that climbs.
    """
    parts = PurePosixPath(relative).parts
    if ".." in parts or relative.startswith("/"):
        raise PathRefused("in-the-way", path=relative, words="the path leaves its folder")
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts:
            below = _step_down(handle, part, make=make)
            os.close(handle)
            handle = below
        yield handle
    finally:
        os.close(handle)


def read_file(handle: int, name: str) -> tuple[bytes, int] | None:
    """Return content and mode of a regular file in a folder; None when something else, or nothing, has that name.

    A file beyond `LARGEST` counts as something else: it is none of ours.
    """
    try:
        # NONBLOCK: somebody may have put a pipe there
        file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=handle)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
            return None
        raise
    status = os.fstat(file)
    mode = status.st_mode
    if not stat.S_ISREG(mode) or status.st_size > LARGEST:
        os.close(file)
        return None
    with os.fdopen(file, "rb") as opened:
        return opened.read(), mode


def write_beside(handle: int, name: str, content: bytes, mode: int, owner: tuple[int, int] | None = None) -> str:
    """Write `content` to a temporary file in the folder, down to the disk; return its name. Nothing stays on failure."""
    beside = f".{name}.reconciler-new"
    with suppress(FileNotFoundError):
        os.unlink(beside, dir_fd=handle)
    file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=handle)
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(content)
            opened.flush()
            if owner is not None:
                os.fchown(file, *owner)
            os.fchmod(file, mode)
            os.fsync(file)
    except OSError:
        os.unlink(beside, dir_fd=handle)
        raise
    return beside


def put_in_place(handle: int, beside: str, name: str) -> None:
    """Give the written file its name, and make that durable."""
    os.replace(beside, name, src_dir_fd=handle, dst_dir_fd=handle)
    os.fsync(handle)


def replace_file(handle: int, name: str, content: bytes, mode: int) -> None:
    """Write a file whole, or not at all."""
    put_in_place(handle, write_beside(handle, name, content, mode), name)
