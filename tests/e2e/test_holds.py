"""What is left alone on purpose: stops of a person, suspended stacks, the agent's own container, another hash of compose."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deploy.private_dockerd import PrivateDockerd
from reconciler.model import Suspension
from reconciler.observed import host as this_host
from reconciler.pipeline import Order, Report
from reconciler.pipeline.report import report_status
from tests.e2e.host import Host

TWO = """\
services:
  api: {image: 'app:1', init: true, command: [sleep, '1000'], environment: {MODE: "%s"}}
  db: {image: 'app:1', init: true, command: [sleep, '1000'], volumes: ['./db.conf:/etc/db.conf:ro']}
"""


@pytest.fixture
def web(host: Host, unique: Callable[[str], str]) -> Iterator[str]:
    """A stack of two services, applied."""
    name = unique("holds")
    host.push({f"stacks/{name}/compose.yaml": TWO % "one", f"stacks/{name}/db.conf": "a = 1\n"})
    host.apply()
    yield name
    host.clear(name)


def agent_passes(host: Host) -> Report:
    """Do what the agent does when something was seen to happen."""
    with host.pipeline() as pipeline:
        return pipeline.reconcile(pipeline.refresh(), Order(trigger="drift", patient=True))


def agent_says(host: Host) -> Any:
    """Return the status as the agent gives it."""
    with host.pipeline() as pipeline:
        return report_status(pipeline, pipeline.refresh(), patient=True)


def suspend(host: Host, stack: str, until: datetime | None = None) -> None:
    with host.pipeline() as pipeline:
        pipeline.store.suspend(stack, Suspension("ada", "copying", datetime.now(UTC), until))


def resume(host: Host, stack: str) -> None:
    with host.pipeline() as pipeline:
        assert pipeline.store.resume(stack)


def state(host: Host, web: str, service: str) -> str:
    return str(host.containers(web)[f"{web}-{service}-1"]["State"]["Status"])


# ── stopped on purpose ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("verb", "left"), [("stop", "exited"), ("kill", "exited"), ("pause", "paused")])
def test_what_a_person_stops_stays_so_for_a_while(host, web, verb, left):
    """The agent leaves it and says until when; a person's apply brings it back, the same container."""
    before = host.ids(web)
    getattr(host.api, verb)(before[f"{web}-db-1"])
    stopped = datetime.now(UTC)

    report = agent_passes(host)
    told = agent_says(host)["stacks"][web]

    assert report.plan.actions == ()
    assert report.converged
    assert state(host, web, "db") == left
    (held,) = told["held"]
    until = datetime.fromisoformat(held["until"])
    assert (held["target"], held["why"], told["pending"]) == (f"stack/{web}/service/db", "stop_grace", 0)
    assert abs((until - stopped - timedelta(minutes=10)).total_seconds()) < 60
    assert f"reconciler suspend {web} --reason" in held["note"]
    assert told["next"] == held["until"]

    host.apply()

    assert state(host, web, "db") == "running"
    assert host.ids(web) == before


def test_when_the_grace_is_over_it_comes_back(host, web):
    """With none on this device it is started at once; a stack's own outweighs that."""
    host.api.stop(host.ids(web)[f"{web}-db-1"], timeout=0)
    host.configure(drift={"stop_grace": "0s"})
    host.push({f"stacks/{web}/stack.yaml": "drift: {stop_grace: 1h}\n"})
    assert agent_passes(host).plan.actions == ()

    host.push({f"stacks/{web}/stack.yaml": "drift: {correct: auto}\n"})
    agent_passes(host)

    assert state(host, web, "db") == "running"


def test_git_goes_on_around_it(host, web):
    """A change of another service is applied and proved while one rests; the next pass finds nothing to do."""
    before = host.ids(web)
    host.api.stop(before[f"{web}-db-1"], timeout=0)
    commit = host.push({f"stacks/{web}/compose.yaml": TWO % "two"})

    report = agent_passes(host)

    assert {outcome.stack: outcome.result for outcome in report.outcomes} == {web: "Applied"}
    assert report.converged
    assert host.ids(web)[f"{web}-db-1"] == before[f"{web}-db-1"]
    assert host.ids(web)[f"{web}-api-1"] != before[f"{web}-api-1"]
    assert state(host, web, "db") == "exited"
    with host.pipeline() as pipeline:
        applied = pipeline.store.recorded().stacks[web].applied
    assert applied is not None
    assert applied.revision == commit
    assert agent_passes(host).plan.actions == ()


def test_a_stop_that_the_engine_forgot(host, web):
    """What the agent wrote down counts where the engine's few events no longer tell; a container that went is forgotten."""
    ours = host.ids(web)[f"{web}-db-1"]
    with host.pipeline() as pipeline:
        pipeline.store.stopped(ours, datetime.now(UTC))
        pipeline.store.stopped("0" * 64, datetime.now(UTC))

        pipeline.reconcile(pipeline.refresh(), Order(trigger="schedule", patient=True))

        assert set(pipeline.store.recorded().stops) == {ours}


# ── suspended ────────────────────────────────────────────────────────────────────────────────────


def test_a_suspended_stack_is_left_alone(host, web):
    """Neither the agent nor a person's apply touches containers or files, until it is resumed; then all is made good."""
    before = host.ids(web)
    suspend(host, web)
    host.api.stop(before[f"{web}-db-1"], timeout=0)
    commit = host.push(
        {f"stacks/{web}/compose.yaml": TWO % "two", f"stacks/{web}/db.conf": "a = 2\n", f"stacks/{web}/new": "x"}
    )

    agent_passes(host)
    host.apply()
    told = host.status()["stacks"][web]

    assert host.ids(web) == before
    assert state(host, web, "db") == "exited"
    folder = host.stacks_dir / web
    assert ((folder / "db.conf").read_text(), (folder / "new").exists()) == ("a = 1\n", False)
    assert (told["health"], told["sync"]) == ("Suspended", "OutOfSync")
    assert (told["suspended"]["who"], told["suspended"]["reason"]) == ("ada", "copying")
    assert {held["why"] for held in told["held"]} == {"suspended"}
    assert host.status()["revision"]["applied"] != commit

    resume(host, web)
    host.apply()

    assert host.status()["revision"]["applied"] == commit
    assert host.status()["stacks"][web]["sync"] == "Synced"
    assert ((folder / "db.conf").read_text(), state(host, web, "db")) == ("a = 2\n", "running")


def test_files_that_no_container_reads_wait_too(host, web):
    """Where nothing but files would be put in place, nothing is."""
    suspend(host, web)
    host.push({f"stacks/{web}/README": "new"})

    host.apply()

    assert not (host.stacks_dir / web / "README").exists()
    resume(host, web)
    host.apply()
    assert (host.stacks_dir / web / "README").exists()


def test_suspended_prunes_nothing(host, web, unique):
    """Gone from git, also under another folder name and to be adopted, it stays until it is resumed."""
    before, site, other = host.ids(web), unique("site"), unique("other")
    suspend(host, web)
    host.git("mv", f"stacks/{web}", f"stacks/{site}")
    host.push({
        f"stacks/{site}/compose.yaml": f"name: {web}\n{TWO % 'one'}", f"stacks/{site}/stack.yaml": "adopt: true\n",
        f"stacks/{other}/compose.yaml": "services: {app: {image: 'app:1', init: true, command: [sleep, '1000']}}\n",
    })  # fmt: skip

    report = host.apply("--confirm-prune", code=3)

    assert host.ids(web) == before
    assert [problem["code"] for problem in report["plan"]["blocked"]] == ["project-suspended"]
    assert host.ids(other)
    host.clear(other)


def test_a_suspension_ends_by_itself(host, web):
    """Its time is over: the stack is as any other."""
    suspend(host, web, datetime.now(UTC) - timedelta(seconds=1))
    host.push({f"stacks/{web}/compose.yaml": TWO % "two"})
    before = host.ids(web)

    agent_passes(host)

    assert host.ids(web)[f"{web}-api-1"] != before[f"{web}-api-1"]
    assert "suspended" not in host.status()["stacks"][web]


# ── ourselves ────────────────────────────────────────────────────────────────────────────────────


def test_the_agent_s_own_container(host, web, monkeypatch):
    """An agent that runs in a container of a stack does not make it anew, and says what to do."""
    before = host.ids(web)
    monkeypatch.setattr(this_host, "_own_ids", lambda: (before[f"{web}-api-1"],))
    host.push({f"stacks/{web}/compose.yaml": TWO % "two"})

    report = agent_passes(host)

    assert [(problem.reason, problem.code) for problem in report.plan.blocked] == [("PolicyDenied", "own-container")]
    assert host.ids(web) == before


def test_dockerd_settings_from_inside_a_container(
    tmp_path: Path, own_dockerd: Callable[..., PrivateDockerd], monkeypatch
):
    """What dockerd reloads is set; what needs its restart waits until live-restore is on, and then ends no container."""
    dockerd = own_dockerd()
    control = {"kind": "pidfile", "pidfile": str(dockerd.pidfile), "start": dockerd.command}
    host = Host(tmp_path, dockerd, daemon={"config_file": str(dockerd.config_file), "control": control})
    app = "services: {app: {image: 'app:1', init: true, command: [sleep, '1000']}}\n"
    host.push({"daemon.json": "{}", "stacks/web/compose.yaml": app})
    host.apply()
    (ours,) = host.ids("web").values()
    monkeypatch.setattr(this_host, "_own_ids", lambda: (ours,))
    wanted = {"max-concurrent-downloads": 2, "userland-proxy": False}
    host.push({"daemon.json": json.dumps(wanted | {"live-restore": True})})
    pid = dockerd.pid

    first = agent_passes(host)

    values = json.loads(dockerd.config_file.read_text())
    assert [(p.target, p.code) for p in first.plan.blocked] == [("daemon/userland-proxy", "restart-ends-agent")]
    assert (values.get("max-concurrent-downloads"), values.get("live-restore"), "userland-proxy" in values) == (
        2,
        True,
        False,
    )
    assert (dockerd.pid, first.converged) == (pid, False)
    assert {one.stack: one.result for one in first.outcomes}["daemon"] == "Applied"
    with host.pipeline() as pipeline:
        assert set(pipeline.store.recorded().daemon_applied) == {"max-concurrent-downloads", "live-restore"}

    second = agent_passes(host)

    assert second.converged
    assert json.loads(dockerd.config_file.read_text())["userland-proxy"] is False
    assert host.containers("web")["web-app-1"]["State"]["Running"]
    assert host.ids("web") == {"web-app-1": ours}


# ── another version of compose ───────────────────────────────────────────────────────────────────


def made_with_another_hash(host: Host, name: str) -> str:
    """Make a container anew as it is, but with the label that another version of compose would have given it."""
    found = host.api.inspect_container(name)
    host.api.remove_container(name, force=True)
    labels = found["Config"]["Labels"] | {"com.docker.compose.config-hash": "0" * 64}
    networks = found["NetworkSettings"]["Networks"]
    endpoints = {key: {"Aliases": value["Aliases"]} for key, value in networks.items()}
    config = found["Config"] | {"Labels": labels, "Hostname": "", "HostConfig": found["HostConfig"]}
    config["NetworkingConfig"] = {"EndpointsConfig": endpoints}
    made: str = host.api.create_container_from_config(config, name)["Id"]
    host.api.start(made)
    return made


def test_another_hash_restarts_nothing(host, web):
    """A newer compose hashes services in another way: that is said, and neither a pass nor a change beside it restarts any."""
    made = made_with_another_hash(host, f"{web}-db-1")
    started = host.containers(web)[f"{web}-db-1"]["State"]["StartedAt"]

    plan = host.plan()
    host.apply()
    host.push({f"stacks/{web}/compose.yaml": TWO % "two"})
    host.apply()

    assert plan["actions"] == []
    assert [(held["target"], held["why"]) for held in plan["held"]] == [
        (f"stack/{web}/service/db", "hash algorithm changed")
    ]
    found = host.containers(web)[f"{web}-db-1"]
    assert (found["Id"], found["State"]["StartedAt"]) == (made, started)
    assert "MODE=two" in host.containers(web)[f"{web}-api-1"]["Config"]["Env"]
