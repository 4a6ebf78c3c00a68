"""The agent of the demo: started, killed and started again, as a service manager would."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from reconciler.api.client import RemoteDesk, reachable

_PATIENCE = 60.0


class DemoAgent:
    """`reconciler run` with the settings in `folder`; ends when this process does, however that is."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "state" / "agent.sock"
        self.log = folder / "agent.log"
        self._settings = folder / "config.yaml"
        self._running: subprocess.Popen[bytes] | None = None
        self._ending = threading.Event()

    @property
    def desk(self) -> RemoteDesk:
        """Return where to ask it."""
        return RemoteDesk(self.socket)

    def start(self) -> None:
        """Start it, and wait until it answers. Raises OSError when it ends instead."""
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "reconciler"]
        command += ["--config", str(self._settings), "run"]
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + _PATIENCE
        while not reachable(self.socket):
            if self._running.poll() is not None or time.monotonic() > deadline:
                raise OSError("the agent does not run")
            time.sleep(0.02)

    def kill_during_compose(self) -> Sequence[str]:
        """Wait until it lets compose make something, and kill it without a word; return how compose was called."""
        assert self._running
        deadline = time.monotonic() + _PATIENCE
        while (command := self._making()) is None:
            if time.monotonic() > deadline:
                raise OSError("the agent does not run compose")
            time.sleep(0.002)
        self._running.kill()
        self._running.wait()
        return command

    def log_tail(self, lines: int = 20) -> str:
        """Return the last lines of its log."""
        return "\n".join(self.log.read_text().splitlines()[-lines:]) if self.log.exists() else ""

    def keep(self) -> None:
        """Start it again whenever it ends, until `stop`."""
        threading.Thread(target=self._keep, daemon=True).start()

    def stop(self) -> None:
        """Let it end in good order."""
        self._ending.set()
        if self._running is not None:
            self._running.terminate()
            self._running.wait()

    def _keep(self) -> None:
        while not self._ending.is_set():
            assert self._running
            self._running.wait()
            if not self._ending.wait(1.0):
                self.start()

    def _making(self) -> Sequence[str] | None:
        return next((command for command in self._children() if "up" in command), None)

    def _children(self) -> Iterator[Sequence[str]]:
        assert self._running
        with suppress(FileNotFoundError, ProcessLookupError):  # one may end while we look
            for thread in Path(f"/proc/{self._running.pid}/task").glob("*/children"):
                for pid in thread.read_text().split():
                    yield Path(f"/proc/{pid}/cmdline").read_text().split("\0")
