"""What the agent lives through: compose, the engine, the registry or the disk fail in the middle of its work."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import docker
import pytest

from deploy.private_dockerd import PrivateDockerd
from tests.e2e.agent import RunningAgent
from tests.e2e.host import Host
from tests.e2e.registry import registry

_T = TypeVar("_T")

SERVICES = ("one", "two", "three", "four")


def many(level: int) -> str:
    """Write a stack of some services, all of one level."""
    return "services:\n" + "".join(f"  {s}: {{image: 'app:1', environment: {{LEVEL: '{level}'}}}}\n" for s in SERVICES)


def is_well(host: Host, name: str, level: int, services: Sequence[str] = SERVICES) -> bool:
    """Tell whether exactly these containers are there, all running at a level."""
    with suppress(docker.errors.APIError, OSError):  # one has just gone, or the engine has
        found = host.containers(name)
        return found.keys() == {f"{name}-{service}-1" for service in services} and all(
            one["State"]["Running"] and f"LEVEL={level}" in one["Config"]["Env"] for one in found.values()
        )
    return False


@contextmanager
def at_event(host: Host, name: str, action: str, do: Callable[[], object]) -> Iterator[threading.Event]:
    """Do something as soon as a container of a project is created, say; yield what is set then."""
    done = threading.Event()
    events = host.api.events(filters={"label": f"com.docker.compose.project={name}", "event": action}, decode=True)

    def watch() -> None:
        if next(iter(events), None) is not None:
            do()
            done.set()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield done
    finally:
        thread.join(60)


def kill_compose(host: Host) -> None:
    """End the compose run of this host without a word."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes().split(b"\0")
            if b"up" in words and any(str(host.stacks_dir).encode() in word for word in words):
                os.kill(int(process.name), signal.SIGKILL)


def answered(ask: Callable[[], _T]) -> _T:
    """Return an answer that has to come within seconds, although nothing does its work."""
    return ThreadPoolExecutor(1).submit(ask).result(timeout=30)


# ── compose ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("level", [1, 2], ids=["create", "recreate"])
def test_compose_is_killed_in_the_middle(host: Host, unique: Callable[[str], str], level: int) -> None:
    """The agent tries again: each service has one container, and none keeps the name of an interrupted recreate."""
    name = unique("halfway")
    with RunningAgent(host) as agent:
        if level == 2:
            host.push({f"stacks/{name}/compose.yaml": many(1)})
            agent.until(lambda: is_well(host, name, 1))
            agent.idle()
        with at_event(host, name, "create", lambda: kill_compose(host)) as killed:
            host.push({f"stacks/{name}/compose.yaml": many(level)})
        assert killed.is_set()
        agent.until(lambda: is_well(host, name, level))
        agent.until(lambda: host.status()["stacks"][name]["result"] == "Applied")
        failed = [one for one in agent.passes if one["report"]["stacks"].get(name, {}).get("result") == "FailedPartial"]
        assert failed, "compose was not killed in time"
    host.clear(name)


# ── the engine ───────────────────────────────────────────────────────────────────────────────────


def _crash(dockerd: PrivateDockerd) -> None:
    dockerd.kill()
    dockerd.start()


@pytest.mark.parametrize("end", [_crash, PrivateDockerd.restart], ids=["killed", "restarted"])
def test_the_engine_goes_in_the_middle_of_an_apply(
    tmp_path: Path, own_dockerd: Callable[..., PrivateDockerd], end: Callable[[PrivateDockerd], None]
) -> None:
    """When it is back the agent goes on: what was made half is made whole, whatever the restart policy."""
    dockerd = own_dockerd()
    host = Host(tmp_path, dockerd)
    with RunningAgent(host) as agent:
        with at_event(host, "web", "create", lambda: end(dockerd)) as gone:
            host.push({"stacks/web/compose.yaml": many(1)})
        assert gone.is_set()
        agent.until(lambda: is_well(host, "web", 1))
        agent.idle()
        assert host.status()["stacks"]["web"]["sync"] == "Synced"
        assert [name for name in host.ids("web") if re.match("[0-9a-f]{12}_", name)] == []


@pytest.fixture
def hung(tmp_path: Path, own_dockerd: Callable[..., PrivateDockerd]) -> Iterator[tuple[Host, RunningAgent]]:
    """A host with a stack and its agent, whose engine accepts and never answers."""
    dockerd = own_dockerd()
    host = Host(tmp_path, dockerd)
    host.push({"stacks/web/compose.yaml": many(1)})
    with RunningAgent(host) as agent:
        agent.until(lambda: is_well(host, "web", 1))
        agent.idle()
        os.kill(dockerd.pid, signal.SIGSTOP)
        try:
            yield host, agent
        finally:
            os.kill(dockerd.pid, signal.SIGCONT)


def test_people_are_answered_while_the_engine_hangs(hung: tuple[Host, RunningAgent]) -> None:
    """Status says that the engine does not answer; history and why tell what is written down."""
    host, agent = hung
    status = answered(agent.desk.status)

    assert status["engine"]["state"] == "unreachable"  # type: ignore[index,call-overload]
    assert status["revision"]["applied"] == host.git("rev-parse", "HEAD")  # type: ignore[index,call-overload]
    assert answered(lambda: agent.desk.history("web", 5))["runs"]
    assert answered(lambda: agent.desk.why("web"))["changed"]


def test_the_agent_goes_on_when_the_engine_answers_again(hung: tuple[Host, RunningAgent]) -> None:
    """A push that came meanwhile is deployed, and drift is seen as before."""
    host, agent = hung
    commit = host.push({"stacks/web/compose.yaml": many(2)})
    agent.until(lambda: host.status()["revision"]["wanted"] == commit)
    os.kill(host.dockerd.pid, signal.SIGCONT)
    agent.until(lambda: is_well(host, "web", 2))
    host.api.remove_container("web-one-1", force=True)
    agent.until(lambda: is_well(host, "web", 2))


# ── the registry ─────────────────────────────────────────────────────────────────────────────────


def test_a_registry_that_dies_mid_pull_holds_up_nobody_else(host: Host, unique: Callable[[str], str]) -> None:
    """Others are deployed, and put right, while one stack pulls from a registry that is gone."""
    slow, other = unique("slow"), unique("other")
    good = "services: {app: {image: 'app:1', environment: {LEVEL: '%s'}}}\n"
    with registry(host.api, "app:1", stalls=True) as away, RunningAgent(host) as agent:
        from_away = f"services: {{app: {{image: '{away.address}/x:1'}}}}\n"
        host.push({f"stacks/{slow}/compose.yaml": from_away, f"stacks/{other}/compose.yaml": good % 1})
        agent.until(lambda: away.stalled.is_set() and is_well(host, other, 1, ["app"]))
        assert host.status()["stacks"][slow]["operation"] == "Pulling"
        away.close()
        host.api.remove_container(f"{other}-app-1", force=True)
        agent.until(lambda: is_well(host, other, 1, ["app"]))
        assert not host.containers(slow)
        host.push({f"stacks/{slow}/compose.yaml": good % 2})
        agent.until(lambda: is_well(host, slow, 2, ["app"]))
    host.clear(slow, other)


# ── the disk ─────────────────────────────────────────────────────────────────────────────────────

GATED = """\
services:
  first:
    image: app:1
    healthcheck: {test: ["CMD", "test", "-e", "/go"], interval: 1s, timeout: 1s, retries: 500, start_period: 500s}
  second: {image: 'app:1', depends_on: {first: {condition: service_healthy}}}
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of three megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "disk", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def _fill(disk: Path) -> Path:
    ballast = disk / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(b"x" * 512):
            pass
    return ballast


def _runs(host: Host, container: str) -> bool:
    with suppress(docker.errors.NotFound):
        return bool(host.api.inspect_container(container)["State"]["Running"])
    return False


def _let_go(host: Host, container: str) -> None:
    host.api.exec_start(host.api.exec_create(container, ["touch", "/go"]))


def test_a_disk_that_fills_up_in_the_middle(host: Host, disk: Path, unique: Callable[[str], str]) -> None:
    """What was touched counts as touched: the stack is partly applied, and says why. With room again it converges."""
    name = unique("full")
    host.configure(state_dir=str(disk / "s"), stacks_dir=str(host.folder / "stacks"))
    host.push({f"stacks/{name}/compose.yaml": GATED})
    with ThreadPoolExecutor(1) as thread:
        applying = thread.submit(host.run, "apply", "--json")
        while not _runs(host, f"{name}-first-1"):
            assert not applying.done(), applying.result()
        ballast = _fill(disk)
        _let_go(host, f"{name}-first-1")
        said = applying.result()
    assert said.code == 3, said
    outcome = said.json()["stacks"][name]
    assert outcome["result"] == "FailedPartial", outcome
    assert outcome["problem"]["code"] == "cannot-write"
    ballast.unlink()
    assert host.apply()["stacks"][name]["result"] in ("Applied", "NoChange")
    assert host.actions() == []
    host.clear(name)
