"""A program of its own: end a process, wait until it has, and become the one that follows: `successor.py PID SECONDS COMMAND…`.

Room 4 (apply); imports nothing of ours, and is started by control. It does both, since we may be killed in between: a dockerd
that was stopped and never started would stay away.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress


def main(pid: str, seconds: str, *command: str) -> None:
    """End the process `pid` and run `command` in our place; give up when it has not ended after `seconds`."""
    with suppress(ProcessLookupError):
        handle = os.pidfd_open(int(pid))
        signal.pidfd_send_signal(handle, signal.SIGTERM)
        if not select.select([handle], [], [], float(seconds))[0]:
            sys.exit(f"process {pid} has not ended")
    os.execvp(command[0], command)  # noqa: S606 - it is ours to become


def command_line(pid: int, seconds: float, command: Sequence[str]) -> tuple[str, ...]:
    """Return the command that runs this program, and nothing else of ours."""
    return (sys.executable, "-I", __file__, str(pid), f"{seconds:g}", *command)


if __name__ == "__main__":
    main(*sys.argv[1:])
