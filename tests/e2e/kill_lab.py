"""A host that goes from commit to commit, and what has to be true of it however often we were killed on the way.

Each turn makes a stack, takes another away, makes a container anew, changes one in place, and writes a file that a third has
mounted. A volume is kept through all of it.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.model import ObjectRef
from reconciler.pipeline import Order
from tests.e2e.host import Host, Said

_MAIN = """\
services:
  data:
    image: app:1
    environment: {{TURN: '{turn}'}}
    volumes: ['data:/data']
  reader:
    image: app:1
    volumes: ['./app.conf:/app.conf:ro']
  small:
    image: app:1
    mem_limit: {memory}m
volumes: {{data: }}
"""
_OTHER = "services:\n  app:\n    image: app:1\n    volumes: ['kept:/kept']\nvolumes: {kept: }\n"
_LEFT_BEHIND = (".*.reconciler-new", "*.before-reconciler*")
"""Not the half copy of the database: the next one takes its place."""


@dataclass(frozen=True)
class Way:
    """What git says at a turn."""

    prefix: str
    turn: int

    @property
    def main(self) -> str:
        return f"{self.prefix}main"

    @property
    def here(self) -> str:
        """The stack that there is at this turn only; by its name it comes after the one that goes, so each turn is alike."""
        return f"{self.prefix}turn{self.turn:03}"

    @property
    def gone(self) -> str:
        return f"{self.prefix}turn{self.turn - 1:03}"

    @property
    def memory(self) -> int:
        return 64 + 32 * (self.turn % 2)

    @property
    def conf(self) -> str:
        return f"turn {self.turn}\n"

    @cached_property
    def files(self) -> Mapping[str, str | None]:
        return {
            f"stacks/{self.main}/compose.yaml": _MAIN.format(turn=self.turn, memory=self.memory),
            f"stacks/{self.main}/app.conf": self.conf,
            f"stacks/{self.here}/compose.yaml": _OTHER,
        }


class KillLab:
    """The host, at a turn; `prefix` begins the names of its stacks."""

    def __init__(self, host: Host, prefix: str) -> None:
        self.host = host
        self.way = Way(prefix, 0)
        self.commit = host.push(self.way.files)

    @property
    def projects(self) -> tuple[str, ...]:
        """All that there has ever been."""
        return (self.way.main, *(Way(self.way.prefix, turn).here for turn in range(self.way.turn + 1)))

    def arrive(self) -> None:
        """Apply for the first time, and put a file into the volume."""
        self.host.apply()
        (self._volume(f"{self.way.main}_data") / "precious").write_text("kept")

    def turn(self) -> None:
        """Push the next turn."""
        gone = {f"stacks/{self.way.here}/compose.yaml": None}
        self.way = Way(self.way.prefix, self.way.turn + 1)
        self.commit = self.host.push({**gone, **self.way.files})

    def killed(self, step: str, *words: str) -> list[str]:
        """Run a command that is killed before a step; return the steps it reached."""
        return run_killed(self.host, step, *words)

    def let_compose_finish(self) -> None:
        """Wait for a compose run that outlived us."""
        let_compose_finish(self.host)

    # ── what has to be true ──────────────────────────────────────────────────────────────────────

    def complaints(self, said: Said | None = None) -> list[str]:
        """Return what is not as it has to be, once somebody has applied again; `said` is what that command said."""
        found = [] if said is None or said.code == 0 else [f"apply ended with {said.code}: {said.out}{said.err}"]
        return [*found, *self._on_the_engine(), *self._in_the_volumes(), *self._on_the_disk(), *self._in_the_record()]

    def dishonest(self) -> list[str]:
        """Return what the status says that is not so."""
        status = self.host.status()
        new = status["revision"]["wanted"] == self.commit
        said = {name: stack["sync"] for name, stack in status["stacks"].items()}
        wrong = list(self._on_the_engine())
        if status["revision"]["applied"] == self.commit and (wrong or set(said.values()) != {"Synced"}):
            return [f"status says applied, and {wrong or said}"]
        if new and set(said.values()) == {"Synced"} and wrong:
            return [f"status says Synced, and {wrong}"]
        return []

    def _on_the_engine(self) -> Iterator[str]:
        way, host = self.way, self.host
        main, here = host.containers(way.main), host.containers(way.here)
        names = {f"{way.main}-{service}-1" for service in ("data", "reader", "small")}
        yield from _differ("containers", names, main)
        yield from _differ("containers", {f"{way.here}-app-1"}, here)
        yield from _differ("containers", set(), host.containers(way.gone))
        for project, wanted in ((way.main, 1), (way.here, 1), (way.gone, 0)):
            networks = host.api.networks(filters={"label": f"com.docker.compose.project={project}"})
            yield from _differ("networks", {f"{project}_default"} if wanted else set(), [n["Name"] for n in networks])
        if main.keys() == names:
            yield from self._of_main(main)

    def _of_main(self, main: Mapping[str, Any]) -> Iterator[str]:
        data, reader, small = (main[f"{self.way.main}-{service}-1"] for service in ("data", "reader", "small"))
        yield from (f"{name} does not run" for name, found in main.items() if not found["State"]["Running"])
        if f"TURN={self.way.turn}" not in data["Config"]["Env"]:
            yield "data has the environment of another turn"
        if small["HostConfig"]["Memory"] != self.way.memory << 20:
            yield f"small has {small['HostConfig']['Memory'] >> 20} MiB"
        read = Path(f"/proc/{reader['State']['Pid']}/root/app.conf").read_text() if reader["State"]["Pid"] else None
        if read != self.way.conf:
            yield f"reader reads {read!r}"

    def _volume(self, name: str) -> Path:
        return Path(self.host.api.inspect_volume(name)["Mountpoint"])

    def _in_the_volumes(self) -> Iterator[str]:
        if not (self._volume(f"{self.way.main}_data") / "precious").exists():
            yield "the volume of data has lost its file"
        there = {one["Name"] for one in self.host.api.volumes()["Volumes"]}
        if self.way.turn and f"{self.way.gone}_kept" not in there:
            yield f"the volume of {self.way.gone} is gone"

    def _on_the_disk(self) -> Iterator[str]:
        for name, text in self.way.files.items():
            placed = self.host.stacks_dir / name.removeprefix("stacks/")
            if not placed.exists() or placed.read_text() != text:
                yield f"{placed} is not what git holds"
        if (self.host.stacks_dir / self.way.gone).exists():
            yield f"the folder of {self.way.gone} is still there"
        for pattern in _LEFT_BEHIND:
            yield from (f"{path} was left behind" for path in self.host.state_dir.rglob(pattern))
        env_files = {path.stem for path in (self.host.state_dir / "env").glob("*.env")}
        yield from _differ("env files", {self.way.main, self.way.here}, env_files)

    def _in_the_record(self) -> Iterator[str]:
        with self.host.pipeline() as pipeline:
            plan = pipeline.plan(pipeline.refresh(), Order()).plan
            recorded = pipeline.store.recorded().stacks
            if pipeline.store.revisions().applied != self.commit:
                yield "the record does not say that this commit is applied"
        yield from (f"still to do: {action.kind} {action.target}" for action in plan.actions)
        yield from _differ("recorded stacks", {self.way.main, self.way.here}, recorded)
        for name in recorded.keys() & {self.way.main, self.way.here}:
            yield from _differ(f"inventory of {name}", self._belongings(name), recorded[name].inventory)

    def _belongings(self, project: str) -> set[ObjectRef]:
        label = {"label": f"com.docker.compose.project={project}"}
        folder = str(self.host.stacks_dir / project)
        return {
            *(ObjectRef("container", name, folder) for name in self.host.containers(project)),
            *(ObjectRef("network", one["Name"]) for one in self.host.api.networks(filters=label)),
            *(ObjectRef("volume", one["Name"]) for one in self.host.api.volumes(filters=label)["Volumes"] or ()),
        }


def _differ(what: str, wanted: Any, found: Any) -> Iterator[str]:
    if missing := set(wanted) - set(found):
        yield f"{what}: missing {sorted(map(str, missing))}"
    if surplus := set(found) - set(wanted):
        yield f"{what}: one too many {sorted(map(str, surplus))}"


NOWHERE = "-"


def run_killed(host: Host, step: str, *words: str) -> list[str]:
    """Run a command on a host that is killed before a step, or NOWHERE; return the steps it reached."""
    log = host.folder / "steps"
    log.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "tests.e2e.killable", str(log), step, *words],
        env={**os.environ, "RECONCILER_CONFIG": str(host.config)}, cwd=Path(__file__).parents[2],
        check=False, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110,
    )  # fmt: skip
    assert done.returncode in (0, -9), done.stdout + done.stderr
    return log.read_text().splitlines()


def let_compose_finish(host: Host) -> None:
    """Wait for a compose run that outlived us: it holds the lock of its stack."""
    for lock in (host.state_dir / "locks").glob("*.lock"):
        with lock.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX)
