"""Tell systemd how we are, in its notify protocol; where nobody listens, say nothing.

Loop; imports nothing of ours. See sd_notify(3).
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

READY_SECONDS = 20.0
"""We are ready after so long whatever we wait for: what boots after us need not know that a registry is slow."""
_SEND_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Notifier:
    """Speaks to whoever started us. `address` is its socket, None for nobody; `watchdog` the seconds it lets us be silent."""

    address: str | None = None
    watchdog: float | None = None
    _stopping: threading.Event = field(default_factory=threading.Event)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], pid: int) -> Notifier:
        """Read what systemd told the process `pid`."""
        address = environment.get("NOTIFY_SOCKET", "")
        microseconds = environment.get("WATCHDOG_USEC", "")
        ours = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        watchdog = int(microseconds) / 1e6 if microseconds.isdecimal() and int(microseconds) and ours else None
        return cls(address if address.startswith(("/", "@")) else None, watchdog)

    def ready(self) -> None:
        """Say that we do our work, unless we are about to end."""
        if not self._stopping.is_set():
            self._send("READY=1")

    def status(self, text: str) -> None:
        """Say in one line what `systemctl status` is to show."""
        self._send(f"STATUS={' '.join(text.split())}")

    def reloading(self) -> None:
        """Say that the settings are read again; `ready` ends it."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Say that we end as soon as what is under way allows."""
        self._stopping.set()
        self._send("STOPPING=1")

    @contextmanager
    def telling(self, looked: threading.Event, silent_for: Callable[[], float]) -> Iterator[None]:
        """Say that we are ready once `looked` is set, and from then on that we live.

        `silent_for` is how many seconds ago the dispatcher turned: when it hangs, the watchdog hears nothing more.
        """
        over = threading.Event()
        threading.Thread(target=self._tell, args=(looked, silent_for, over), name="notify", daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def _tell(self, looked: threading.Event, silent_for: Callable[[], float], over: threading.Event) -> None:
        looked.wait(READY_SECONDS)
        self.ready()
        if self.watchdog is None:
            return
        pause = self.watchdog / 2
        while not over.wait(pause):
            # While we stop nothing turns any more, and the time for that is limited by the stop timeout.
            if self._stopping.is_set() or silent_for() < pause:
                self._send("WATCHDOG=1")

    def _send(self, *lines: str) -> None:
        if self.address is None:
            return
        name = self.address.replace("@", "\0", 1) if self.address.startswith("@") else self.address
        # Whoever started us may be gone; that is no reason to end.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.settimeout(_SEND_SECONDS)
            out.sendto("\n".join(lines).encode(errors="replace"), name)
