"""Each step of apply on a real engine: it does what it is named after, to what it is told, and twice is no harm."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from reconciler import compose
from reconciler.apply.calls import call
from reconciler.apply.files import blob_digest, put_env_file, put_files
from reconciler.apply.lock import stack_lock
from reconciler.apply.stack import Runner, build, pull, repair_names, up
from reconciler.errors import EngineRefused, ProgramFailed, PullFailed
from reconciler.model import Action, Cause, DesiredStack, Json, Kind, StackFile
from reconciler.tools import find_compose

pytestmark = pytest.mark.e2e


@dataclass
class Host:
    """A stack put in place below a folder of its own, and the engine it runs on."""

    api: docker.APIClient
    runner: Runner
    folder: Path
    project: str

    def put(self, text: str, variables: dict[str, str] | None = None, **files: str) -> DesiredStack:
        wanted = {
            "compose.yaml": textwrap.dedent(text),
            **{name.replace("__", "/"): body for name, body in files.items()},
        }
        stack = DesiredStack(
            self.project, self.project, str(self.folder / "stacks" / self.project),
            files=tuple(_file(path, body.encode()) for path, body in wanted.items()),
            compose_files=("compose.yaml",), env_file=str(self.folder / "env/x.env"), variables=variables or {},
        )  # fmt: skip
        put_files(stack, self.folder / "stacks", {})
        put_env_file(stack)
        return stack

    def containers(self) -> dict[str, dict[str, Any]]:
        found = self.api.containers(all=True, filters={"label": f"com.docker.compose.project={self.project}"})
        return {entry["Names"][0].removeprefix("/"): entry for entry in found}

    def clean(self) -> None:
        for entry in self.containers().values():
            self.api.remove_container(entry["Id"], force=True, v=True)
        for network in self.api.networks(filters={"label": f"com.docker.compose.project={self.project}"}):
            self.api.remove_network(network["Id"])


def _file(path: str, content: bytes) -> StackFile:
    return StackFile(path, blob_digest(content, "0" * 40), path, content=content)


@pytest.fixture
def host(dockerd, api, tmp_path, unique) -> Iterator[Host]:
    made = Host(
        api, Runner(find_compose(None).path, compose.environment(dockerd.host, None)), tmp_path, unique("steps")
    )
    yield made
    made.clean()


# ── compose steps ────────────────────────────────────────────────────────────────────────────────

TWO = """
    services:
      a: {image: "app:1", environment: {WORD: "${WORD}"}}
      b: {image: "app:1", depends_on: [a]}
"""


def test_up_makes_exactly_the_named_services(host):
    """Only what the step names is made, from the files and variables that were put in place, with our env file on it."""
    stack = host.put(TWO, {"WORD": "it's $5 #1"})
    up(stack, ["a"], host.runner, recreate=False)
    (name,) = host.containers()
    found = host.api.inspect_container(name)

    assert name == f"{host.project}-a-1"
    assert "WORD=it's $5 #1" in found["Config"]["Env"]
    assert found["Config"]["Labels"]["com.docker.compose.project.working_dir"] == stack.folder
    assert found["Config"]["Labels"]["com.docker.compose.project.environment_file"] == stack.env_file


def test_up_recreates_only_when_told(host):
    """Without force an existing container stays the same one; with it, only the named one is made anew."""
    stack = host.put(TWO, {"WORD": "1"})
    up(stack, ["a", "b"], host.runner, recreate=False)
    before = {name: entry["Id"] for name, entry in host.containers().items()}
    stack = host.put(TWO, {"WORD": "2"})
    up(stack, ["a"], host.runner, recreate=False)

    assert {name: entry["Id"] for name, entry in host.containers().items()} == before

    up(stack, ["a"], host.runner, recreate=True)
    after = {name: entry["Id"] for name, entry in host.containers().items()}

    assert after[f"{host.project}-a-1"] != before[f"{host.project}-a-1"]
    assert after[f"{host.project}-b-1"] == before[f"{host.project}-b-1"]


def test_up_that_fails_says_what_the_engine_refused(host):
    """Compose's last lines come with the error, and so do the services."""
    stack = host.put('services: {a: {image: "app:1", command: ["/no/such/program"]}}')

    with pytest.raises(ProgramFailed) as caught:
        up(stack, ["a"], host.runner, recreate=False)

    assert caught.value.code == "up-failed"
    assert caught.value.arguments["services"] == "a"
    assert "/no/such/program" in caught.value.arguments["words"]


def test_up_never_pulls(host):
    """An image that is not here is an error, not a surprise download."""
    stack = host.put('services: {a: {image: "not-here:1"}}')

    with pytest.raises(ProgramFailed):
        up(stack, ["a"], host.runner, recreate=False)

    assert host.containers() == {}


def test_compose_holds_the_stacks_lock(host, tmp_path):
    """While compose runs it has the descriptor of the lock: killed or not, nobody else works on the stack."""
    seen: list[str] = []
    with stack_lock(tmp_path, "web", who="alice", why="test") as lock:
        program = tmp_path / "compose"
        program.write_text(f"#!/bin/sh\nreadlink /proc/self/fd/{lock} || exit 7\n")
        program.chmod(0o755)
        stack = host.put('services: {a: {image: "app:1"}}')
        up(stack, ["a"], Runner(str(program), host.runner.environment, lock, seen.append), recreate=False)

    assert seen == [str(tmp_path / "locks/web.lock")]


@pytest.fixture
def dead_registry() -> Iterator[str]:
    """An address where nothing answers: bound, so that nobody else listens there meanwhile."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{bound.getsockname()[1]}"


def test_a_dead_registry_is_a_failed_pull_and_touches_nothing(host, dead_registry):
    """The registry is down: PullFailed with its words, while the old container runs on."""
    stack = host.put('services: {a: {image: "app:1"}}')
    up(stack, ["a"], host.runner, recreate=False)
    before = host.containers()
    stack = host.put(f'services: {{a: {{image: "{dead_registry}/app:2"}}}}')

    with pytest.raises(PullFailed) as caught:
        pull(stack, ["a"], host.runner)

    assert caught.value.reason == "PullFailed"
    assert dead_registry in caught.value.arguments["words"]
    assert {name: entry["Id"] for name, entry in host.containers().items()} == {
        name: e["Id"] for name, e in before.items()
    }
    assert {entry["State"] for entry in host.containers().values()} == {"running"}


def test_a_build_that_fails_is_said_so(host):
    """A build context without a Dockerfile: compose's words, as an error of its own."""
    stack = host.put("services: {a: {build: ./ctx}}", ctx__readme="x")

    with pytest.raises(ProgramFailed) as caught:
        build(stack, ["a"], host.runner)

    assert caught.value.code == "build-failed"
    assert "Dockerfile" in caught.value.arguments["words"]


# ── names of interrupted runs ────────────────────────────────────────────────────────────────────

STUBBORN = """
    services:
      a: {image: "app:1", command: [sh, -c, "trap '' TERM; while :; do sleep 1; done"], stop_grace_period: 30s}
"""


def interrupt_a_recreate(host: Host, stack: DesiredStack) -> None:
    """Kill compose in the middle of a recreate: the new container is made, the old one not yet gone."""
    project = compose.Project(host.runner.program, stack.project, stack.folder, stack.compose_files, stack.env_file)
    argv = compose.up(project, ["a"], recreate=True)
    events = host.api.events(decode=True, filters={"type": "container", "event": "create"})
    running = subprocess.Popen(
        argv, env=dict(host.runner.environment), start_new_session=True, stderr=subprocess.DEVNULL
    )
    mine = (e for e in events if e["Actor"]["Attributes"].get("com.docker.compose.project") == host.project)
    next(mine)
    events.close()
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()


def test_a_leftover_beside_the_original_goes(host, engine):
    """Compose was killed in a recreate: the never-started leftover goes, the original stays, the next run works."""
    stack = host.put(STUBBORN)
    up(stack, ["a"], host.runner, recreate=False)
    original = host.containers()[f"{host.project}-a-1"]["Id"]
    interrupt_a_recreate(host, stack)
    assert len(host.containers()) == 2

    repair_names(engine, stack.project, stack.folder)

    assert {name: entry["Id"] for name, entry in host.containers().items()} == {f"{host.project}-a-1": original}

    host.api.kill(original)
    up(stack, ["a"], host.runner, recreate=True)

    assert list(host.containers()) == [f"{host.project}-a-1"]


def test_a_leftover_without_its_original_gets_the_name(host, engine):
    """The original is gone already: the leftover is the container, under its right name, and is started by compose."""
    stack = host.put(STUBBORN)
    up(stack, ["a"], host.runner, recreate=False)
    interrupt_a_recreate(host, stack)
    leftover = next(entry["Id"] for name, entry in host.containers().items() if not name.startswith(host.project))
    host.api.remove_container(f"{host.project}-a-1", force=True)

    repair_names(engine, stack.project, stack.folder)
    up(stack, ["a"], host.runner, recreate=False)
    found = host.containers()

    assert {name: (entry["Id"], entry["State"]) for name, entry in found.items()} == {
        f"{host.project}-a-1": (leftover, "running"),
    }


def test_names_that_only_look_like_leftovers_stay(host, engine):
    """A person may call a container so; and what belongs to another folder is not ours to mend."""
    stack = host.put(f'services: {{a: {{image: "app:1", container_name: "0123456789ab_{host.project}"}}}}')
    up(stack, ["a"], host.runner, recreate=True)
    before = list(host.containers())
    repair_names(engine, stack.project, stack.folder)
    repair_names(engine, stack.project, "/somewhere/else")

    assert list(host.containers()) == before == [f"0123456789ab_{host.project}"]


# ── engine calls ─────────────────────────────────────────────────────────────────────────────────


@dataclass
class One:
    """A container of its own, and calls on it."""

    api: docker.APIClient
    engine: Any
    id: str
    name: str

    def call(self, kind: Kind, **params: Json) -> None:
        action = Action(
            f"stack/x/service/{self.name}",
            kind,
            "drift",
            Cause("field"),
            object=self.name,
            object_id=self.id,
            params=params,
        )
        call(self.engine, action)

    @property
    def found(self) -> dict[str, Any]:
        return dict(self.api.inspect_container(self.id))

    @property
    def state(self) -> str:
        return str(self.found["State"]["Status"])


@pytest.fixture
def one(api, engine, unique) -> Iterator[Callable[..., One]]:
    """Make running containers; `host` is the API's HostConfig, the rest that of `create_container`."""
    made: list[str] = []

    def make(*, start: bool = True, host: dict[str, Any] | None = None, **options: Any) -> One:
        name = unique("one")
        container = api.create_container(
            "app:1", name=name, host_config=api.create_host_config(**(host or {})), **options
        )["Id"]  # fmt: skip
        made.append(container)
        if start:
            api.start(container)
        return One(api, engine, container, name)

    yield make
    for container in made:
        try:
            api.remove_container(container, force=True, v=True)
        except docker.errors.NotFound:
            continue


@pytest.fixture
def network(api, unique) -> Iterator[str]:
    made = api.create_network(unique("net"))["Id"]
    yield made
    if any(found["Id"] == made for found in api.networks()):
        for container in api.inspect_network(made)["Containers"]:
            api.disconnect_container_from_network(container, made, force=True)
        api.remove_network(made)


def test_start_and_stop(one):
    """Start starts, stop stops; both are content with what is already so."""
    it = one(start=False)
    for _ in range(2):
        it.call("start")
        assert it.state == "running"
    for _ in range(2):
        it.call("stop")
        assert it.state == "exited"


def test_stop_gives_the_containers_own_grace(one, api):
    """A container that asks for longer than the usual ten seconds is given it, and one that needs none is not kept."""
    patient = one(command=["sh", "-c", "trap 'sleep 11; exit 0' TERM; while :; do sleep 0.1; done"], stop_timeout=25)
    patient.call("stop")

    assert patient.found["State"]["ExitCode"] == 0


def test_restart_starts_anew(one):
    """After a restart the same container runs since a later moment."""
    it = one()
    before = it.found["State"]["StartedAt"]
    it.call("restart")

    assert it.state == "running"
    assert it.found["State"]["StartedAt"] > before


def test_unpause(one, api):
    """A paused container goes on; one that is not paused is no error."""
    it = one()
    api.pause(it.id)
    for _ in range(2):
        it.call("unpause")
        assert it.state == "running"


def test_rename(one, network, unique):
    """A renamed container gets its name back, once and twice; a taken name is the engine's error."""
    on = {"network_mode": network}
    it, other, wanted = one(host=on), one(host=on), unique("wanted")
    for _ in range(2):
        it.call("rename", name=wanted)
        assert it.found["Name"] == f"/{wanted}"
    with pytest.raises(EngineRefused) as caught:
        it.call("rename", name=other.name)

    assert other.name in caught.value.arguments["words"]


def test_update(one):
    """Resources and restart policy change in the running container."""
    it = one()
    before = it.found["State"]["StartedAt"]
    it.call("update", resources={"PidsLimit": 77, "RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}})
    found = it.found

    assert found["HostConfig"]["PidsLimit"] == 77
    assert found["HostConfig"]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    assert found["State"]["StartedAt"] == before


def test_connect_and_disconnect(one, network, unique):
    """A container comes onto a network with its aliases, and off it again; twice is no harm."""
    it = one()
    for _ in range(2):
        it.call("connect", network=network, endpoint={"Aliases": ["db", "store"]})
        ((_, there),) = [
            (name, n) for name, n in it.found["NetworkSettings"]["Networks"].items() if n["NetworkID"] == network
        ]
        assert set(there["Aliases"]) >= {"db", "store"}
    for _ in range(2):
        it.call("disconnect", network=network)
        assert network not in [n["NetworkID"] for n in it.found["NetworkSettings"]["Networks"].values()]


def test_remove_keeps_the_volumes(one, api, unique):
    """A removed container is gone, running or paused or not; its volumes stay, anonymous ones too; twice is no harm."""
    named = unique("kept")
    it = one(volumes=["/data", "/anonymous"], host={"binds": [f"{named}:/data"]})
    (anonymous,) = [m["Name"] for m in it.found["Mounts"] if m["Destination"] == "/anonymous"]
    api.pause(it.id)
    for _ in range(2):
        it.call("remove")
    left = {volume["Name"] for volume in api.volumes()["Volumes"]}

    assert it.id not in [entry["Id"] for entry in api.containers(all=True)]
    assert {named, anonymous} <= left
    for volume in (named, anonymous):
        api.remove_volume(volume)


def test_remove_stops_politely_first(one, api):
    """A container that is removed gets its signal and its time, it is not just killed."""
    it = one(command=["sh", "-c", "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.1; done"])
    assert next(api.logs(it.id, stream=True, follow=True)) == b"ready\n"
    events = api.events(decode=True, filters={"container": it.id, "event": "die"})
    it.call("remove")

    assert next(events)["Actor"]["Attributes"]["exitCode"] == "3"
    events.close()


def test_remove_a_network(engine, api, network):
    """A network's target makes it a network; one that is used is the engine's error, one that is gone is done."""
    action = Action("stack/x/network/front", "remove", "removed", Cause("field"), object="front", object_id=network)
    user = api.create_container("app:1", networking_config={"EndpointsConfig": {network: {}}})["Id"]
    api.start(user)
    with pytest.raises(EngineRefused):
        call(engine, action)
    api.remove_container(user, force=True)
    for _ in range(2):
        call(engine, action)

    assert network not in [found["Id"] for found in api.networks()]


def test_a_container_that_vanished_is_an_error_where_it_matters(one, api):
    """What cannot be started because it is gone is said with the engine's words."""
    it = one()
    api.remove_container(it.id, force=True)

    with pytest.raises(EngineRefused) as caught:
        it.call("start")

    assert "No such container" in caught.value.arguments["words"]
