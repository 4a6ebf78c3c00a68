"""The agent as people run it, a process of its own on the farm, and what it takes of the machine."""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeAlias

import docker

from reconciler.errors import NoAgent
from reconciler.pipeline import Silent, Wish
from tests.bench.bench import Bench, say
from tests.e2e.agent import PATIENCE, RunningAgent

Event: TypeAlias = Mapping[str, Any]

_TICKS = os.sysconf("SC_CLK_TCK")


class Keeper(RunningAgent):
    """An agent that keeps the farm."""

    def start(self) -> None:
        super().start()
        self.begun: list[Event] = []
        """The events `begins` so far: each a pass."""
        threading.Thread(target=self._count, daemon=True).start()

    def look(self) -> None:
        """Let it make a pass over everything, and wait for its end."""
        report = self.desk.apply(Wish(), Silent())
        assert report.converged, report

    @property
    def cpu(self) -> float:
        """Return the seconds of processor time that it took so far, with the programs that it ended."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / _TICKS

    @property
    def memory(self) -> float:
        """Return how much of it is in memory, in MB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        (line,) = (line for line in lines if line.startswith("VmRSS:"))
        return int(line.split()[1]) / 1024

    @property
    def handles(self) -> int:
        """Return how many files it has open, and how many children it has."""
        process = Path(f"/proc/{self.process.pid}")
        children = sum(len(one.read_text().split()) for one in process.glob("task/*/children"))
        return len(list((process / "fd").iterdir())) + children

    def _count(self) -> None:
        with suppress(NoAgent):  # it ended
            for event in self.desk.follow():
                if event["event"] == "begins":
                    self.begun.append(event)


@contextmanager
def kept(bench: Bench, **drift: str) -> Iterator[Keeper]:
    """Let an agent keep the farm of the targets' size, and look at everything first; `drift` are settings of that name."""
    host = bench.grown(bench.sizes.farm[1]).host
    host.configure(drift=drift)
    say("the agent begins")
    with Keeper(host, PYTHONDONTWRITEBYTECODE="") as keeper:
        keeper.look()
        yield keeper
    host.configure(drift=None)


class Happenings:
    """What the engine says of itself, in order; by its own clock, and asked of nobody else."""

    def __init__(self, host: str) -> None:
        self._client = docker.APIClient(host, version="auto")
        self._stream = self._client.events(decode=True)
        self._heard: queue.SimpleQueue[Event] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def close(self) -> None:
        """Hear no more."""
        self._stream.close()
        self._client.close()

    def moment(self, is_it: Callable[[Event], bool]) -> float:
        """Wait for the next event of a kind; return when it was, in seconds since 1970."""
        deadline = time.monotonic() + PATIENCE
        while True:
            event = self._heard.get(timeout=max(deadline - time.monotonic(), 0.0))
            if is_it(event):
                return float(event["timeNano"]) / 1e9

    def _listen(self) -> None:
        for event in self._stream:
            self._heard.put(event)


@contextmanager
def happenings(bench: Bench) -> Iterator[Happenings]:
    """Hear what happens at the engine of the bench."""
    with closing(Happenings(bench.dockerd.host)) as heard:
        yield heard


def of_container(project: str, service: str, action: str) -> Callable[[Event], bool]:
    """Tell an event of a service's container from others."""

    def is_it(event: Event) -> bool:
        said = event["Actor"]["Attributes"]
        whose = (said.get("com.docker.compose.project"), said.get("com.docker.compose.service"))
        return bool(event["Type"] == "container" and event["Action"] == action and whose == (project, service))

    return is_it


def of_network(name: str, action: str) -> Callable[[Event], bool]:
    """Tell an event of a network from others."""
    return lambda event: bool(
        event["Type"] == "network" and event["Action"] == action and event["Actor"]["Attributes"].get("name") == name
    )
