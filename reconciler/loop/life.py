"""The agent as a process: one for each state folder, ended by signals, or told by them to read its settings again.

Loop; may import apply's folders, plan's texts, settings and errors. Signals are not blocked but handled: a mask would be handed
down to compose and git, which could then not be stopped.
"""

from __future__ import annotations

import fcntl
import os
import signal
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import structlog

from reconciler.apply.folders import explained, make_folder
from reconciler.errors import AgentRuns, ReconcilerError
from reconciler.loop.notify import Notifier
from reconciler.plan.texts import problem_hint, problem_text
from reconciler.settings import Settings

FIXED = ("state_dir", "stacks_dir", "docker", "metrics")
"""Settings that an agent has for life: they stand in what is open, running and listening."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_ENDED = 0
"""Stands among the numbers of signals for the end of the agent."""

_log = structlog.get_logger()


@contextmanager
def only_agent(state_dir: Path) -> Iterator[None]:
    """Be the only agent of a state folder while the context lasts, however it ends.

    Raises AgentRuns with the process id of the other, NoSpace, PathRefused.
    """
    path = state_dir / "agent.lock"
    with explained(str(path)):
        make_folder(state_dir, 0o700)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        _take(handle, state_dir)
        with explained(str(path)):
            os.ftruncate(handle, 0)
            os.pwrite(handle, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(handle)


def _take(handle: int, state_dir: Path) -> None:
    while not _locked(handle, fcntl.LOCK_EX):
        if not _locked(handle, fcntl.LOCK_SH):
            pid = os.pread(handle, 20, 0).decode(errors="replace").strip() or "?"
            raise AgentRuns("agent-runs", pid=pid, state_dir=str(state_dir))
        # whoever only asks who holds it shares it, and is gone in a moment


def _locked(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class Runs(Protocol):
    """What a life is given to: `run` returns some time after `stop`, which may be said more than once."""

    def run(self) -> None: ...
    def stop(self) -> None: ...
    def reload(self, settings: Settings) -> None: ...


class Life:
    """Runs an agent from its start to its end, in a thread of its own, while the main thread waits for signals.

    SIGTERM and SIGINT end it: what is under way comes to its end first. A second one changes nothing. SIGHUP lets `read` read
    the settings again: bad ones are refused and the old ones stay, and so do those in `FIXED`.
    """

    def __init__(self, agent: Runs, settings: Settings, read: Callable[[], Settings], notifier: Notifier) -> None:
        self._agent = agent
        self._settings = settings
        self._read = read
        self._notifier = notifier
        self._stopping = False
        # A byte for each signal. A lock would not do: a signal that reaches another thread does not wake the one that waits.
        self._heard, self._hear = socket.socketpair()
        self._hear.setblocking(False)

    def lead(self) -> None:
        """Run the agent until it has ended; call it in the main thread. What ended it by surprise is raised."""
        with self._hearing(), ThreadPoolExecutor(1, "agent") as pool:
            running = pool.submit(self._agent.run)
            running.add_done_callback(lambda _: self._hear.send(bytes([_ENDED])))
            try:
                while (number := self._heard.recv(1)[0]) != _ENDED:
                    self._obey(number)
            finally:
                self._agent.stop()
        running.result()

    @contextmanager
    def _hearing(self) -> Iterator[None]:
        # Without a handler in Python nothing would be written; the one that is set has nothing to do.
        before = {number: signal.signal(number, lambda *_: None) for number in _SIGNALS}
        written_to = signal.set_wakeup_fd(self._hear.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(written_to)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._heard.close()
            self._hear.close()

    def _obey(self, number: int) -> None:
        if number not in _SIGNALS:
            return  # somebody else's handler, such as a debugger's
        if self._stopping:
            _log.info("already stopping", waits_for="what is under way")
        elif number == signal.SIGHUP:
            self._reload()
        else:
            self._stopping = True
            _log.info("stopping", signal=signal.Signals(number).name)
            self._notifier.stopping()
            self._agent.stop()

    def _reload(self) -> None:
        self._notifier.reloading()
        try:
            read = self._read()
            taken, refused = kept_fixed(self._settings, read)
            self._agent.reload(taken)
        except ReconcilerError as error:
            _say_refused(error)
        else:
            self._settings = taken
            for key in refused:
                _log.warning("setting needs a restart of the agent", key=key, file=str(read.file))
            _log.info("settings read again", file=str(read.file))
        self._notifier.ready()


def kept_fixed(old: Settings, new: Settings) -> tuple[Settings, tuple[str, ...]]:
    """Return the new settings with what is `FIXED` as it was, and the keys among these that were to change."""
    fixed: dict[str, Any] = {key: getattr(old, key) for key in FIXED}
    return replace(new, **fixed), tuple(key for key, value in fixed.items() if getattr(new, key) != value)


def _say_refused(error: ReconcilerError) -> None:
    problem = error.problem("settings")
    where = f"{error.file}:{error.line}" if error.line else error.file
    _log.error(
        "settings refused, the old ones stay", where=where, why=problem_text(problem), hint=problem_hint(problem)
    )
