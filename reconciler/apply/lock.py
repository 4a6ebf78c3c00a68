"""One lock per stack, held by us and by the compose run that we started.

Room 4 (apply); may import errors. The lock is the kernel's: it ends with the last process that holds the descriptor. So a
compose run that outlives a killed agent keeps its stack locked until it is done.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from reconciler.apply.folders import explained, make_folder
from reconciler.errors import Locked

_POLL_SECONDS = 0.05


@contextmanager
def stack_lock(state_dir: Path, stack: str, *, who: str, why: str, wait: float = 0) -> Iterator[int]:
    """Hold the lock of one stack; yield its descriptor, to be passed on to compose.

    `who` and `why` are for whoever comes second. Waits up to `wait` seconds. Raises Locked with who, why, since, pid.
    """
    path = state_dir / "locks" / f"{stack}.lock"
    with explained(str(path)):
        make_folder(path.parent, 0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _acquire(handle, stack, wait)
        with explained(str(path)):
            _sign(handle, who, why)
        yield handle
    finally:
        # Only closed, never unlocked: a compose run that still has the descriptor goes on holding the lock.
        os.close(handle)


def _acquire(handle: int, stack: str, wait: float) -> None:
    deadline = time.monotonic() + wait
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                raise _locked(handle, stack) from None
            time.sleep(_POLL_SECONDS)
        else:
            return


def _sign(handle: int, who: str, why: str) -> None:
    since = datetime.now(UTC).isoformat(timespec="seconds")
    text = json.dumps({"who": who, "why": why, "since": since, "pid": str(os.getpid())})
    os.ftruncate(handle, 0)
    os.pwrite(handle, text.encode(), 0)


def _locked(handle: int, stack: str) -> Locked:
    try:
        holder = dict(json.loads(os.pread(handle, 4096, 0)))
    except ValueError:
        # caught between its lock and its signature
        holder = {}
    who, why, since, pid = (str(holder.get(key, "?")) for key in ("who", "why", "since", "pid"))
    return Locked("stack-locked", stack=stack, who=who, why=why, since=since, pid=pid)
