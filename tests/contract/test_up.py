"""What `up --no-deps` of named services does and does not do (design: this is how we make containers)."""

import signal

import pytest

from reconciler import compose
from tests.compose_program import under_test
from tests.contract.background import started

CHAIN = """\
services:
  db:
    image: app:1
    environment: {V: "${DB-1}"}
  job:
    image: app:1
    command: "true"
  web:
    image: app:1
    environment: {V: "${WEB-1}"}
    depends_on: {db: {condition: service_started}, job: {condition: service_completed_successfully}}
  last:
    image: app:1
    depends_on: [web]
"""


def test_only_the_named_services_are_made(stack):
    """Neither dependencies nor dependants are made."""
    stack.write(CHAIN)
    stack.up("web")
    assert list(stack.containers()) == ["web-1"]


def test_only_the_named_services_are_touched(stack):
    """A recreate of one service touches no other, although their hashes differ and a job has ended."""
    stack.write(CHAIN)
    stack.up("db", "job", "web", "last")
    assert stack.exit_code("job-1") == 0
    before, ended = stack.ids(), stack.containers()["job-1"]["State"]["FinishedAt"]
    stack.write(CHAIN, DB="2", WEB="2")
    stack.up("web", recreate=True)
    after = stack.ids()
    assert {name for name in after if after[name] != before[name]} == {"web-1"}
    assert stack.containers()["job-1"]["State"]["FinishedAt"] == ended
    assert "V=2" in stack.containers()["web-1"]["Config"]["Env"]
    assert "V=1" in stack.containers()["db-1"]["Config"]["Env"]


def test_nothing_is_waited_for(stack):
    """A dependency that is not named, and never gets healthy, does not hold up the call; waiting is ours.

    Were both named in one call, compose would wait: a call holds one dependency level only.
    """
    stack.write("""\
services:
  sick: {image: app:1, healthcheck: {test: ["CMD", "false"], interval: 60s}}
  web: {image: app:1, depends_on: {sick: {condition: service_healthy}}}
""")
    stack.up("sick")
    stack.up("web")
    states = [item["State"] for item in stack.containers().values()]
    assert {state["Status"] for state in states} == {"running"}
    assert [state["Health"]["Status"] for state in states if "Health" in state] == ["starting"]


def test_paused_and_stopped_siblings_stay_so(stack):
    """What is paused or stopped and not named stays paused or stopped."""
    stack.write(CHAIN)
    stack.up("db", "web", "last")
    stack.api.pause(f"{stack.name}-db-1")
    stack.api.stop(f"{stack.name}-last-1", timeout=5)
    stack.up("web", recreate=True)
    states = {name: item["State"]["Status"] for name, item in stack.containers().items()}
    stack.api.unpause(f"{stack.name}-db-1")
    assert states == {"db-1": "paused", "last-1": "exited", "web-1": "running"}


def test_orphans_stay(stack):
    """A service that left the file keeps its container until we take it away."""
    stack.write("services: {a: {image: app:1}, b: {image: app:1}}\n")
    stack.up("a", "b")
    stack.write("services: {a: {image: app:1}}\n")
    stack.up("a", recreate=True)
    assert sorted(stack.containers()) == ["a-1", "b-1"]


def test_no_recreate_makes_only_what_is_missing(stack):
    """With replicas, those that are there stay, whatever their hash."""
    stack.write("services: {a: {image: app:1, scale: 1, environment: {V: '1'}}}\n")
    stack.up("a")
    before = stack.ids()
    stack.write("services: {a: {image: app:1, scale: 3, environment: {V: '2'}}}\n")
    stack.up("a")
    after = stack.ids()
    assert sorted(after) == ["a-1", "a-2", "a-3"]
    assert after["a-1"] == before["a-1"]


def test_replicas_follow_the_file(stack):
    """A recreate makes all replicas anew and removes one too many; which one is compose's choice (2.26: any)."""
    stack.write("services: {a: {image: app:1, scale: 3}}\n")
    stack.up("a")
    before = stack.ids()
    stack.write("services: {a: {image: app:1, scale: 2}}\n")
    stack.up("a", recreate=True)
    assert len(stack.ids()) == 2
    assert not set(before.values()) & set(stack.ids().values())


def test_inline_configs_and_environment_secrets_are_in(stack):
    """What is copied into the container is there when it starts, after a recreate too."""
    stack.write(
        """\
services:
  a:
    image: app:1
    command: sh -c 'test "$$(cat /c)" = hello && test "$$(cat /run/secrets/s)" = hunter22'
    configs: [{source: c, target: /c}]
    secrets: [s]
configs: {c: {content: hello}}
secrets: {s: {environment: PW}}
""",
        PW="hunter22",
    )
    for recreate in (False, True):
        stack.up("a", recreate=recreate)
        assert stack.exit_code("a-1") == 0


def test_volumes_survive(stack):
    """Named and anonymous volumes keep their content through a recreate."""
    stack.write("services: {a: {image: app:1, volumes: ['/anonymous', 'data:/data']}}\nvolumes: {data: }\n")
    stack.up("a")
    before = {item["Destination"]: item["Name"] for item in stack.containers()["a-1"]["Mounts"]}
    stack.up("a", recreate=True)
    assert {item["Destination"]: item["Name"] for item in stack.containers()["a-1"]["Mounts"]} == before


def test_shared_namespaces_and_volumes_are_right(stack):
    """Who shares a network or volumes with another service gets that one's present container."""
    stack.write("""\
services:
  donor: {image: app:1, volumes: ['/v']}
  guest: {image: app:1, network_mode: 'service:donor', volumes_from: [donor]}
""")
    stack.up("donor")
    stack.up("guest")
    stack.up("donor", recreate=True)
    stack.up("guest", recreate=True)
    found = stack.containers()
    assert found["guest-1"]["HostConfig"]["NetworkMode"] == f"container:{found['donor-1']['Id']}"
    assert found["guest-1"]["HostConfig"]["VolumesFrom"][0].startswith(found["donor-1"]["Id"])


def test_networks_and_volumes_are_made(stack):
    """What is missing of the service's networks and volumes is made; others are not."""
    stack.write("""\
services:
  a: {image: app:1, networks: [one], volumes: ['data:/data']}
  b: {image: app:1, networks: [two]}
networks: {one: , two: }
volumes: {data: , other: }
""")
    stack.up("a")
    label = {"label": f"com.docker.compose.project={stack.name}"}
    networks = [item["Name"] for item in stack.api.networks(filters=label)]
    volumes = [item["Name"] for item in stack.api.volumes(filters=label)["Volumes"]]
    assert f"{stack.name}_one" in networks
    assert f"{stack.name}_data" in volumes


def test_vanished_network_is_made_again(stack):
    """A recreate makes a network that somebody removed."""
    stack.write("services: {a: {image: app:1}}\n")
    stack.up("a")
    stack.api.disconnect_container_from_network(f"{stack.name}-a-1", f"{stack.name}_default", force=True)
    stack.api.remove_network(f"{stack.name}_default")
    stack.up("a", recreate=True)
    assert list(stack.containers()["a-1"]["NetworkSettings"]["Networks"]) == [f"{stack.name}_default"]


def test_labels_say_who_called(stack):
    """The folder, the files and our env file are in the labels: by these we know what we made."""
    stack.write(CHAIN)
    stack.up("db")
    labels = stack.containers()["db-1"]["Config"]["Labels"]
    assert labels["com.docker.compose.project.working_dir"] == str(stack.folder)
    assert labels["com.docker.compose.project.config_files"] == str(stack.folder / "compose.yaml")
    assert labels["com.docker.compose.project.environment_file"] == str(stack.folder.parent / "env")
    assert labels["com.docker.compose.project"] == stack.name
    assert (labels["com.docker.compose.service"], labels["com.docker.compose.container-number"]) == ("db", "1")
    assert labels["com.docker.compose.oneoff"] == "False"


def test_stop_grace_of_the_container_counts(stack):
    """A recreate waits as long as the container asks for, not compose's ten seconds."""
    stack.write(
        "services: {a: {image: app:1, stop_grace_period: 1s, command: [sh, -c, 'trap : TERM; while :; do sleep 1; done']}}\n"
    )
    stack.up("a")
    (before,) = stack.ids().values()
    stack.up("a", recreate=True)
    asked, killed = stack.times(before, "kill")
    assert 0.9 < killed - asked < 9


@pytest.mark.parametrize("recreate", [True, False])
def test_missing_image_touches_nothing(stack, recreate):
    """Nothing is pulled or built on the side, and what runs stays."""
    stack.write("services: {a: {image: app:1}}\n")
    stack.up("a")
    before = stack.ids()
    (stack.folder / "Dockerfile").write_text("FROM scratch\nLABEL a=b\n")
    stack.write("services: {a: {image: 'gone:1', build: .}, b: {image: 'gone:1', build: .}}\n")
    assert stack.run(compose.up(stack.project, ["a", "b"], recreate=recreate)).code != 0
    assert stack.ids() == before
    assert stack.containers()["a-1"]["State"]["Status"] == "running"


def test_failed_start_is_an_exit_code(stack):
    """A container that cannot start makes the call fail, with the engine's words."""
    stack.write("services: {a: {image: app:1, command: [/no/such/program]}}\n")
    done = stack.run(compose.up(stack.project, ["a"], recreate=False))
    assert done.code != 0
    assert "/no/such/program" in done.tail


def test_interrupted_recreate_leaves_a_known_name(stack):
    """A killed run leaves `<12 hex digits>_<name>` with the label `replace`: by these we mend it."""
    stack.write(
        "services: {a: {image: app:1, stop_grace_period: 60s, command: [sh, -c, 'trap : TERM; while :; do sleep 1; done']}}\n"
    )
    stack.up("a")
    first = stack.ids()["a-1"]
    events = stack.api.events(decode=True, filters={"type": "container", "event": ["kill", "create"]})
    argv = compose.up(stack.project, ["a"], recreate=True)
    with started(argv, stack.environment) as running:
        seen: set[str] = set()
        while seen != {"kill", "create"}:
            event = next(events)
            if event["Actor"]["Attributes"].get("com.docker.compose.project") == stack.name:
                seen.add(event["Action"].split(":")[0])
        running.send_signal(signal.SIGKILL)
    names = {item["Name"].lstrip("/"): item for item in stack.containers().values()}
    assert names.pop(f"{stack.name}-a-1")["Id"] == first
    ((name, left),) = names.items()
    assert name == f"{first[:12]}_{stack.name}-a-1"
    assert left["State"]["Status"] == "created"
    assert "com.docker.compose.replace" in left["Config"]["Labels"]
    stack.api.kill(first)


def test_hash_label_is_no_measure(stack):
    """Old versions hash a service without its dependencies when called with `--no-deps`: we compare fields instead."""
    stack.write(CHAIN)
    stack.up("web")
    plain = stack.run([*compose.config(stack.project)[:-3], "config", "--hash", "web"]).require().stdout.split()[1]
    same = stack.containers()["web-1"]["Config"]["Labels"]["com.docker.compose.config-hash"] == plain
    assert same == (not under_test().version.startswith("2.26"))


def test_stopped_replica_of_a_named_service_is_started(stack):
    """Even with `--no-recreate` a named service's stopped containers start: who shall stay stopped is not named."""
    stack.write("services: {a: {image: app:1, scale: 2}}\n")
    stack.up("a")
    stack.api.stop(f"{stack.name}-a-1", timeout=5)
    stack.api.remove_container(f"{stack.name}-a-2", force=True)
    stack.up("a")
    assert {item["State"]["Status"] for item in stack.containers().values()} == {"running"}


def test_failed_recreate_of_one_leaves_the_others_whole(stack):
    """When one of several named services cannot start, all are there under their own names (perhaps not started)."""
    stack.write("services: {a: {image: app:1}, b: {image: app:1}}\n")
    stack.up("a", "b")
    stack.write("services: {a: {image: app:1}, b: {image: app:1, command: [/no/such]}}\n")
    assert stack.run(compose.up(stack.project, ["a", "b"], recreate=True)).code != 0
    assert sorted(stack.containers()) == ["a-1", "b-1"]
