"""A host becomes what git says, and stays so: only what must be touched is, and only when something differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from deploy.private_dockerd import PrivateDockerd
from reconciler import process
from reconciler.engine import EngineClient
from reconciler.pipeline import rooms
from tests.e2e.host import Host

Unique = Callable[[str], str]

TWO = """\
services:
  api:
    image: app:1
    init: true
    command: [sleep, "1000"]
    environment: {MODE: "%(mode)s"}
    depends_on: {db: {condition: service_started}}
  db:
    image: app:1
    init: true
    command: [sleep, "1000"]
    volumes: ["data:/data", "./db.conf:/etc/db.conf:ro"]
    mem_limit: 64m
volumes: {data: {}}
"""


def two(mode: str = "one") -> str:
    return TWO % {"mode": mode}


@pytest.fixture
def web(host: Host, unique: Unique) -> Iterator[str]:
    """A stack of two services, pushed but not applied."""
    name = unique("web")
    host.push({f"stacks/{name}/compose.yaml": two(), f"stacks/{name}/db.conf": "a = 1\n"})
    yield name
    host.clear(name)


def test_a_first_apply_makes_what_git_says(host, web):
    """A plan changes nothing; apply makes all; the next plan is empty."""
    assert host.actions() == [
        f"create stack/{web}/network/default", f"create stack/{web}/volume/data", f"create stack/{web}/service/db",
        f"create stack/{web}/service/api",
    ]  # fmt: skip
    assert not host.containers(web)
    assert not host.stacks_dir.exists()

    report = host.apply()

    found = host.containers(web)
    assert report["converged"]
    assert found[f"{web}-api-1"]["State"]["Running"]
    assert found[f"{web}-api-1"]["State"]["StartedAt"] > found[f"{web}-db-1"]["State"]["StartedAt"]
    assert host.run("plan").code == 0
    assert host.run("plan").out == "No changes.\n"


def test_a_pushed_change_redeploys_just_its_service(host, web):
    """The commit names one service; the other keeps its container."""
    host.apply()
    before = host.ids(web)
    commit = host.push({f"stacks/{web}/compose.yaml": two("two")})

    (action,) = host.plan()["actions"]

    assert action["because"] == "change"
    assert action["fields"] == [{"path": "environment.MODE", "desired": "two", "applied": "one", "observed": "one"}]
    assert (action["cause"]["file"], action["cause"]["line"], action["cause"]["commit"]) == (
        f"stacks/{web}/compose.yaml", 6, commit,
    )  # fmt: skip
    host.apply()
    after = host.ids(web)
    assert before[f"{web}-db-1"] == after[f"{web}-db-1"]
    assert before[f"{web}-api-1"] != after[f"{web}-api-1"]
    assert "MODE=two" in host.containers(web)[f"{web}-api-1"]["Config"]["Env"]


def test_a_comment_touches_nothing(host, web):
    """A commit that changes no container is applied without an action, its file is put in place."""
    host.apply()
    before = host.ids(web)
    host.push({f"stacks/{web}/compose.yaml": two() + "# a remark\n"})

    assert host.run("plan").code == 0
    host.apply()

    assert host.ids(web) == before
    assert (host.stacks_dir / web / "compose.yaml").read_text().endswith("# a remark\n")


def test_a_changed_bind_mounted_file_restarts_its_service(host, web):
    """Compose does not see it; we do, and the container reads the new content."""
    host.apply()
    before = host.ids(web)
    host.push({f"stacks/{web}/db.conf": "a = 2\n"})

    (action,) = host.plan()["actions"]

    assert (action["kind"], action["because"], action["object"]) == ("restart", "input", f"{web}-db-1")
    host.apply()
    assert host.ids(web) == before
    exec_id = host.api.exec_create(before[f"{web}-db-1"], ["cat", "/etc/db.conf"])
    assert host.api.exec_start(exec_id) == b"a = 2\n"


DRIFT: list[tuple[str, Callable[[Host, str], object], list[str]]] = [
    ("killed", lambda host, name: host.api.kill(name), ["start"]),
    ("removed", lambda host, name: host.api.remove_container(name, force=True), ["create"]),
    ("paused", lambda host, name: host.api.pause(name), ["unpause"]),
    ("renamed", lambda host, name: host.api.rename(name, f"{name}-x"), ["rename"]),
    ("memory", lambda host, name: host.api.update_container(name, mem_limit="32m", memswap_limit="64m"), ["update"]),
    ("restart policy", lambda host, name: host.api.update_container(name, restart_policy={"Name": "always"}), ["update"]),
    (
        "disconnected",
        lambda host, name: host.api.disconnect_container_from_network(name, f"{name.rsplit('-', 2)[0]}_default"),
        ["connect"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("change", "kinds"), [row[1:] for row in DRIFT], ids=[row[0] for row in DRIFT])
def test_drift_is_named_and_repaired_with_the_least_harm(host, web, change, kinds):
    """What somebody did behind our back is named, only that is repaired, and then the plan is empty."""
    host.apply()
    before = host.ids(web)
    change(host, f"{web}-db-1")

    plan = host.plan()

    assert [a["kind"] for a in plan["actions"]] == kinds
    assert {a["because"] for a in plan["actions"]} <= {"drift", "missing"}
    host.apply()
    after = host.ids(web)
    assert after[f"{web}-api-1"] == before[f"{web}-api-1"]
    assert (after[f"{web}-db-1"] == before[f"{web}-db-1"]) == (kinds != ["create"])
    assert host.run("plan").code == 0
    assert host.status()["stacks"][web]["health"] == "Healthy"


def test_a_file_changed_by_hand_is_put_back(host, web):
    """The stable path is ours: what git holds there is restored, and who mounts it restarted; other files stay."""
    host.apply()
    mounted = host.stacks_dir / web / "db.conf"
    mounted.write_text("b = 3\n")
    foreign = host.stacks_dir / web / "notes.txt"
    foreign.write_text("mine\n")

    assert [a["kind"] for a in host.plan()["actions"]] == ["put-back", "restart"]
    host.apply()

    assert mounted.read_text() == "a = 1\n"
    assert foreign.read_text() == "mine\n"
    assert host.run("plan").code == 0


def test_a_service_gone_from_git_is_removed(host, web):
    """Its container goes, the rest stays."""
    host.apply()
    before = host.ids(web)
    text = two().replace("    depends_on: {db: {condition: service_started}}\n", "")
    host.push({f"stacks/{web}/compose.yaml": text.split("  db:\n")[0], f"stacks/{web}/db.conf": None})

    assert "remove" in {a["kind"] for a in host.plan()["actions"]}
    host.apply()

    assert set(host.ids(web)) == {f"{web}-api-1"}
    assert host.ids(web)[f"{web}-api-1"] == before[f"{web}-api-1"]
    assert not (host.stacks_dir / web / "db.conf").exists()
    assert [v["Name"] for v in host.api.volumes(filters={"name": f"{web}_data"})["Volumes"]] == [f"{web}_data"]


def test_a_lost_record_is_survived(host, web):
    """Without its database the agent knows its containers by their labels and finds nothing to do."""
    host.apply()
    before = host.ids(web)
    for file in host.state_dir.glob("*.db*"):
        file.unlink()

    assert host.run("plan").out == "No changes.\n"
    host.apply()

    assert host.ids(web) == before
    assert host.run("plan").code == 0


def test_an_engine_restart_is_no_drift(tmp_path, own_dockerd):
    """After the engine was restarted only what it left stopped is started; the containers stay the same."""
    dockerd: PrivateDockerd = own_dockerd()
    host = Host(tmp_path, dockerd)
    text = two().replace("init: true", "init: true\n    restart: always")
    host.push({"stacks/web/compose.yaml": text, "stacks/web/db.conf": "a\n"})
    host.apply()
    before = host.ids("web")

    dockerd.restart()

    assert host.run("plan").out == "No changes.\n"
    assert host.ids("web") == before


def test_a_finished_job_stays_finished(host, unique):
    """A job that others wait for runs once; later applies leave it alone."""
    name = unique("jobs")
    compose = """\
services:
  app:
    image: app:1
    init: true
    command: [sleep, "1000"]
    environment: {A: "%s"}
    depends_on: {migrate: {condition: service_completed_successfully}}
  migrate:
    image: app:1
    command: [sh, -c, "echo ran"]
"""
    host.push({f"stacks/{name}/compose.yaml": compose % "1"})
    host.apply()
    finished = host.containers(name)[f"{name}-migrate-1"]["State"]["FinishedAt"]

    assert host.run("plan").code == 0
    host.push({f"stacks/{name}/compose.yaml": compose % "2"})
    host.apply()

    assert host.containers(name)[f"{name}-migrate-1"]["State"]["FinishedAt"] == finished
    assert host.status()["stacks"][name]["health"] == "Healthy"
    host.clear(name)


def test_a_failed_job_is_degraded_and_not_run_again(host, unique):
    """Its exit code and last words are in the status; only a commit runs it again."""
    name = unique("jobs")
    compose = 'services:\n  migrate:\n    image: app:1\n    command: [sh, -c, "echo no such table; exit %s"]\n'
    host.push({f"stacks/{name}/compose.yaml": compose % 3, f"stacks/{name}/stack.yaml": "jobs: [migrate]\n"})

    host.apply(code=3)

    stack = host.status()["stacks"][name]
    assert stack["health"] == "Degraded"
    assert stack["services"]["migrate"]["exit_code"] == 3
    assert stack["services"]["migrate"]["log"] == ["no such table"]
    before = host.containers(name)[f"{name}-migrate-1"]["State"]["StartedAt"]
    assert host.plan()["actions"] == []
    again = host.apply(code=3)["stacks"][name]
    assert again["result"] == "FailedUnchanged"
    assert again["problem"]["reason"] == "HealthFailed"
    assert "no such table" in again["problem"]["text"]
    assert host.containers(name)[f"{name}-migrate-1"]["State"]["StartedAt"] == before
    host.push({f"stacks/{name}/compose.yaml": compose % 0})
    host.apply()
    assert host.status()["stacks"][name]["health"] == "Healthy"
    host.clear(name)


def test_stacks_come_in_their_order_and_a_failure_takes_only_dependants_along(host, unique):
    """A stack that cannot start blocks those that need it, not the others."""
    bad, needs, other = unique("bad"), unique("needs"), unique("other")
    sleep = "services:\n  app: {image: 'app:1', init: true, command: [sleep, '1000']}\n"
    host.push({
        f"stacks/{bad}/compose.yaml": "services:\n  app: {image: 'app:1', command: [no-such-program]}\n",
        f"stacks/{needs}/compose.yaml": sleep,
        f"stacks/{needs}/stack.yaml": f"depends_on: [{bad}]\n",
        f"stacks/{other}/compose.yaml": sleep,
    })  # fmt: skip

    report = host.apply(code=3)

    assert report["stacks"][bad]["result"].startswith("Failed")
    assert report["stacks"][needs]["problem"]["reason"] == "DependencyNotReady"
    assert report["stacks"][other]["result"] == "Applied"
    assert not host.containers(needs)
    assert host.containers(other)[f"{other}-app-1"]["State"]["Running"]
    host.clear(bad, needs, other)


def test_changed_network_options_make_the_network_anew_with_its_services(host, unique):
    """Compose would say nothing and do nothing."""
    name = unique("net")
    compose = """\
services:
  app: {image: "app:1", init: true, command: [sleep, "1000"], networks: [front]}
  lone: {image: "app:1", init: true, command: [sleep, "1000"], network_mode: none}
networks:
  front: {driver_opts: {com.docker.network.driver.mtu: "%s"}}
"""
    host.push({f"stacks/{name}/compose.yaml": compose % 1400})
    host.apply()
    before = host.ids(name)
    host.push({f"stacks/{name}/compose.yaml": compose % 1300})

    host.apply()

    (network,) = host.api.networks(names=[f"{name}_front"])
    assert network["Options"] == {"com.docker.network.driver.mtu": "1300"}
    assert host.ids(name)[f"{name}-lone-1"] == before[f"{name}-lone-1"]
    assert host.containers(name)[f"{name}-app-1"]["State"]["Running"]
    assert host.run("plan").code == 0
    host.clear(name)


def test_changed_volume_options_are_for_a_person(host, unique):
    """A volume is never made again by us: the plan says by hand how."""
    name = unique("vol")
    compose = """\
services:
  app: {image: "app:1", init: true, command: [sleep, "1000"], volumes: ["data:/data"]}
volumes:
  data: {labels: {purpose: "%s"}}
"""
    host.push({f"stacks/{name}/compose.yaml": compose % "one"})
    host.apply()
    before = host.ids(name)
    host.push({f"stacks/{name}/compose.yaml": compose % "two"})

    plan = host.plan()
    host.apply(code=3)

    assert [b["reason"] for b in plan["blocked"]] == ["VolumeChanged"]
    assert f"{name}_data" in plan["blocked"][0]["text"] + plan["blocked"][0]["hint"]
    assert host.ids(name) == before
    host.clear(name)


def test_a_saved_plan_is_an_approval(host, web, tmp_path):
    """It is carried out as long as the same would be done, and refused when something else would."""
    host.run("plan", "-o", str(tmp_path / "plan.json"))
    saved = json.loads((tmp_path / "plan.json").read_text())
    assert len(saved["actions"]) == 4

    host.apply(str(tmp_path / "plan.json"))
    stale = host.run("apply", str(tmp_path / "plan.json"))

    assert stale.code == 3
    assert "no longer what would be done" in stale.err


def test_drift_may_be_reported_only(host, web):
    """`drift: {correct: report}` holds what somebody did; a change in git is still applied."""
    host.apply()
    host.push({f"stacks/{web}/stack.yaml": "drift: {correct: report}\n"})
    host.apply()
    host.api.pause(f"{web}-db-1")

    plan = host.plan()

    assert plan["actions"] == []
    assert [held["why"] for held in plan["held"]] == ["report"]
    host.apply()
    assert host.containers(web)[f"{web}-db-1"]["State"]["Paused"]
    host.push({f"stacks/{web}/compose.yaml": two("three")})
    assert [a["object"] for a in host.plan()["actions"]] == [f"{web}-api-1"]


def test_ignored_fields_are_shown_and_left(host, web):
    """`ignore` names fields whose drift nobody minds."""
    host.push({f"stacks/{web}/stack.yaml": "ignore: [{path: services.db.mem*, reason: tuned by hand}]\n"})
    host.apply()
    host.api.update_container(f"{web}-db-1", mem_limit="32m", memswap_limit="64m")

    plan = host.plan()

    assert plan["actions"] == []
    assert plan["held"][0]["why"] == "ignored"
    assert "mem_limit" in {field["path"] for field in plan["held"][0]["fields"]}


def test_an_interrupted_recreate_is_mended(host, web):
    """A leftover name of an interrupted compose run is repaired before compose is called again."""
    host.apply()
    original = host.ids(web)[f"{web}-api-1"]
    config = host.containers(web)[f"{web}-api-1"]
    labels = {**config["Config"]["Labels"], "com.docker.compose.replace": original}
    leftover = host.api.create_container("app:1", name=f"{original[:12]}_{web}-api-1", labels=labels)
    host.push({f"stacks/{web}/compose.yaml": two("two")})

    host.apply()

    assert set(host.ids(web)) == {f"{web}-api-1", f"{web}-db-1"}
    assert leftover["Id"] not in host.ids(web).values()


@pytest.mark.parametrize(("fresh", "listings"), [(60, 1), (0, 2)])
def test_the_look_begins_while_compose_renders(host, web, monkeypatch, fresh, listings):
    """What the engine showed meanwhile counts, and the plan is as old as that; after a long wait it counts no more."""
    listed: list[datetime] = []
    containers = EngineClient.containers

    def noted(engine, *words):
        listed.append(datetime.now(UTC))
        return containers(engine, *words)

    monkeypatch.setattr(EngineClient, "containers", noted)
    monkeypatch.setattr(rooms, "_FRESH", timedelta(seconds=fresh))
    with host.pipeline() as pipeline:
        planned = pipeline.plan(pipeline.refresh())
        assert len(listed) == listings
        assert planned.plan.created <= listed[-1]
        assert {action.service for action in planned.plan.actions if action.service} == {"api", "db"}
        pipeline.plan(pipeline.refresh())
        assert len(listed) == listings + 1  # nothing is rendered, nothing is waited for


def test_nothing_is_rendered_twice(host, web, monkeypatch, unique):
    """Neither a second pass nor a commit that concerns other stacks or devices starts compose."""
    host.apply()
    started: list[str] = []
    run = process.run

    def counted(argv, **more):
        started.append(Path(argv[0]).name)
        return run(argv, **more)

    monkeypatch.setattr(process, "run", counted)

    with host.pipeline() as pipeline:
        pipeline.plan(pipeline.refresh())
        host.push({
            "devices/other/device.yaml": "vars: {A: b}\n",
            "devices/other/stacks/more/compose.yaml": "services: {app: {image: 'app:1'}}\n",
        })  # fmt: skip
        pipeline.plan(pipeline.refresh())
        unchanged = list(started)
        host.push({f"stacks/{unique('more')}/compose.yaml": "services: {app: {image: 'app:1'}}\n"})
        pipeline.plan(pipeline.refresh())

    assert "docker-compose" not in unchanged
    assert started.count("docker-compose") == 1
