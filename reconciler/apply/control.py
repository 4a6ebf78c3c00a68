"""Make a running dockerd take its config file: reload or restart it, and wait until it answers again.

Room 4 (apply); may import engine, process, settings, errors. A dockerd that we start lives in its own session, and where
systemd runs also in a scope of its own: what is left in the cgroup of our unit is killed when the unit ends.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from reconciler import process
from reconciler.apply import successor
from reconciler.engine import EngineClient
from reconciler.errors import DaemonRejected, EngineUnreachable, MissingTool, ProgramFailed
from reconciler.settings import Control

RELOAD_SECONDS = 20.0
"""How long dockerd may take to say that it has reloaded; with an authorization plugin it takes up to 15."""
STOP_SECONDS = 120.0
START_SECONDS = 120.0
_TICK = 0.05
_SYSTEMD = Path("/run/systemd/system")
"""There where systemd is the init system: sd_booted(3)."""
_ENVIRONMENT = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}


def reload(control: Control, host: str) -> None:
    """Let dockerd read its live keys again, and wait for its word that it did. Raises DaemonRejected, EngineUnreachable."""
    engine = EngineClient.connect(host)
    begun = time.time()
    match control.kind:
        case "systemd":
            _run(("systemctl", "reload", control.unit or "docker"))
        case "pidfile":
            _signal(control, signal.SIGHUP)
        case "command":
            _run(control.reload)
    # A config that dockerd refuses is only an error in its log: no event, no other sign.
    reloads = engine.events(
        since=f"{begun:.9f}",
        until=f"{begun + RELOAD_SECONDS:.9f}",
        filters={"type": ("daemon",), "event": ("reload",)},
    )
    if next(iter(reloads), None) is None:
        raise DaemonRejected("daemon-not-reloaded", host=host)


def restart(control: Control, host: str, log: Path | None = None) -> None:
    """Stop dockerd, start it, and wait until it answers at `host`. `log` gets its output when we start it ourselves.

    Raises DaemonRejected.
    """
    started = None
    match control.kind:
        case "systemd":
            _run(("systemctl", "restart", control.unit or "docker"))
        case "pidfile":
            started = _start_anew(control, log)
        case "command":
            _run(outlives_us(control.restart))
    _wait_ready(host, started)


def _start_anew(control: Control, log: Path | None) -> int:
    """Stop dockerd and start it, by one program that does both: we may be killed in between. Return its process id."""
    with _dockerd(control) as running:
        if running is None:
            return _launch(control.start, log)
        started = _launch(successor.command_line(running.pid, STOP_SECONDS, control.start), log)
        if not _ended(running.handle, STOP_SECONDS):
            raise DaemonRejected("daemon-not-stopped", pidfile=str(control.pidfile), seconds=f"{STOP_SECONDS:g}")
        return started


def _launch(argv: Sequence[str], log: Path | None) -> int:
    try:
        return process.launch(outlives_us(argv), env=_ENVIRONMENT, log=log)
    except MissingTool as error:
        raise DaemonRejected("daemon-control-failed", words=str(error)) from error


def outlives_us(argv: Sequence[str], systemd: Path | None = None) -> tuple[str, ...]:
    """Return the command that runs `argv` under the same process id, and out of reach of the end of our unit."""
    if not (systemd or _SYSTEMD).is_dir():
        return tuple(argv)
    return ("systemd-run", "--scope", "--quiet", "--collect", "--", *argv)


def _run(argv: Sequence[str]) -> None:
    try:
        process.run(argv, env=_ENVIRONMENT, timeout=STOP_SECONDS + START_SECONDS).require()
    except (ProgramFailed, MissingTool) as error:
        words = error.arguments.get("words", "").strip() or str(error)
        raise DaemonRejected("daemon-control-failed", words=f"{' '.join(argv)}: {words}") from error


def _signal(control: Control, number: signal.Signals) -> None:
    """Send a signal to the dockerd that the pid file names, if there is one."""
    with _dockerd(control) as running:
        if running is not None:
            signal.pidfd_send_signal(running.handle, number)


class _Running(NamedTuple):
    pid: int
    handle: int


@contextmanager
def _dockerd(control: Control) -> Iterator[_Running | None]:
    pidfile = control.pidfile or Path("/var/run/docker.pid")
    running = None
    with suppress(FileNotFoundError, ValueError, ProcessLookupError):
        pid = int(pidfile.read_text())
        running = _Running(pid, os.pidfd_open(pid))
        # After a crash the number may belong to anybody.
        if "dockerd" not in Path(f"/proc/{pid}/cmdline").read_text(errors="replace"):
            os.close(running.handle)
            running = None
    try:
        yield running
    finally:
        if running is not None:
            os.close(running.handle)


def _ended(handle: int, seconds: float) -> bool:
    return bool(select.select([handle], [], [], seconds)[0])


def _wait_ready(host: str, started: int | None) -> None:
    deadline = time.monotonic() + START_SECONDS
    handle = None if started is None else os.pidfd_open(started)
    try:
        while True:
            try:
                EngineClient.connect(host, timeout=5)
            except EngineUnreachable as error:
                gone = handle is not None and _ended(handle, 0)
                if gone or time.monotonic() > deadline:
                    raise DaemonRejected("daemon-not-back", host=host) from error
            else:
                return
            time.sleep(_TICK)
    finally:
        if handle is not None:
            os.close(handle)
