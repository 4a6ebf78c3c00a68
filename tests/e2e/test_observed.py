"""Look at a real engine: what is there comes out as one value, whatever state it is in."""

from __future__ import annotations

import json
import socket
from dataclasses import replace
from pathlib import Path

import docker
import pytest

from deploy.images import SERVE, make_image
from deploy.network import add_bridge, own_network
from reconciler.engine import EngineClient
from reconciler.model import Ask, Pool, PublishedPort
from reconciler.observed import host
from reconciler.observed.look import look
from reconciler.settings import Control, DaemonSettings

SERVING = json.dumps(list(SERVE))


def by_name(observed):
    return {one.name: one for one in observed.containers}


def of(observed, project):
    return {one.name.removeprefix(f"{project}-"): one for one in observed.containers if one.project == project}


def asking(*projects, **more):
    return Ask(projects=frozenset(projects), **more)


def wait_for(api, container, state, health=None):
    """Follow the engine's events until the container is as we want it."""
    for _ in api.events(since=0, filters={"container": container}):
        now = api.inspect_container(container)["State"]
        if now["Status"] == state and (health is None or now["Health"]["Status"] == health):
            return


# ── what is looked at ────────────────────────────────────────────────────────────────────────────


def test_a_stack_comes_out_whole(engine, compose_up, unique):
    """Replicas, networks, volumes, images and compose's labels are all in the value, inspects included."""
    web = unique("web")
    folder = compose_up(
        web,
        f"""
        services:
          api: {{image: app:1, command: {SERVING}, scale: 3, networks: [front], volumes: ["data:/data"]}}
        networks: {{front: {{}}}}
        volumes: {{data: {{}}}}
        """,
    )
    observed = look(engine, asking(web, images=frozenset({"app:1"})), None)
    replicas = of(observed, web)
    assert sorted(replicas) == ["api-1", "api-2", "api-3"]
    for number, one in enumerate(sorted(replicas.values(), key=lambda one: one.number), start=1):
        assert (one.state, one.service, one.number, one.working_dir) == ("running", "api", number, str(folder))
        assert one.document is not None
        assert one.document["Id"] == one.id
        assert one.config_hash
        assert one.exit_code is None
    (network,) = [one for one in observed.networks if one.project == web]
    assert (network.key, network.name, network.document["Driver"]) == ("front", f"{web}_front", "bridge")
    assert dict(replicas["api-1"].networks) == {network.name: network.id}
    (volume,) = [one for one in observed.volumes if one.project == web]
    assert (volume.key, volume.name) == ("data", f"{web}_data")
    assert observed.images["app:1"] == replicas["api-1"].image_id
    image = observed.image_configs[replicas["api-1"].image_id]
    assert image.config["Cmd"] == list(SERVE)


def test_the_engine_says_what_it_is(engine):
    """Version, agreed API version and address pools are known."""
    observed = look(engine, Ask(), None)
    assert observed.engine.version == observed.engine.info["ServerVersion"]
    assert observed.engine.api_version == engine.api_version
    assert [pool.size for pool in observed.engine.pools] == [24]


def test_an_engine_without_pools_has_the_built_in_ones(own_dockerd):
    """31 networks and no more: what the engine cuts from when nobody says."""
    daemon = own_dockerd(pools=None)
    pools = look(EngineClient.connect(daemon.host), Ask(), None).engine.pools
    assert Pool("172.17.0.0/16", 16) in pools
    assert sum(2 ** (pool.size - int(pool.base.partition("/")[2])) for pool in pools) == 31


def test_foreign_containers_are_listed_and_never_inspected(engine, api, compose_up, unique, monkeypatch):
    """Only the asked projects cost an inspect; the others are there, with what the listing tells."""
    ours, theirs, alone = unique("ours"), unique("theirs"), unique("alone")
    for project in (ours, theirs):
        compose_up(project, f"services: {{app: {{image: app:1, command: {SERVING}}}}}")
    api.create_container("app:1", name=alone)
    asked_for: list[str] = []
    inspect = engine.inspect_container

    def noted(one):
        asked_for.append(one)
        return inspect(one)

    monkeypatch.setattr(engine, "inspect_container", noted)
    observed = by_name(look(engine, asking(ours), None))
    api.remove_container(alone)
    assert asked_for == [observed[f"{ours}-app-1"].id]
    assert observed[f"{theirs}-app-1"].document is None
    assert (observed[f"{theirs}-app-1"].state, observed[f"{theirs}-app-1"].image) == ("running", "app:1")
    assert (observed[alone].project, observed[alone].state) == (None, "created")


def test_two_networks_of_one_label_stay_two(engine, api, compose_up, unique):
    """An ambiguity is handed on, not resolved."""
    web = unique("web")
    compose_up(web, f"services: {{app: {{image: app:1, command: {SERVING}}}}}")
    labels = {"com.docker.compose.project": web, "com.docker.compose.network": "default"}
    other = api.create_network(unique("other"), labels=labels)["Id"]
    found = [one for one in look(engine, asking(web), None).networks if (one.project, one.key) == (web, "default")]
    assert len(found) == 2
    assert other in {one.id for one in found}


def test_published_ports(engine, compose_up, unique):
    """Ranges come one by one, UDP beside TCP, a bound address is kept, and both IP versions are one."""
    web = unique("web")
    compose_up(
        web,
        f"""
        services:
          app:
            image: app:1
            command: {SERVING}
            ports: ["38080:80", "38200-38201:8200-8201", "127.0.0.1:38053:53/udp"]
        """,
    )
    observed = look(engine, asking(web, ports=frozenset({("tcp", 38080)})), None)
    assert set(of(observed, web)["app-1"].ports) == {
        PublishedPort("", 38080, 80),
        PublishedPort("", 38200, 8200),
        PublishedPort("", 38201, 8201),
        PublishedPort("127.0.0.1", 38053, 53, "udp"),
    }
    assert {one.port for one in observed.listeners} >= {38080, 38200, 38201, 38053}
    assert {one.owner for one in observed.listeners if one.port == 38080} == {""}, (
        "a search that the listing made needless"
    )


def test_a_oneoff_container_is_marked(engine, api, unique):
    """What `compose run` made is no replica."""
    web, name = unique("web"), unique("run")
    labels = {
        "com.docker.compose.project": web,
        "com.docker.compose.service": "app",
        "com.docker.compose.oneoff": "True",
    }
    api.create_container("app:1", name=name, labels=labels)
    observed = by_name(look(engine, asking(web), None))
    api.remove_container(name)
    assert observed[name].oneoff
    assert observed[name].document is not None


# ── states ───────────────────────────────────────────────────────────────────────────────────────


def test_states_and_their_reasons(engine, api, compose_up, unique):
    """Paused, crashed and unwell containers say so; those that failed bring their last words, control characters and all."""
    web = unique("web")
    crash = json.dumps(["sh", "-c", "for i in $$(seq 30); do echo line $$i; done; printf '\\033[31mred\\n'; exit 3"])
    compose_up(
        web,
        f"""
        services:
          paused: {{image: app:1, command: {SERVING}}}
          crashed: {{image: app:1, command: {crash}}}
          unwell:
            image: app:1
            command: [sh, -c, "echo unwell; exec tail -f /dev/null"]
            healthcheck: {{test: exit 1, interval: 50ms, retries: 1}}
            stop_grace_period: 0s
          well: {{image: app:1, command: {SERVING}, healthcheck: {{test: exit 0, interval: 50ms}}}}
        """,
    )
    api.pause(f"{web}-paused-1")
    wait_for(api, f"{web}-crashed-1", "exited")
    wait_for(api, f"{web}-unwell-1", "running", "unhealthy")
    wait_for(api, f"{web}-well-1", "running", "healthy")
    found = of(look(engine, asking(web), None), web)
    assert found["paused-1"].state == "paused"
    assert found["paused-1"].log_tail == ()
    crashed = found["crashed-1"]
    assert (crashed.state, crashed.exit_code, crashed.stopped_by_hand) == ("exited", 3, False)
    assert len(crashed.log_tail) == 20
    assert crashed.log_tail[-2:] == ("line 30", "\033[31mred")
    assert (found["unwell-1"].health, found["unwell-1"].log_tail) == ("unhealthy", ("unwell",))
    assert (found["well-1"].health, found["well-1"].exit_code) == ("healthy", None)
    foreign = of(look(engine, asking(), None), web)
    assert (foreign["unwell-1"].health, foreign["crashed-1"].exit_code) == ("unhealthy", 3)
    assert (foreign["crashed-1"].log_tail, foreign["crashed-1"].stopped_by_hand) == ((), None)


def test_a_log_that_cannot_be_read_is_no_error(engine, api, compose_up, unique):
    """A container without a log that failed is still looked at."""
    web = unique("web")
    compose_up(web, "services: {app: {image: app:1, command: ['false'], logging: {driver: none}}}")
    wait_for(api, f"{web}-app-1", "exited")
    one = of(look(engine, asking(web), None), web)["app-1"]
    assert (one.exit_code, one.log_tail) == (1, ())


def test_a_person_and_a_finished_job_are_told_apart(engine, api, compose_up, unique):
    """Both exited with 0; the events know who ended them, and a signal to reload is no end."""
    web = unique("web")
    reload = json.dumps(["sh", "-c", "trap 'exit 0' HUP; while :; do sleep 3600 & wait $$!; done"])
    compose_up(
        web,
        f"""
        services:
          server: {{image: app:1, command: {SERVING}}}
          job: {{image: app:1, command: ["true"]}}
          reloaded: {{image: app:1, command: {reload}}}
        """,
    )
    wait_for(api, f"{web}-job-1", "exited")
    api.stop(f"{web}-server-1")
    api.kill(f"{web}-reloaded-1", "HUP")
    wait_for(api, f"{web}-reloaded-1", "exited")
    found = of(look(engine, asking(web), None), web)
    ended = {name: (one.exit_code, one.stopped_by_hand) for name, one in found.items()}
    assert ended == {"server-1": (0, True), "job-1": (0, False), "reloaded-1": (0, False)}


def test_an_engine_that_crashed_is_no_person(own_dockerd):
    """As it comes up after a crash it emits a person's events for what it finds; after a stop it knows nothing more."""
    daemon = own_dockerd()
    client = EngineClient.connect(daemon.host)
    container = labelled(daemon, "web")
    daemon.kill()
    daemon.start()
    crashed = of(look(client, asking("web"), None), "web")["app"]
    assert (crashed.state, crashed.stopped_by_hand) == ("exited", False)
    client.start(container)
    client.stop(container)
    assert of(look(client, asking("web"), None), "web")["app"].stopped_by_hand is True
    daemon.restart()
    assert of(look(client, asking("web"), None), "web")["app"].stopped_by_hand is None


def labelled(daemon, project):
    """Run a container that bears compose's label."""
    api = docker.APIClient(daemon.host, version="auto")
    labels = {"com.docker.compose.project": project}
    isolated = api.create_host_config(network_mode="none")
    container = api.create_container("app:1", name=f"{project}-app", labels=labels, host_config=isolated)["Id"]
    api.start(container)
    api.close()
    return container


# ── images ───────────────────────────────────────────────────────────────────────────────────────


def test_an_absent_image_is_absent(engine, dockerd, unique):
    """A reference that is not here is not in the map; every spelling of one that is leads to its id."""
    name = unique("img")
    image = make_image(dockerd.host, f"{name}:2", changes=["ENV A=1"])
    spellings = (f"{name}:2", f"docker.io/library/{name}:2", f"library/{name}:2", image)
    observed = look(engine, Ask(images=frozenset({*spellings, f"{name}:3", "nowhere.example/x:1"})), None)
    assert observed.images == dict.fromkeys(spellings, image)
    assert observed.image_configs[image].config["Env"] == ["A=1"]


def test_an_image_that_was_removed_under_its_container(engine, dockerd, api, compose_up, unique):
    """The container keeps its image's reference and id, which lead nowhere any more."""
    web, name = unique("web"), unique("img")
    image = make_image(dockerd.host, f"{name}:1", changes=[f"LABEL name={name}"])
    compose_up(web, f"services: {{app: {{image: '{name}:1'}}}}")
    api.stop(f"{web}-app-1")
    api.remove_image(image, force=True)
    observed = look(engine, asking(web, images=frozenset({f"{name}:1"})), None)
    one = of(observed, web)["app-1"]
    assert (one.image, one.image_id) == (f"{name}:1", image)
    assert observed.images == {}
    assert observed.image_configs == {}


def test_the_image_of_an_inspected_container_is_known(engine, dockerd, compose_up, unique):
    """When a tag moved on, the config of the container's own image is still there."""
    web, name = unique("web"), unique("img")
    old = make_image(dockerd.host, f"{name}:1", changes=["ENV A=old"])
    compose_up(web, f"services: {{app: {{image: '{name}:1'}}}}")
    new = make_image(dockerd.host, f"{name}:1", changes=["ENV A=new"])
    observed = look(engine, asking(web, images=frozenset({f"{name}:1"})), None)
    assert observed.images == {f"{name}:1": new}
    assert of(observed, web)["app-1"].image_id == old
    assert observed.image_configs[old].config["Env"] == ["A=old"]


# ── races ────────────────────────────────────────────────────────────────────────────────────────


def test_a_container_that_vanishes_meanwhile_is_dropped(engine, api, compose_up, unique, monkeypatch):
    """A container that is listed and then gone makes us look again, once."""
    web = unique("web")
    compose_up(
        web, f"services: {{app: {{image: app:1, command: {SERVING}}}, doomed: {{image: app:1, command: {SERVING}}}}}"
    )
    listings: list[int] = []
    inspect, containers = engine.inspect_container, engine.containers

    def counted():
        listings.append(1)
        return containers()

    def vanishing(one):
        if len(listings) == 1:
            for doomed in api.containers(all=True, filters={"name": f"{web}-doomed"}):
                api.remove_container(doomed["Id"], force=True)
        return inspect(one)

    monkeypatch.setattr(engine, "inspect_container", vanishing)
    monkeypatch.setattr(engine, "containers", counted)
    assert sorted(of(look(engine, asking(web), None), web)) == ["app-1"]
    assert len(listings) == 2


# ── the host, and the daemon's own settings ──────────────────────────────────────────────────────


def test_the_host_is_part_of_the_look(engine, tmp_path):
    """Asked paths, files and ports are answered together with the engine."""
    file = tmp_path / "app.ini"
    file.write_text("a\n")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ask = Ask(
            paths=frozenset({str(tmp_path), "/nowhere/at/all"}),
            files=frozenset({str(file), f"{tmp_path}/absent"}),
            ports=frozenset({("tcp", port)}),
        )
        observed = look(engine, ask, None)
    assert observed.missing_paths == {"/nowhere/at/all"}
    assert observed.files == {str(file): "78981922613b2afb6025042ff6bd878ac1994e85", f"{tmp_path}/absent": None}
    assert [one.owner.partition(" ")[0] != "" for one in observed.listeners if one.port == port] == [True]
    assert observed.daemon is None
    assert observed.machine_id == host.machine_id()


def test_a_networks_subnet_is_routed(engine, api, unique):
    """What the engine gave away shows among the host's routes."""
    network = api.create_network(unique("net"))["Id"]
    subnet = api.inspect_network(network)["IPAM"]["Config"][0]["Subnet"]
    routes = look(engine, Ask(), None).routes
    api.remove_network(network)
    assert subnet in routes


@pytest.fixture
def managed(own_dockerd):
    """A dockerd whose file sets what the API shows."""
    add = {
        "bridge": "br-test",
        "labels": ["b=2", "a=1"],
        "log-driver": "local",
        "registry-mirrors": ["https://mirror.lan"],
    }
    own_network()
    add_bridge("br-test")
    return own_dockerd(config=add)


def settings_of(daemon):
    return DaemonSettings(
        daemon.config_file, Control(kind="pidfile", pidfile=daemon.pidfile, start=tuple(daemon.command))
    )


def test_the_daemons_file_and_what_holds(managed):
    """The file as it is, and beside it what the running engine says of the same keys."""
    daemon = look(EngineClient.connect(managed.host), Ask(), settings_of(managed)).daemon
    assert daemon is not None
    assert (daemon.path, daemon.exists, daemon.values) == (str(managed.config_file), True, managed.config)
    expected = {
        "bridge": "br-test",
        "labels": ["a=1", "b=2"],
        "log-driver": "local",
        "registry-mirrors": ["https://mirror.lan/"],
    }
    assert {key: daemon.effective[key] for key in expected} == expected
    assert (daemon.effective["live-restore"], daemon.effective["data-root"]) == (False, str(managed.folder / "data"))


def test_a_damaged_daemon_file_stops_nothing_else(managed):
    """The file is a problem with a line, the engine goes on telling what holds; an absent file is empty."""
    client = EngineClient.connect(managed.host)
    managed.config_file.write_text('{\n"debug": maybe}')
    damaged = look(client, Ask(), settings_of(managed)).daemon
    assert damaged is not None
    assert damaged.problem is not None
    assert (damaged.values, damaged.problem.code, damaged.problem.line) == (None, "daemon-file-not-json", 2)
    assert damaged.effective["bridge"] == "br-test"
    absent = replace(settings_of(managed), config_file=Path("/nowhere/daemon.json"))
    gone = look(client, Ask(), absent).daemon
    assert gone is not None
    assert (gone.exists, gone.values, gone.problem) == (False, {}, None)
