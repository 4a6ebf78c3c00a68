"""No false alarm, and no change behind our back unseen: every compose field, made by compose, looked at by us."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from deploy.private_dockerd import PrivateDockerd
from reconciler.model import Network, Observed, Volume
from reconciler.plan.compare import compare_network, compare_service, compare_volume
from reconciler.plan.engine_args import endpoint_config, update_resources
from tests.e2e.field_changes import CHANGES, host
from tests.e2e.field_lab import Lab

EVERY, IDIOMS, ODDITIES = "every", "idioms", "oddities"
OLDER = ("1.41", "1.43", "1.44")
HEX = "0" * 64


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """All projects, made by compose on a dockerd of their own (with the default bridge: `network_mode: bridge`)."""
    with (
        tempfile.TemporaryDirectory(prefix="fields") as folder,
        PrivateDockerd(Path(folder, "d"), bridge=None) as dockerd,
    ):
        yield Lab(dockerd, Path(folder, "projects"), EVERY, IDIOMS, ODDITIES)


@pytest.fixture(scope="module")
def looks(lab: Lab) -> Mapping[str, Mapping[str, Observed]]:
    """What was there by project when all was just made, also through older APIs, and after a restart of the engine.

    No test has changed anything yet.
    """
    made = {project: lab.observed(project) for project in lab.stacks}
    older = {version: {project: lab.through(version, look) for project, look in made.items()} for version in OLDER}
    lab.restart()
    restarted = {project: lab.observed(project) for project in lab.stacks}
    by_moment = {"made": made, **older, "restarted": restarted}
    return {project: {moment: found[project] for moment, found in by_moment.items()} for project in lab.stacks}


@pytest.fixture(scope="module")
def snapshot(looks: Mapping[str, Mapping[str, Observed]]) -> Observed:
    """What was there when all was just made; enough for tests of copies."""
    return looks[EVERY]["made"]


@pytest.fixture(autouse=True)
def _after_the_looks(looks: object) -> None:
    """Keep every test from changing anything before all was looked at."""


@pytest.mark.parametrize("moment", ["made", *OLDER, "restarted"])
@pytest.mark.parametrize("project", [EVERY, IDIOMS, ODDITIES])
def test_no_false_alarm(lab, looks, project, moment):
    """Nothing differs in what compose made, with the recorded defaults and without, nor after an engine restart."""
    recorded = lab.defaults(project, looks[project]["made"])

    assert lab.containers(project, looks[project][moment])
    assert lab.differences(project, looks[project][moment], recorded) == []
    assert lab.differences(project, looks[project][moment], {}) == []


@pytest.mark.parametrize("project", [EVERY, IDIOMS])
def test_a_copy_is_equal(lab, looks, project):
    """A container made again by the raw API from its own inspect differs in nothing: a test changes what it says."""
    observed = looks[project]["made"]
    world = lab.world(project, observed, {})

    found = {
        one.name: [d.path for d in compare_service(lab.service(project, one.service), lab.copy(one, {}), world)]
        for one in lab.containers(project, observed)
    }

    assert {name: paths for name, paths in found.items() if paths} == {}


@pytest.mark.parametrize(
    ("service", "change", "paths"), CHANGES, ids=[f"{number}-{name}" for number, (name, *_) in enumerate(CHANGES)]
)
def test_a_change_behind_our_back_is_named(lab, snapshot, service, change, paths):
    """A container made again with one thing changed differs in exactly that field."""
    original = next(one for one in lab.containers(EVERY, snapshot) if one.service == service)

    found = compare_service(lab.service(EVERY, service), lab.copy(original, change), lab.world(EVERY, snapshot, {}))

    assert sorted(difference.path for difference in found) == sorted(paths), found


FROZEN = [
    ({"ShmSize": 1048576}, "shm_size"),
    ({"IpcMode": "shareable"}, "ipc"),
    ({"Runtime": "io.containerd.runc.v2"}, "runtime"),
    ({"CgroupnsMode": "private"}, "cgroup"),
    ({"LogConfig": {"Type": "local", "Config": {}}}, "logging.driver"),
    ({"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}}, "logging.options.max-size"),
]


@pytest.mark.parametrize(("change", "path"), FROZEN, ids=[path for _, path in FROZEN])
def test_a_changed_default_is_named_while_it_is_recorded(lab, snapshot, change, path):
    """A default that was recorded when the container was made counts; without the record it is not told."""
    service = lab.service(EVERY, "plain")
    original = next(one for one in lab.containers(EVERY, snapshot) if one.service == "plain")
    copy = lab.copy(original, host(**change))
    recorded = lab.world(EVERY, snapshot, {copy.id: lab.defaults(EVERY, snapshot)[original.id]})

    assert [difference.path for difference in compare_service(service, copy, recorded)] == [path]
    assert compare_service(service, copy, lab.world(EVERY, snapshot, {})) == ()


# ── live containers ──────────────────────────────────────────────────────────────────────────────


def _paths(lab: Lab, service: str) -> list[str]:
    observed = lab.observed(EVERY)
    one = lab.container(EVERY, service)
    return [d.path for d in compare_service(lab.service(EVERY, service), one, lab.world(EVERY, observed, {}))]


def test_an_update_is_named_and_mended_in_place(lab):
    """What `docker update` changed is named, and our own update brings it back."""
    one, service = lab.container(EVERY, "limits"), lab.service(EVERY, "limits")
    lab.api.update_container(one.id, mem_limit=80_000_000, memswap_limit=160_000_000, cpu_shares=100)
    lab.api.update_container(one.id, restart_policy={"Name": "always"})
    changed = compare_service(service, lab.container(EVERY, "limits"), lab.world(EVERY, lab.observed(EVERY), {}))

    assert [difference.path for difference in changed] == ["restart", "mem_limit", "memswap_limit", "cpu_shares"]
    assert {"update"} == {difference.repair for difference in changed}

    _update(lab, one.id, update_resources(service, changed))

    assert _paths(lab, "limits") == []


def test_a_limit_that_nobody_asked_for_takes_a_recreate(lab):
    """The engine takes 0 for "leave it as it is": only the restart policy and the limit of processes can be taken away."""
    one, service = lab.container(EVERY, "health-part"), lab.service(EVERY, "health-part")
    _update(lab, one.id, {"PidsLimit": 50, "CpuShares": 100, "RestartPolicy": {"Name": "always"}})
    changed = compare_service(service, lab.container(EVERY, "health-part"), lab.world(EVERY, lab.observed(EVERY), {}))

    assert {d.path: d.repair for d in changed} == {
        "restart": "update",
        "cpu_shares": "recreate",
        "pids_limit": "update",
    }

    _update(lab, one.id, update_resources(service, changed))

    assert _paths(lab, "health-part") == ["cpu_shares"]


def _update(lab: Lab, container: str, body: Any) -> None:
    url = lab.api._url("/containers/{0}/update", container)
    lab.api._result(lab.api._post_json(url, data=body), True)


@pytest.mark.parametrize("key", ["static", "outside", "front"])
def test_a_lost_network_is_named_and_mended_in_place(lab, key):
    """A network taken away or joined anew by hand is named; the whole endpoint brings aliases and addresses back."""
    service = lab.service(EVERY, "addressed")
    world = lab.world(EVERY, lab.observed(EVERY), {})
    one, name = lab.container(EVERY, "addressed"), world.networks[key].name
    lab.api.start(one.id)
    lab.api.disconnect_container_from_network(one.id, name)
    found = compare_service(service, lab.container(EVERY, "addressed"), world)

    assert f"networks.{key}" in {difference.path for difference in found}
    assert {(key, "reconnect")} == {(d.network, d.repair) for d in found if not d.path.endswith("mac_address")}

    endpoint = endpoint_config(service, key, world, one.number)
    url = lab.api._url("/networks/{0}/connect", name)
    lab.api._result(lab.api._post_json(url, data={"Container": one.id, "EndpointConfig": endpoint}))

    # the engine loses a MAC address on the way
    assert {f"networks.{key}.mac_address"} >= set(_paths(lab, "addressed")) - {"networks.static.mac_address"}


def test_a_network_too_many_is_named(lab):
    """A network joined by hand is named, and which one of the engine's it is."""
    one = lab.container(EVERY, "donor")
    lab.api.start(one.id)
    lab.api.connect_container_to_network(one.id, "fields_back")
    world = lab.world(EVERY, lab.observed(EVERY), {})
    (found,) = compare_service(lab.service(EVERY, "donor"), lab.container(EVERY, "donor"), world)
    lab.api.disconnect_container_from_network(one.id, "fields_back")

    assert (found.path, found.network, found.repair) == ("networks.back", "fields_back", "reconnect")


def test_a_rename_is_named(lab):
    """A container that was renamed differs in its name only, also once it was named back."""
    one = lab.container(EVERY, "plain")
    lab.api.rename(one.id, "other-name")
    renamed = _paths(lab, "plain")
    lab.api.rename(one.id, one.name)

    assert renamed == ["container_name"]
    assert _paths(lab, "plain") == []


def test_a_vanished_network_is_named(lab):
    """A network made anew under its name is another network: who holds the old one cannot start."""
    world = lab.world(EVERY, lab.observed(EVERY), {})
    front = replace(world.networks["front"], ids=(HEX,))
    later = replace(world, networks={**world.networks, "front": front})
    (found,) = compare_service(lab.service(EVERY, "plain-front"), lab.container(EVERY, "plain-front"), later)

    assert (found.path, found.repair) == ("networks.front.id", "recreate")


def test_a_moved_tag_is_named(lab):
    """The content behind an unchanged reference is compared too."""
    world = lab.world(EVERY, lab.observed(EVERY), {})
    moved = replace(world, image_ids={**world.image_ids, "app:1": f"sha256:{HEX}"})
    (found,) = compare_service(lab.service(EVERY, "plain"), lab.container(EVERY, "plain"), moved)

    assert (found.path, found.repair) == ("image.id", "recreate")


# ── networks and volumes ─────────────────────────────────────────────────────────────────────────

NETWORKS = [
    ({"Internal": False}, ["internal"]),
    ({"Attachable": True}, ["attachable"]),
    ({"EnableIPv6": True, "IPAM": {"Config": [{"Subnet": "fd00:0:0:99::/64"}]}}, ["enable_ipv6"]),
    ({"Labels": {"net.label": "2"}}, ["labels.net.label"]),
    ({"Labels": {"net.label": "1", "more": "1"}}, ["labels.more"]),
    (
        {"Options": {"com.docker.network.driver.mtu": "1400"}},
        [],
    ),  # may be a default of the daemon
    ({"Driver": "null"}, ["driver"]),
]


@pytest.mark.parametrize(("change", "paths"), NETWORKS)
def test_a_changed_network_is_named(lab, change, paths):
    """A network made again with one thing changed differs in exactly that."""
    wanted = next(one for one in lab.stacks[EVERY].networks if one.key == "back")
    body = {"Name": "changed", "Driver": "bridge", "Internal": True, "Labels": {"net.label": "1"}, **change}
    with suppress(docker.errors.NotFound):
        lab.api.remove_network("changed")
    if change.get("Driver") == "null":
        document = {**lab.api.networks(names=["fields_back"])[0], **change}
    else:
        lab.api._result(lab.api._post_json(lab.api._url("/networks/create"), data=body), True)
        document = next(one for one in lab.api.networks() if one["Name"] == "changed")
        lab.api.remove_network("changed")

    found = compare_network(wanted, Network(document["Id"], "changed", document=document))

    assert paths == [difference.path for difference in found]
    assert {"remake"} >= {difference.repair for difference in found}


def test_changed_addresses_of_a_network_are_named(lab):
    """Each stated part of the address management is compared, and each option."""
    wanted = next(one for one in lab.stacks[EVERY].networks if one.key == "static")
    document = lab.api.networks(names=["fields_static"])[0]
    pools = [
        {"Subnet": "10.251.0.0/16", "Gateway": "10.251.0.2", "IPRange": "10.251.0.0/17"},
        {"Subnet": "fd00:0:0:252::/64"},
    ]
    changed = {**document, "IPAM": {"Driver": "default", "Config": pools}, "Options": {}}
    found = compare_network(wanted, Network("x", "fields_static", document=changed))
    place = "ipam.config[10.251.0.0/16]"

    assert [
        "driver_opts.com.docker.network.driver.mtu",
        f"{place}.aux_addresses.router",
        f"{place}.gateway",
        f"{place}.ip_range",
        "ipam.config[fd00:0:0:251::/64]",
        "ipam.config[fd00:0:0:252::/64]",
    ] == [difference.path for difference in found]


def test_a_changed_volume_is_named(lab):
    """Driver, options and labels of a volume are compared whole; a person has to act, for data would be lost."""
    wanted = next(one for one in lab.stacks[EVERY].volumes if one.key == "bound")
    lab.api.create_volume("changed", driver_opts={"type": "tmpfs", "device": "tmpfs"}, labels={"one": "1", "two": "2"})
    document = lab.api.inspect_volume("changed")
    lab.api.remove_volume("changed")
    found = compare_volume(wanted, Volume("changed", document=document))

    assert [difference.path for difference in found] == [
        "driver_opts.device",
        "driver_opts.o",
        "driver_opts.type",
        "labels.two",
    ]
    assert {"manual"} == {difference.repair for difference in found}


# ── a daemon with settings of its own ────────────────────────────────────────────────────────────

DAEMON = {
    "default-ulimits": {"nofile": {"Name": "nofile", "Soft": 1000, "Hard": 2000}},
    "default-shm-size": "16M",
    "default-ipc-mode": "shareable",
    "default-cgroupns-mode": "private",
    "default-network-opts": {"bridge": {"com.docker.network.driver.mtu": "1400"}},
    "log-driver": "json-file",
    "log-opts": {"max-size": "5m", "labels": "a"},
    "dns": ["192.0.2.1"],
    "init": True,
}


def test_the_defaults_of_a_daemon_are_no_difference(tmp_path_factory, own_dockerd):
    """What a daemon's settings put into every container is no difference, nor when they change, recorded or not."""
    dockerd = own_dockerd(config=DAEMON)
    lab = Lab(dockerd, tmp_path_factory.mktemp("small"), "small")
    made = lab.observed("small")
    recorded = lab.defaults("small", made)
    assert lab.differences("small", made, recorded) == []
    assert lab.differences("small", made, {}) == []

    later = {**DAEMON, "default-shm-size": "8M", "log-driver": "local", "log-opts": {}, "default-ulimits": {}}
    dockerd.config_file.write_text(json.dumps(later))
    lab.restart()
    changed = lab.observed("small")

    assert lab.differences("small", changed, recorded) == []
    assert lab.differences("small", changed, {}) == []
