"""The agent as people run it: a process of its own on a host of the scenarios, awaited by what it tells."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from reconciler.api.client import RemoteDesk, reachable
from reconciler.errors import NoAgent
from tests.e2e.host import Host

PATIENCE = 60.0
"""Seconds after which what a scenario waits for is taken not to come."""


class RunningAgent:
    """`reconciler run` on a host; in a `with` it runs and answers. `environment` is added to ours."""

    def __init__(self, host: Host, **environment: str) -> None:
        self.host = host
        self.log = host.folder / "agent.log"
        self._environment = environment
        self._told: queue.SimpleQueue[Mapping[str, Any] | None] = queue.SimpleQueue()
        self.passes: list[Mapping[str, Any]] = []
        """The events `ended` so far: each a pass, with its report."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE)

    def start(self) -> None:
        """Start it, and wait until it answers at its socket."""
        program = str(Path(sys.executable).with_name("reconciler"))
        environment = {**os.environ, "RECONCILER_CONFIG": str(self.host.config), **self._environment}
        with self.log.open("ab") as sink:
            self.process = subprocess.Popen(
                [program, "run"], env=environment, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
            )
        deadline = time.monotonic() + PATIENCE
        while not reachable(self.socket):
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
        self._begin_to_follow()

    @property
    def socket(self) -> Path:
        """Return where it listens."""
        return self.host.state_dir / "agent.sock"

    @property
    def desk(self) -> RemoteDesk:
        """Return where to ask it."""
        return RemoteDesk(self.socket)

    def until(self, condition: Callable[[], object], within: float = PATIENCE) -> None:
        """Wait until something is so; it is looked at again whenever the agent tells something."""
        deadline = time.monotonic() + within
        while not condition():
            left = deadline - time.monotonic()
            assert left > 0, f"not within {within:g} s\n{self.said()}"
            try:
                self._told.get(timeout=min(left, 1.0))
            except queue.Empty:
                continue

    def idle(self) -> None:
        """Wait until it has nothing to do, and a person's look at everything has found nothing either."""
        self.host.apply()

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """End it without a word."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def said(self) -> str:
        """Return the end of its log."""
        return self.log.read_text()[-5000:]

    def _begin_to_follow(self) -> None:
        events = self.desk.follow()
        threading.Thread(target=self._follow, args=(events,), daemon=True).start()

    def _follow(self, events: Any) -> None:
        try:
            for event in events:
                if event["event"] == "ended":
                    self.passes.append(event)
                self._told.put(event)
        except NoAgent:  # it ended
            self._told.put(None)
