"""No false alarm, and no change behind our back unseen: every compose field, made by compose, looked at by us."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker
import pytest

from deploy.private_dockerd import PrivateDockerd
from reconciler.model import Network, Volume
from reconciler.plan.compare import compare_network, compare_service, compare_volume
from reconciler.plan.engine_args import endpoint_config, update_resources
from tests.e2e.field_lab import Lab

EVERY, IDIOMS = "every", "idioms"
HEX = "0" * 64


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    """All projects, made by compose on a dockerd of their own (with the default bridge: `network_mode: bridge`)."""
    with (
        tempfile.TemporaryDirectory(prefix="fields") as folder,
        PrivateDockerd(Path(folder, "d"), bridge=None) as dockerd,
    ):
        yield Lab(dockerd, Path(folder, "projects"), EVERY, IDIOMS)


@pytest.mark.parametrize("project", [EVERY, IDIOMS])
def test_no_false_alarm(lab, project):
    """Nothing differs in what compose just made, with the recorded defaults and without, also after an engine restart."""
    observed = lab.observed(project)
    recorded = lab.defaults(project, observed)

    assert lab.containers(project, observed)
    assert lab.differences(project, observed, recorded) == []
    assert lab.differences(project, observed, {}) == []

    lab.dockerd.restart()
    observed = lab.observed(project)

    assert lab.differences(project, observed, recorded) == []
    assert lab.differences(project, observed, {}) == []


@pytest.mark.parametrize("project", [EVERY, IDIOMS])
def test_a_copy_is_equal(lab, project):
    """A container made again by the raw API from its own inspect differs in nothing: what a test changes is all that changes."""
    observed = lab.observed(project)
    world = lab.world(project, observed, {})

    found = {
        one.name: [d.path for d in compare_service(lab.service(project, one.service), lab.copy(one, {}), world)]
        for one in lab.containers(project, observed)
    }

    assert {name: paths for name, paths in found.items() if paths} == {}


def host(**members: Any) -> dict[str, Any]:
    return {"HostConfig": members}


def config(**members: Any) -> dict[str, Any]:
    return {"Config": members}


CHANGES = [
    # process and identity
    ("plain", config(Image="full:1"), ["image"]),
    ("plain", config(Cmd=["sleep", "3600"]), ["command"]),
    ("plain", config(Entrypoint=["/bin/sh"]), ["entrypoint"]),
    ("string-entrypoint", config(Entrypoint=["/bin/sleep", "1"]), ["entrypoint"]),
    ("words", config(Cmd=["sh", "-c", "sleep 1"]), ["command"]),
    ("plain", config(WorkingDir="/tmp"), ["working_dir"]),
    ("overrides", config(WorkingDir="/"), ["working_dir"]),
    ("plain", config(User="nobody"), ["user"]),
    ("inherits", config(User="root"), ["user"]),
    ("plain", config(Env=["PATH=/bin", "EXTRA=1"]), ["environment.EXTRA", "environment.PATH"]),
    ("mapped", config(Env=["NUMBER=2"]), [
        "environment.BOOL", "environment.FROM_FILE", "environment.MULTI", "environment.NUMBER", "environment.QUOTED",
        "environment.SHARED", "environment.YES"]),
    ("plain", config(Env=["HTTP_PROXY=http://10.0.0.1"]), []),  # a client's own settings do this: told only with a record
    ("mapped", host(Annotations={"org.example.note": "2"}), ["annotations.org.example.note"]),
    ("plain", host(Annotations={"a": "1"}), ["annotations.a"]),
    ("plain", config(Hostname="other"), ["hostname"]),
    ("named", config(Hostname="other"), ["hostname"]),
    ("named", config(Domainname="example.net"), ["domainname"]),
    ("plain", config(Domainname="example.net"), ["domainname"]),
    ("plain", config(Tty=True), ["tty"]),
    ("named", config(Tty=False), ["tty"]),
    ("plain", config(OpenStdin=True), ["stdin_open"]),
    ("plain", host(Init=True), ["init"]),
    ("plain", host(Init=False), ["init"]),
    ("no-init", host(Init=None), ["init"]),
    ("plain", config(StopSignal="SIGKILL"), ["stop_signal"]),
    ("named", config(StopSignal="SIGKILL"), ["stop_signal"]),
    ("plain", config(StopTimeout=0), ["stop_grace_period"]),
    ("overrides", config(StopTimeout=9), ["stop_grace_period"]),
    ("plain", config(Healthcheck={"Test": ["CMD", "true"]}), ["healthcheck.test"]),
    ("health-list", config(Healthcheck={"Test": ["CMD", "false"], "Interval": 90_000_000_000}), ["healthcheck.test"]),
    ("health-list", config(Healthcheck={"Test": ["CMD", "true"], "Interval": 91_000_000_000}), ["healthcheck.interval"]),
    ("health-list", config(Healthcheck={"Test": ["NONE"]}), ["healthcheck.interval", "healthcheck.test"]),
    ("plain", host(RestartPolicy={"Name": "always"}), ["restart"]),
    ("on-failure", host(RestartPolicy={"Name": "on-failure", "MaximumRetryCount": 4}), ["restart"]),
    ("deploy-any", host(RestartPolicy={"Name": "no"}), ["restart"]),
    # network
    ("plain", {"networks": {"fields_default": {"Aliases": ["plain", "more"]}}}, ["networks.default.aliases"]),
    ("plain", {"networks": {"fields_default": {"Aliases": []}}}, ["networks.default.aliases"]),
    ("plain", {"networks": {"fields_front": {}}}, ["networks.fields_front"]),
    ("addressed", {"networks": {"fields-external": None}}, ["networks.outside"]),
    ("addressed", {"networks": {"fields_static": {"IPAMConfig": {"IPv4Address": "10.251.0.10", "IPv6Address": "fd00:0:0:251::9"}}}},
     ["networks.static.ipv4_address"]),
    ("addressed", {"networks": {"fields_static": {"IPAMConfig": {"IPv4Address": "10.251.0.9"}}}}, ["networks.static.ipv6_address"]),
    ("addressed", {"networks": {"fields_static": {"MacAddress": "02:42:ac:11:00:aa"}}}, ["networks.static.mac_address"]),
    ("front", {"networks": {"fields_front": {"DriverOpts": {"a": "1"}}}}, ["networks.front.driver_opts.a"]),
    ("front", {"networks": {"fields_front": {"IPAMConfig": {"LinkLocalIPs": ["169.254.9.9"]}}}}, ["networks.front.link_local_ips"]),
    ("front", {"networks": {"fields_front": {"Links": ["fields-plain-front-1:db"]}, "fields_back": {"Links": []}}},
     ["links[plain-front]", "external_links[outside]"]),
    ("plain-front", {"networks": {"fields_front": {"Links": ["fields-plain-1:db"]}}}, ["links[db]"]),
    ("no-network", {**host(NetworkMode="host"), "networks": {"none": None}}, ["network_mode"]),
    ("plain", {**host(NetworkMode="host"), "networks": {"fields_default": None}},
     ["network_mode", "networks.default", "networks.default.aliases", "networks.host"]),
    ("bridge-mode", host(PortBindings={"80/tcp": [{"HostPort": "8301"}]}), ["ports[80/tcp]"]),
    ("plain", {**host(PortBindings={"80/tcp": [{"HostPort": "8301"}]})}, ["ports[80/tcp]", "expose[80/tcp]"]),
    ("bridge-mode", host(PortBindings={"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8300"}]}), ["ports[80/tcp]"]),
    ("bridge-mode", host(PortBindings={}), ["ports[80/tcp]"]),
    ("plain", config(ExposedPorts={"1/tcp": {}}), ["expose[1/tcp]"]),
    ("inherits", config(ExposedPorts={"7/udp": {}}), ["expose[7/udp]"]),  # the engine adds the image's
    ("front", host(ExtraHosts=["one.example:10.1.1.1", "six.example:::1", "bracket.example:2001:db8::1", "gateway:host-gateway"]),
     ["extra_hosts[one.example]"]),
    ("plain", host(ExtraHosts=["evil.example:10.0.0.1"]), ["extra_hosts[evil.example]"]),
    ("plain", host(Dns=["9.9.9.9"]), ["dns"]),
    ("addressed", host(Dns=["2606:4700:4700::1111", "9.9.9.9"]), ["dns"]),
    ("plain", host(DnsOptions=["ndots:9"]), ["dns_opt"]),
    ("plain", host(DnsSearch=["example.net"]), ["dns_search"]),
    # storage
    ("plain", host(Binds=["/:/rootfs:ro"]), ["volumes[/rootfs]"]),
    ("plain", host(Mounts=[{"Type": "volume", "Target": "/extra"}]), ["volumes[/extra]"]),
    ("overrides", host(Binds=["/tmp:/data:rw"]), ["volumes[/data]"]),
    ("donor", host(Mounts=[{"Type": "volume", "Source": "fields_shared", "Target": "/shared", "ReadOnly": True}]),
     ["volumes[/anonymous]", "volumes[/shared]"]),
    ("inherits", host(Binds=["/tmp:/data"]), ["volumes[/data]"]),
    ("plain", host(Tmpfs={"/run": "size=1m"}), ["tmpfs[/run]"]),
    ("mounts", host(Tmpfs={"/run": "size=2m", "/var/tmp": ""}), ["tmpfs[/run]"]),
    ("plain", host(VolumesFrom=["fields-outsider"]), ["volumes_from"]),
    ("plain", host(ReadonlyRootfs=True), ["read_only"]),
    ("named", host(ReadonlyRootfs=False), ["read_only"]),
    ("mounts", host(ShmSize=1048576), ["shm_size"]),
    # limits
    ("plain", host(Memory=67108864, MemorySwap=134217728), ["mem_limit", "memswap_limit"]),
    ("limits", host(MemorySwap=-1), ["memswap_limit"]),
    ("limits", host(Memory=68157440), ["mem_limit"]),
    ("limits", host(MemoryReservation=16777216), ["mem_reservation"]),
    ("limits", host(MemorySwappiness=20), ["mem_swappiness"]),
    ("limits", host(OomKillDisable=False), ["oom_kill_disable"]),
    ("limits", host(OomScoreAdj=0), ["oom_score_adj"]),
    ("limits", host(NanoCpus=360000000), ["cpus"]),
    ("limits", host(CpuShares=0), ["cpu_shares"]),
    ("limits", host(CpusetCpus=""), ["cpuset"]),
    ("limits", host(PidsLimit=0), ["pids_limit"]),
    ("plain", host(PidsLimit=10), ["pids_limit"]),
    ("plain", host(CpuShares=10), ["cpu_shares"]),
    ("plain", host(CpusetCpus="0"), ["cpuset"]),
    ("plain", host(CpusetMems="0"), ["cpuset_mems"]),
    ("quota", host(CpuQuota=60000), ["cpu_quota"]),
    ("quota", host(CpuPeriod=50000), ["cpu_period"]),
    ("deploy-limits", host(NanoCpus=0), ["cpus"]),
    ("deploy-limits", host(MemoryReservation=0), ["mem_reservation"]),
    ("plain", host(Ulimits=[{"Name": "nofile", "Soft": 1, "Hard": 2}]), ["ulimits.nofile"]),
    ("limits", host(Ulimits=[{"Name": "nofile", "Soft": 1024, "Hard": 2048}, {"Name": "core", "Soft": 0, "Hard": 0}]),
     ["ulimits.memlock"]),
    ("limits", host(BlkioDeviceWriteIOps=[{"Path": "/dev/zero", "Rate": 5}]), ["blkio_config.device_write_iops[/dev/zero]"]),
    # devices and privileges
    ("plain", host(Devices=[{"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}]), ["devices[/dev/x]"]),
    ("devices", host(Devices=[{"PathOnHost": "/dev/zero", "PathInContainer": "/dev/zero", "CgroupPermissions": "rwm"},
                              {"PathOnHost": "/dev/full", "PathInContainer": "/dev/myfull", "CgroupPermissions": "mwr"},
                              {"PathOnHost": "/dev/null", "PathInContainer": "/dev/mynull", "CgroupPermissions": "rw"}]),
     ["devices[/dev/mynull]"]),
    ("plain", host(DeviceCgroupRules=["c 1:3 mr"]), ["device_cgroup_rules"]),
    ("plain", host(DeviceRequests=[{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]}]),
     ["deploy.resources.reservations.devices"]),
    ("plain", host(Privileged=True), ["privileged"]),
    ("privileged", host(Privileged=False), ["privileged"]),
    ("plain", host(CapAdd=["SYS_ADMIN"]), ["cap_add"]),
    ("devices", host(CapDrop=[]), ["cap_drop"]),
    ("plain", host(SecurityOpt=["seccomp=unconfined"]), ["security_opt"]),
    ("list-sysctls", host(SecurityOpt=["no-new-privileges"]), ["security_opt"]),
    ("plain", host(MaskedPaths=[]), ["security_opt[systempaths]"]),
    ("plain", host(ReadonlyPaths=[]), ["security_opt[systempaths]"]),
    ("list-sysctls", host(Sysctls={"net.core.somaxconn": "2048", "kernel.msgmax": "1"}), ["sysctls.kernel.msgmax"]),
    ("list-sysctls", host(Sysctls={}), ["sysctls.net.core.somaxconn"]),
    ("plain", host(GroupAdd=["0"]), ["group_add"]),
    ("plain", host(PidMode="host"), ["pid"]),
    ("shares", host(PidMode="container:fields-outsider"), ["pid"]),
    ("shares", host(VolumesFrom=["fields-outsider"]), ["volumes_from"]),
    ("privileged", host(IpcMode="private"), ["ipc"]),
    ("devices", host(UTSMode=""), ["uts"]),
    ("plain", host(UTSMode="host"), ["uts"]),
    ("plain", host(UsernsMode="host"), ["userns_mode"]),
    ("devices", host(CgroupnsMode="private"), ["cgroup"]),
    ("plain", host(CgroupParent="/elsewhere"), ["cgroup_parent"]),
    ("devices", host(Runtime="io.containerd.runc.v2"), ["runtime"]),
    ("plain", host(PublishAllPorts=True), ["publish_all_ports"]),
    ("plain", host(AutoRemove=True), ["auto_remove"]),
    ("devices", host(LogConfig={"Type": "json-file", "Config": {"max-file": "4", "max-size": "10m"}}), ["logging.options.max-file"]),
    ("log-none", host(LogConfig={"Type": "local"}), ["logging.driver"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("service", "change", "paths"), CHANGES, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_change_behind_our_back_is_named(lab, service, change, paths):
    """A container made again with one thing changed differs in exactly that field."""
    observed = lab.observed(EVERY)
    original = lab.container(EVERY, service)

    found = compare_service(lab.service(EVERY, service), lab.copy(original, change), lab.world(EVERY, observed, {}))

    assert sorted(paths) == sorted(difference.path for difference in found), found


FROZEN = [
    ({"ShmSize": 1048576}, "shm_size"),
    ({"IpcMode": "shareable"}, "ipc"),
    ({"Runtime": "io.containerd.runc.v2"}, "runtime"),
    ({"CgroupnsMode": "private"}, "cgroup"),
    ({"LogConfig": {"Type": "local", "Config": {}}}, "logging.driver"),
    ({"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m"}}}, "logging.options.max-size"),
]


@pytest.mark.parametrize(("change", "path"), FROZEN, ids=[path for _, path in FROZEN])
def test_a_changed_default_is_named_while_it_is_recorded(lab, change, path):
    """A default that was recorded when the container was made counts; without the record it is not told."""
    observed = lab.observed(EVERY)
    original, service = lab.container(EVERY, "plain"), lab.service(EVERY, "plain")
    copy = replace(lab.copy(original, host(**change)), id=original.id)
    recorded = lab.world(EVERY, observed, lab.defaults(EVERY, observed))

    assert [path] == [difference.path for difference in compare_service(service, copy, recorded)]
    assert () == compare_service(service, copy, lab.world(EVERY, observed, {}))


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

    assert ["restart", "mem_limit", "memswap_limit", "cpu_shares"] == [difference.path for difference in changed]
    assert {"update"} == {difference.repair for difference in changed}

    _update(lab, one.id, update_resources(service, changed))

    assert _paths(lab, "limits") == []


def test_a_limit_that_nobody_asked_for_takes_a_recreate(lab):
    """The engine takes 0 for "leave it as it is": only the restart policy and the limit of processes can be taken away."""
    one, service = lab.container(EVERY, "health-part"), lab.service(EVERY, "health-part")
    _update(lab, one.id, {"PidsLimit": 50, "CpuShares": 100, "RestartPolicy": {"Name": "always"}})
    changed = compare_service(service, lab.container(EVERY, "health-part"), lab.world(EVERY, lab.observed(EVERY), {}))

    assert {"restart": "update", "cpu_shares": "recreate", "pids_limit": "update"} == {
        d.path: d.repair for d in changed
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
    """A network joined by hand is told by the engine's name, for it has no key."""
    one = lab.container(EVERY, "donor")
    lab.api.connect_container_to_network(one.id, "fields_back")
    world = lab.world(EVERY, lab.observed(EVERY), {})
    (found,) = compare_service(lab.service(EVERY, "donor"), lab.container(EVERY, "donor"), world)
    lab.api.disconnect_container_from_network(one.id, "fields_back")

    assert ("networks.fields_back", "fields_back", "reconnect") == (found.path, found.network, found.repair)


def test_a_rename_is_named(lab):
    """A container that was renamed differs in its name only, also once it was named back."""
    one = lab.container(EVERY, "plain")
    lab.api.rename(one.id, "other-name")
    renamed = _paths(lab, "plain")
    lab.api.rename(one.id, one.name)

    assert ["container_name"] == renamed
    assert [] == _paths(lab, "plain")


def test_a_vanished_network_is_named(lab):
    """A network made anew under its name is another network: who holds the old one cannot start."""
    world = lab.world(EVERY, lab.observed(EVERY), {})
    front = replace(world.networks["front"], ids=(HEX,))
    later = replace(world, networks={**world.networks, "front": front})
    (found,) = compare_service(lab.service(EVERY, "plain-front"), lab.container(EVERY, "plain-front"), later)

    assert ("networks.front.id", "recreate") == (found.path, found.repair)


def test_a_moved_tag_is_named(lab):
    """The content behind an unchanged reference is compared too."""
    world = lab.world(EVERY, lab.observed(EVERY), {})
    moved = replace(world, image_ids={**world.image_ids, "app:1": f"sha256:{HEX}"})
    (found,) = compare_service(lab.service(EVERY, "plain"), lab.container(EVERY, "plain"), moved)

    assert ("image.id", "recreate") == (found.path, found.repair)


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
    ),  # may be a default of the daemon: told only with a record
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
    """Each stated part of the address management is compared, and an option that was there when it was recorded."""
    wanted = next(one for one in lab.stacks[EVERY].networks if one.key == "static")
    document = lab.api.networks(names=["fields_static"])[0]
    pools = [
        {"Subnet": "10.251.0.0/16", "Gateway": "10.251.0.2", "IPRange": "10.251.0.0/17"},
        {"Subnet": "fd00:0:0:252::/64"},
    ]
    changed = {**document, "IPAM": {"Driver": "default", "Config": pools}, "Options": {"more": "1"}}
    found = compare_network(wanted, Network("x", "fields_static", document=changed), frozen={})
    place = "ipam.config[10.251.0.0/16]"

    assert [
        "driver_opts.com.docker.network.driver.mtu",
        "driver_opts.more",
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

    assert ["driver_opts.device", "driver_opts.o", "driver_opts.type", "labels.two"] == [
        difference.path for difference in found
    ]
    assert {"manual"} == {difference.repair for difference in found}
