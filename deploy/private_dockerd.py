"""A dockerd of one's own for tests, bench and demo: it shares nothing with an engine that is there.

Own folder for all its files, own containerd, own socket, own network namespace. A guard process takes everything away
when the starter closes it, or dies.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from deploy.network import own_network

_LONGEST_SOCKET = 107
_LONGEST_ADDED = len("/exec/libnetwork/0123456789ab.sock")
_REPOSITORY = Path(__file__).resolve().parent.parent
_numbers = itertools.count()
_Pool = Mapping[str, str | int]


class DockerdFailed(Exception):
    """The private dockerd did not come up or go down; holds the tail of its log."""


def address_pools() -> tuple[_Pool, ...]:
    """Choose address pools that no other private dockerd of this process has: 4096 networks of /24."""
    return ({"base": f"10.{16 * (next(_numbers) % 15)}.0.0/12", "size": 24},)


class PrivateDockerd:
    """A dockerd with all its files in `folder`, which must be short and is removed in the end.

    `config` is what its daemon.json holds. `bridge` and `pools` are given as flags, unless they are None or `config`
    names their keys. `extra` are more flags. Usable as a context manager: up inside, gone without a trace after.
    """

    def __init__(
        self,
        folder: Path,
        *,
        name: str = "private",
        config: Mapping[str, Any] | None = None,
        bridge: str | None = "none",
        pools: Sequence[_Pool] | None = (),
        extra: Sequence[str] = (),
    ) -> None:
        if len(str(folder)) + _LONGEST_ADDED > _LONGEST_SOCKET:
            raise ValueError(f"{folder} is too long for unix sockets below it")
        self.folder = folder
        self.name = name
        self.config = dict(config or {})
        self.config_file = folder / "daemon.json"
        self.socket = folder / "docker.sock"
        self.host = f"unix://{self.socket}"
        self.pidfile = folder / "docker.pid"
        self.log = folder / "dockerd.log"
        self.command = self._command(bridge, address_pools() if pools == () else pools, extra)
        self._dockerd: subprocess.Popen[bytes] | None = None
        self._containerd: subprocess.Popen[bytes] | None = None
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self) -> None:
        """Make the folder, start the guard and containerd, then dockerd. Raises DockerdFailed."""
        own_network()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.config_file.write_text(json.dumps(self.config, indent=2, sort_keys=True) + "\n")
        try:
            self._guard = self._start_guard()
            self._containerd = self._start_containerd()
            self.start()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the guard take everything away, and wait for it."""
        if self._guard is None or self._guard.stdin is None:
            return
        self._guard.stdin.close()
        for process in filter(None, (self._dockerd, self._containerd, self._guard)):
            process.wait(timeout=60)
        self._dockerd = self._containerd = self._guard = None

    def start(self) -> None:
        """Start dockerd and wait until it answers. Raises DockerdFailed with the tail of its log."""
        with self.log.open("ab") as log:
            self._dockerd = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        self.wait_ready()

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Wait until dockerd answers, whoever started it; `timeout` in seconds. Raises DockerdFailed."""
        deadline = time.monotonic() + timeout
        while not self._answers():
            ended = self._dockerd is not None and self._dockerd.poll() is not None
            if ended or time.monotonic() > deadline:
                raise DockerdFailed(f"dockerd {self.name} did not start:\n{self.log_tail()}")
            time.sleep(0.02)

    def stop(self, timeout: float = 60.0) -> None:
        """Stop dockerd, with its containers, as an administrator would; `timeout` in seconds. Raises DockerdFailed."""
        self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        """End dockerd at once, as a crash would; containers go on running."""
        self._end(signal.SIGKILL, 10.0)

    def restart(self) -> None:
        """Stop dockerd and start it again with the same folder and flags."""
        self.stop()
        self.start()

    @property
    def pid(self) -> int:
        """The process id of the running dockerd, whoever started it."""
        return int(self.pidfile.read_text())

    def log_tail(self, lines: int = 30) -> str:
        """Return the last lines of the log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _command(self, bridge: str | None, pools: Sequence[_Pool] | None, extra: Sequence[str]) -> list[str]:
        command = ["dockerd", "--config-file", str(self.config_file), "--data-root", str(self.folder / "data")]
        command += ["--exec-root", str(self.folder / "exec"), "--pidfile", str(self.pidfile), "-H", self.host]
        command += ["--containerd", str(self.folder / "containerd.sock"), "--containerd-namespace", self.name]
        command += ["--containerd-plugins-namespace", f"{self.name}-plugins"]
        # firewall rules would need kernel modules; published ports work by docker-proxy, names by rules in the container
        command += ["--iptables=false", "--ip6tables=false"]
        if bridge is not None and "bridge" not in self.config:
            command += ["--bridge", bridge]
        if pools is not None and "default-address-pools" not in self.config:
            command += [f"--default-address-pool=base={pool['base']},size={pool['size']}" for pool in pools]
        return [*command, *extra]

    def _start_guard(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "deploy.leftovers", str(self.folder)]
        return subprocess.Popen(command, stdin=subprocess.PIPE, cwd=_REPOSITORY, start_new_session=True)

    def _start_containerd(self) -> subprocess.Popen[bytes]:
        command = ["containerd", "--config", str(self._containerd_config()), "--log-level", "warn"]
        with (self.folder / "containerd.log").open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def _containerd_config(self) -> Path:
        config = self.folder / "containerd.toml"
        config.write_text(
            "version = 2\n"
            f'root = "{self.folder}/containerd"\nstate = "{self.folder}/containerd-state"\n'
            'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
            f'[grpc]\naddress = "{self.folder}/containerd.sock"\n'
        )
        return config

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock, contextlib.suppress(OSError):
            sock.settimeout(10)
            sock.connect(str(self.socket))
            sock.sendall(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n")
            return b" 200 " in sock.recv(64)
        return False

    def _end(self, how: signal.Signals, timeout: float) -> None:
        with _handle(self.pid) as handle:
            signal.pidfd_send_signal(handle, how)
            if not select.select([handle], [], [], timeout)[0]:
                raise DockerdFailed(f"dockerd {self.name} did not stop:\n{self.log_tail()}")
        if self._dockerd is not None:
            self._dockerd.poll()


@contextlib.contextmanager
def _handle(pid: int) -> Iterator[int]:
    handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        os.close(handle)
