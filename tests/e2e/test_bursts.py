"""Much at once, or the same for ever: nobody starves, nothing is lost, nothing grows."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import docker
import pytest

from deploy.private_dockerd import PrivateDockerd
from reconciler import compose
from reconciler.process import run
from tests.compose_program import under_test
from tests.e2e.agent import RunningAgent
from tests.e2e.host import Host

APP = "services: {{app: {{image: 'app:1', environment: {{LEVEL: '{level}'}}}}}}\n"
NEVER_WELL = """\
services:
  app:
    image: app:1
    healthcheck: {test: ["CMD", "false"], interval: 1s, timeout: 1s, retries: 500, start_period: 500s}
"""


def stack(name: str, text: str = APP, level: int = 1) -> dict[str, str | None]:
    return {f"stacks/{name}/compose.yaml": text.format(level=level) if text == APP else text}


def is_at(host: Host, name: str, level: int = 1) -> bool:
    """Tell whether a stack's one container runs at a level."""
    with suppress(docker.errors.APIError, OSError):  # it has just gone, or the engine has
        found = host.containers(name)
        return [
            f"LEVEL={level}" in one["Config"]["Env"] and one["State"]["Running"] for one in found.values()
        ] == [True]  # fmt: skip
    return False


@dataclass(frozen=True)
class Size:
    """What might grow in a process and its record."""

    files: int
    threads: int
    kilobytes: int
    rows: int

    @classmethod
    def of(cls, agent: RunningAgent) -> Size:
        home = Path(f"/proc/{agent.process.pid}")
        status = dict(line.split(":", 1) for line in (home / "status").read_text().splitlines())
        with closing(sqlite3.connect(agent.host.state_dir / "state.db")) as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            rows = sum(db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in tables)
        return cls(len(list((home / "fd").iterdir())), int(status["Threads"]), int(status["VmRSS"].split()[0]), rows)

    def assert_no_larger(self, before: Size, *, rows: int) -> None:
        """Insist that nothing has grown but the history, by so many rows."""
        assert self.files <= before.files + 8, (before, self)
        assert self.threads <= before.threads + 16, (before, self)
        assert self.kilobytes <= before.kilobytes + 16_000, (before, self)
        assert self.rows <= before.rows + rows, (before, self)


def test_eight_containers_removed_at_once_while_another_stack_waits(host: Host, unique: Callable[[str], str]) -> None:
    """All eight are back while the ninth still waits to become healthy: no event is lost, nobody waits for it."""
    names, slow = [unique("eight") for _ in range(8)], unique("slow")
    host.push({path: text for name in names for path, text in stack(name).items()})
    with RunningAgent(host) as agent:
        agent.until(lambda: all(is_at(host, name) for name in names))
        agent.idle()
        host.push(stack(slow, NEVER_WELL))
        agent.until(lambda: host.status()["stacks"][slow]["operation"] == "Verifying")
        for name in names:
            host.api.remove_container(f"{name}-app-1", force=True)
        agent.until(lambda: all(is_at(host, name) for name in names))
        assert host.status()["stacks"][slow]["operation"] == "Verifying"
    host.clear(*names, slow)


@pytest.mark.parametrize("pushes", [30, pytest.param(300, marks=[pytest.mark.slow, pytest.mark.timeout(600)])])
def test_many_pushes_in_a_row(host: Host, unique: Callable[[str], str], pushes: int) -> None:
    """The last one is deployed, after few passes; no files, threads, memory or rows pile up."""
    name = unique("pushed")
    host.push(stack(name))
    with RunningAgent(host) as agent:
        agent.until(lambda: is_at(host, name))
        agent.idle()
        before, passes = Size.of(agent), len(agent.passes)
        for level in range(2, pushes + 2):
            host.push(stack(name, level=level))
        agent.until(lambda: is_at(host, name, pushes + 1))
        agent.until(lambda: host.status()["revision"]["applied"] == host.git("rev-parse", "HEAD"))
        made = len(agent.passes) - passes
        assert made < pushes / 2
        Size.of(agent).assert_no_larger(before, rows=6 * made + 6)
        assert len(list((host.state_dir / "staging").iterdir())) < 8
    host.clear(name)


@pytest.mark.parametrize("count", [50, pytest.param(500, marks=[pytest.mark.slow, pytest.mark.timeout(1200)])])
def test_foreign_containers_wake_nobody(host: Host, unique: Callable[[str], str], count: int) -> None:
    """Whatever is started and stopped that is not ours makes no pass."""
    name, other = unique("ours"), unique("foreign")
    host.push(stack(name))
    with RunningAgent(host) as agent:
        agent.until(lambda: is_at(host, name))
        agent.idle()
        before, passes = Size.of(agent), len(agent.passes)
        config = host.api.create_host_config(network_mode="none")
        for number in range(count):
            made = host.api.create_container("app:1", name=f"{other}x{number}", host_config=config)
            host.api.start(made)
            host.api.remove_container(made, force=True)
        host.api.remove_container(f"{name}-app-1", force=True)  # which wakes it, after all the rest
        agent.until(lambda: is_at(host, name))
        agent.idle()
        *own, last = [one["pass"] for one in agent.passes[passes:]]
        assert last["trigger"] == "command"
        assert 0 < len(own) <= 2  # it is seen to end, and to be gone
        assert all(one["scope"] == [name] for one in own)
        Size.of(agent).assert_no_larger(before, rows=12)
    host.clear(name)


def _by_hand(host: Host, name: str, level: int) -> None:
    """Run compose on a stack of ours as a person would, with a file of their own."""
    file = host.folder / "by-hand.yaml"
    file.write_text(APP.format(level=level))
    folder = host.stacks_dir / name
    argv = [under_test().path, "--project-directory", str(folder), "-p", name, "-f", str(file), "up", "-d"]
    run(argv, env=compose.environment(host.dockerd.host, None), cwd=folder, timeout=100).require()


def test_who_runs_compose_by_hand_is_let_finish(host: Host, unique: Callable[[str], str]) -> None:
    """The agent waits until it is quiet, says so, and puts back what git says."""
    name = unique("hand")
    host.push(stack(name))
    with RunningAgent(host) as agent:
        agent.until(lambda: is_at(host, name))
        agent.idle()
        said: list[str] = []

        def is_waited_for() -> bool:
            said.append(str(host.status()["stacks"][name]["reason"]))
            return "compose" in said[-1]

        for level in (7, 8):
            _by_hand(host, name, level)
        assert is_at(host, name, 8)
        agent.until(is_waited_for)
        agent.until(lambda: is_at(host, name))
        agent.idle()
        assert host.status()["stacks"][name]["sync"] == "Synced"
    host.clear(name)


def test_an_engine_that_restarts_stops_nothing_on_purpose(
    tmp_path: Path, own_dockerd: Callable[..., PrivateDockerd]
) -> None:
    """What the engine ended while it went comes back at once, also where its restart policy says no."""
    dockerd = own_dockerd()
    host = Host(tmp_path, dockerd)
    policies: Mapping[str, str] = {"never": "'no'", "asked": "unless-stopped", "always": "always"}
    app = "services: {{app: {{image: 'app:1', restart: {}, environment: {{LEVEL: '1'}}}}}}\n"
    host.push({f"stacks/{name}/compose.yaml": app.format(policy) for name, policy in policies.items()})
    with RunningAgent(host) as agent:
        agent.until(lambda: all(is_at(host, name) for name in policies))
        agent.idle()
        ids = {name: host.ids(name) for name in policies}
        dockerd.restart()
        agent.until(lambda: all(is_at(host, name) for name in policies))
        agent.idle()
        assert {name: host.ids(name) for name in policies} == ids
        assert all(not one["held"] for one in host.status()["stacks"].values())


# ── for ever ─────────────────────────────────────────────────────────────────────────────────────

ENDS = "services: {app: {image: 'app:1', command: [sh, -c, 'echo last words; sleep %s; exit 7'], environment: {LEVEL: '1'}}}\n"


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_stack_that_fails_for_ever(host: Host, unique: Callable[[str], str]) -> None:
    """Others are deployed meanwhile; it is tried again ever later, five times, and then waits for a commit."""
    bad, good = unique("bad"), unique("good")
    host.push({**stack(bad, ENDS % 0), **stack(good)})
    with RunningAgent(host) as agent:
        agent.until(lambda: is_at(host, good))
        host.push(stack(good, level=2))
        agent.until(lambda: is_at(host, good, 2))
        before = Size.of(agent)
        agent.until(lambda: "nothing is tried any more" in str(host.status()["stacks"][bad]["reason"]), within=300)
        tries = [one for one in agent.passes if bad in one["report"]["stacks"]]
        assert [one["report"]["stacks"][bad]["result"] for one in tries].count("FailedPartial") >= 5
        assert host.status()["stacks"][bad]["next"] is None
        passes = len(agent.passes)
        Size.of(agent).assert_no_larger(before, rows=40)
        host.apply(code=3)  # a person may try
        assert len(agent.passes) <= passes + 1
        host.push(stack(bad))
        agent.until(lambda: is_at(host, bad))
    host.clear(bad, good)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_container_that_crashes_again_and_again(host: Host, unique: Callable[[str], str]) -> None:
    """It is started again ever later; then it is Degraded, with its last words, and nobody tries until a push."""
    name = unique("crash")
    host.push(stack(name))
    with RunningAgent(host) as agent:
        agent.until(lambda: is_at(host, name))
        agent.idle()
        host.push(stack(name, ENDS % 3))
        agent.until(lambda: host.status()["stacks"][name]["next"] is None and _is_degraded(host, name), within=300)
        told = host.status()["stacks"][name]
        assert set(told["services"]["app"]["log"]) == {"last words"}
        started = host.containers(name)[f"{name}-app-1"]["State"]["StartedAt"]
        host.push({"README": "nothing of that stack\n"})
        agent.until(lambda: host.containers(name)[f"{name}-app-1"]["State"]["StartedAt"] != started)
        host.push(stack(name, level=3))
        agent.until(lambda: is_at(host, name, 3))
    host.clear(name)


def _is_degraded(host: Host, name: str) -> bool:
    return bool(host.status()["stacks"][name]["health"] == "Degraded")
