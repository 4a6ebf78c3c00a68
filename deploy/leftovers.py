"""Take away all that a private dockerd left: processes, mounts, cgroups, sockets, its folder.

`python -m deploy.leftovers FOLDER` waits until its standard input ends, then does so: it is the guard that cleans up
even when the one that started it was killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_ENGINE = ("dockerd", "containerd", "containerd-shim-runc-v2")
_MNT_DETACH = 2
_AT_ONCE = 256
"""Processes that are waited for together: each takes a descriptor, of which there are at least a thousand."""
_CGROUPS = Path("/sys/fs/cgroup")
_UNIFIED = "unified" if (_CGROUPS / "unified").exists() else "."
_CONTAINER = re.compile(r"[0-9a-f]{64}")


def sweep(folder: Path) -> None:
    """Kill the engine that lives in `folder` with all its containers, and delete what it made."""
    for _ in range(5):  # until nothing is left: a dying engine may just have started one more
        engine = list(_engine_processes(folder))
        family = _with_children(engine)
        cgroups = {cgroup for pid in set(family) - set(engine) for cgroup in _cgroups(pid)}
        _kill(family)
        for cgroup in cgroups:
            _remove_when_free(cgroup)
    _unlink_shim_sockets(folder)
    _unmount(folder)
    shutil.rmtree(folder, ignore_errors=True)


def _engine_processes(folder: Path) -> Iterator[int]:
    for pid in _pids():
        argv = _argv(pid)
        if argv and Path(argv[0]).name in _ENGINE and any(f"{folder}/" in argument for argument in argv):
            yield pid


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def _argv(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(errors="replace").split("\0")
    except OSError:  # it has just ended
        return []


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _with_children(pids: list[int]) -> list[int]:
    parents = {pid: _parent(pid) for pid in _pids()}
    family = list(pids)
    for member in family:  # grows while it is walked: children, then theirs
        family += [pid for pid, parent in parents.items() if parent == member and pid not in family]
    return family


def _kill(pids: list[int]) -> None:
    for at in range(0, len(pids), _AT_ONCE):
        _kill_some(pids[at : at + _AT_ONCE])


def _kill_some(pids: list[int]) -> None:
    handles = []
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, FileNotFoundError):  # it ended; which one, is the kernel's choice
            handles.append(os.pidfd_open(pid))
            signal.pidfd_send_signal(handles[-1], signal.SIGKILL)
    for handle in handles:
        select.select([handle], [], [], 10)
        os.close(handle)


def _cgroups(pid: int) -> Iterator[Path]:
    """Yield the control groups that the engine made for the container which this process belongs to."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if _CONTAINER.search(path):
            yield _CGROUPS / (controllers.removeprefix("name=") or _UNIFIED) / path.lstrip("/")


def _remove_when_free(cgroup: Path) -> None:
    for _ in range(50):
        try:
            return cgroup.rmdir()
        except FileNotFoundError:
            return None
        except OSError:  # its last process is still being reaped
            time.sleep(0.01)
    return None


def _unlink_shim_sockets(folder: Path) -> None:
    for address in folder.glob("**/io.containerd.runtime.v2.task/*/*/address"):
        Path(address.read_text().removeprefix("unix://")).unlink(missing_ok=True)


def _unmount(folder: Path) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    points = [line.split()[4] for line in lines]
    for point in reversed([point for point in points if point.startswith(f"{folder}/")]):
        libc.umount2(point.encode(), _MNT_DETACH)


if __name__ == "__main__":
    sys.stdin.read()
    sweep(Path(sys.argv[1]))
