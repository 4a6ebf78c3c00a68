"""The comparison: nothing differs in what was made, each single change is named, the table and its page are complete."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.model import DesiredObject, DesiredService, Network, Volume
from reconciler.plan import compare
from reconciler.plan.compare import (
    compare_network,
    compare_service,
    compare_volume,
    frozen_defaults,
    normal_network,
    normal_service,
    normal_volume,
    required_api,
)
from reconciler.plan.drift_doc import drift_page
from reconciler.plan.fields import SERVICE_FIELDS
from reconciler.plan.fields_told import JUDGED, UNSEEN
from reconciler.plan.world import World, default_ulimits
from tests.plan.engine_model import IDENTITY, IMAGE, IMAGE_ID, WORLD, made

WORD = st.text("abcdefghijklmnopqrstuvwxyz", min_size=1, max_size=6)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
LIMIT = st.integers(6_291_456, 2**40).map(str)
PORT = st.fixed_dictionaries(
    {"target": st.integers(1, 99), "protocol": st.sampled_from(["tcp", "udp"]), "mode": st.just("ingress")},
    optional={
        "published": st.integers(1024, 9999).map(str),
        "host_ip": st.sampled_from(["127.0.0.1", "::1", "0.0.0.0"]),
    },
)
MOUNT = st.one_of(
    st.builds(
        lambda t, r: {"type": "bind", "source": "/srv/x", "target": t, "read_only": r},
        WORD.map("/{}".format),
        st.booleans(),
    ),
    st.builds(
        lambda t: {"type": "volume", "source": "data", "target": t, "volume": {}}, st.sampled_from(["/data", "/v"])
    ),
)
ENDPOINT = {"aliases": ["b", "a", "b"], "ipv4_address": "10.0.0.9"}
DOCUMENT = st.fixed_dictionaries(
    {"image": st.just("app:1")},
    optional={
        "command": st.none() | st.lists(TEXT, max_size=3),
        "entrypoint": st.none() | st.lists(WORD, max_size=2),
        "environment": st.dictionaries(WORD | st.just("A"), st.none() | TEXT, max_size=4),
        "labels": st.dictionaries(WORD, TEXT, max_size=3),
        "working_dir": WORD.map("/{}".format),
        "user": WORD,
        "hostname": WORD,
        "restart": st.sampled_from(["no", "always", "unless-stopped"]),
        "tty": st.booleans(),
        "read_only": st.booleans(),
        "privileged": st.booleans(),
        "mem_limit": LIMIT,
        "pids_limit": st.integers(1, 1000),
        "cpus": st.integers(1, 400).map(lambda number: number / 100),
        "shm_size": LIMIT,
        "cap_add": st.lists(st.sampled_from(["NET_ADMIN", "CAP_SYS_TIME", "sys_nice"]), unique=True),
        "cap_drop": st.lists(st.sampled_from(["ALL", "KILL"]), unique=True),
        "sysctls": st.dictionaries(WORD, WORD, max_size=2),
        "ulimits": st.dictionaries(
            WORD, st.fixed_dictionaries({"soft": st.integers(1, 9), "hard": st.integers(9, 99)})
        ),
        "extra_hosts": st.lists(st.builds("{}={}".format, WORD, st.sampled_from(["::1", "10.0.0.1"])), max_size=3),
        "dns": st.lists(st.sampled_from(["9.9.9.9", "2606:4700::1"])),
        "security_opt": st.lists(st.sampled_from(["no-new-privileges:true", "apparmor=unconfined"]), unique=True),
        "expose": st.lists(st.sampled_from(["80", "90/udp", "100-102"]), unique=True),
        "ports": st.lists(PORT, max_size=4),
        "volumes": st.lists(MOUNT, max_size=3),
        "tmpfs": st.lists(st.sampled_from(["/run", "/data:size=1m"]), unique=True),
        "networks": st.fixed_dictionaries({"front": st.none() | st.just(ENDPOINT)}),
    },
)


def service(**document: Any) -> DesiredService:
    return DesiredService("app", {"image": "app:1", **document}, "")


def changed(container: Any, section: str, **values: Any) -> Any:
    inspect = copy.deepcopy(container.document)
    inspect[section] = {**inspect[section], **values}
    return replace(container, document=inspect)


def paths(wanted: DesiredService, container: Any, world: World = WORLD) -> list[str]:
    return [difference.path for difference in compare_service(wanted, container, world)]


# ── nothing differs ──────────────────────────────────────────────────────────────────────────────


@given(DOCUMENT)
@settings(deadline=None)
def test_what_was_just_made_does_not_differ(document):
    """A service and the container made of it are equal, whatever the service says."""
    wanted = DesiredService("app", document, "")

    assert paths(wanted, made(wanted)) == []
    assert paths(wanted, made(wanted), replace(WORLD, defaults={})) == []
    assert paths(wanted, made(wanted), replace(WORLD, images={})) == []


@given(DOCUMENT, DOCUMENT)
@settings(deadline=None)
def test_what_differs_is_what_was_said_differently(before, after):
    """What differs in a container made of another file is what the two files say differently, or follows from it."""
    old, new = DesiredService("app", before, ""), DesiredService("app", after, "")
    found = compare_service(new, made(old), WORLD)

    assert all(difference.desired != difference.observed for difference in found)
    stated = normal_service(before, WORLD), normal_service(after, WORLD)
    for difference in found:
        # an entrypoint drops the image's command, a tmpfs covers its volume
        follows = difference.path in {"command", "volumes[/data]"}
        assert follows or stated[0].get(difference.path) != stated[1].get(difference.path), difference


@given(DOCUMENT, DOCUMENT)
@settings(deadline=None)
def test_a_row_that_is_passed_over_says_nothing(before, after):
    """No row differs but those that are looked at: what is left out to be quick is the same on both sides."""
    old, new = DesiredService("app", before, ""), DesiredService("app", after, "")
    quick = compare_service(new, made(old), WORLD)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "_rows", lambda *_: SERVICE_FIELDS)
        assert compare_service(new, made(old), WORLD) == quick


@given(DOCUMENT)
@settings(deadline=None)
def test_the_record_of_what_was_made_is_complete(document):
    """The defaults recorded of a fresh container make nothing differ, whatever its service says."""
    wanted = DesiredService("app", document, "")
    recorded = frozen_defaults(made(wanted), document)

    assert paths(wanted, made(wanted), replace(WORLD, defaults={IDENTITY: recorded})) == []


@given(DOCUMENT)
def test_a_document_without_a_container_says_only_what_it_states(document):
    """The normal form of a document needs no engine, holds no unknowns, and is the same for the same document."""
    found = normal_service(document, WORLD)

    assert found == normal_service(copy.deepcopy(document), WORLD)
    assert None not in found.values()


# ── defaults ─────────────────────────────────────────────────────────────────────────────────────

INHERITED = [
    ("Config", {"User": "root"}, ["user"]),
    ("Config", {"User": ""}, ["user"]),
    ("Config", {"WorkingDir": ""}, ["working_dir"]),
    ("Config", {"Cmd": None}, ["command"]),
    ("Config", {"Entrypoint": None}, ["entrypoint"]),
    ("Config", {"Env": ["PATH=/bin"]}, ["environment.A"]),
    ("Config", {"Env": ["PATH=/bin", "A=image", "B="]}, ["environment.B"]),
    ("Config", {"Labels": {}}, ["labels.of.image"]),
    ("Config", {"ExposedPorts": {}}, ["expose[80/tcp]"]),
    ("Config", {"StopSignal": ""}, ["stop_signal"]),
    ("Config", {"Healthcheck": None}, ["healthcheck.interval", "healthcheck.retries", "healthcheck.test"]),
    ("HostConfig", {"Init": False}, ["init"]),
    ("Config", {"StopTimeout": 0}, ["stop_grace_period"]),
    ("HostConfig", {"MaskedPaths": []}, ["security_opt[systempaths]"]),
]


@pytest.mark.parametrize(("section", "values", "expected"), INHERITED, ids=str)
def test_a_default_is_compared(section, values, expected):
    """What the file leaves out must be as the image or the engine has it, also when the engine shows nothing at all."""
    assert paths(service(), changed(made(service()), section, **values)) == expected


@pytest.mark.parametrize("values", [values for section, values, _ in INHERITED[:10] if section == "Config"], ids=str)
def test_without_the_image_its_defaults_are_not_compared(values):
    """An image that is gone says nothing; what the file says still counts."""
    gone = replace(WORLD, images={})
    wanted = service(environment={"X": "1"})

    assert paths(service(), changed(made(service()), "Config", **values), gone) == []
    assert paths(wanted, changed(made(wanted), "Config", Env=["X=2"]), gone) == ["environment.X"]


FROZEN = [
    ({"ShmSize": 1}, "shm_size"),
    ({"IpcMode": "host"}, "ipc"),
    ({"Runtime": "other"}, "runtime"),
    ({"CgroupnsMode": "private"}, "cgroup"),
    ({"LogConfig": {"Type": "local", "Config": {}}}, "logging.driver"),
]


@pytest.mark.parametrize(("values", "path"), FROZEN, ids=[path for _, path in FROZEN])
def test_a_recorded_default_of_the_daemon_is_compared(values, path):
    """A default of the daemon counts as it was recorded; when nobody recorded it, it is not told."""
    container = changed(made(service()), "HostConfig", **values)

    assert paths(service(), container) == [path]
    assert paths(service(), container, replace(WORLD, defaults={})) == []


def test_a_value_no_longer_asked_for_is_told_without_a_record():
    """What we asked for last time and no longer do is no unknown default: it has to go."""
    container = changed(made(service()), "HostConfig", ShmSize=1048576)
    world = replace(WORLD, defaults={}, applied={"app": {"shm_size": 1048576}})

    assert paths(service(), container, world) == ["shm_size"]


def test_what_the_file_says_is_not_recorded_as_a_default():
    """Else taking it out of the file again would go unseen."""
    wanted = service(
        shm_size="1048576",
        logging={"driver": "json-file", "options": {"max-size": "1m"}},
        environment={"NO_PROXY": "x"},
    )
    container = changed(
        made(wanted), "HostConfig", LogConfig={"Type": "json-file", "Config": {"max-size": "1m", "tag": "t"}}
    )
    recorded: Any = frozen_defaults(changed(container, "Config", Env=["NO_PROXY=x", "HTTP_PROXY=y"]), wanted.document)

    assert "ShmSize" not in recorded
    assert recorded["LogConfig"] == {"Type": "json-file", "Config": {"tag": "t"}}
    assert recorded["Env"] == {"HTTP_PROXY": "y"}


def test_proxies_of_the_client_are_no_difference():
    """A client's settings put proxy variables into what it makes: they count as they were recorded."""
    container = changed(made(service()), "Config", Env=["PATH=/bin", "A=image", "HTTP_PROXY=a"])
    recorded = {IDENTITY: {**WORLD.defaults[IDENTITY], "Env": {"HTTP_PROXY": "a"}}}
    other = {IDENTITY: {**WORLD.defaults[IDENTITY], "Env": {"HTTP_PROXY": "b"}}}

    assert paths(service(), container, replace(WORLD, defaults=recorded)) == []
    assert paths(service(), container, replace(WORLD, defaults={})) == []
    assert paths(service(), container, replace(WORLD, defaults=other)) == ["environment.HTTP_PROXY"]
    assert paths(service(), container) == ["environment.HTTP_PROXY"]


def test_ulimits_of_the_daemon_are_no_difference():
    """A default of the daemon shows in every container; a limit that only some have was set by somebody."""
    limited = changed(made(service()), "HostConfig", Ulimits=[{"Name": "nofile", "Soft": 1, "Hard": 2}])

    assert default_ulimits([limited, limited]) == {"nofile"}
    assert default_ulimits([limited, made(service())]) == frozenset()
    assert paths(service(), limited, replace(WORLD, ulimits=frozenset({"nofile"}))) == []
    assert paths(service(), limited) == ["ulimits.nofile"]


@pytest.mark.parametrize(
    ("document", "flag"),
    [({"mem_limit": "67108864"}, "MemoryLimit"), ({"pids_limit": 5}, "PidsLimit"), ({"cpu_shares": 5}, "CPUShares")],
    ids=str,
)
def test_a_limit_the_kernel_does_not_know_is_no_difference(document, flag):
    """The engine drops such limits with a warning; to ask for them again and again would change nothing."""
    assert paths(service(**document), made(service()))
    assert paths(service(**document), made(service()), replace(WORLD, info={flag: False})) == []


def test_swap_cannot_be_limited_everywhere():
    """Without swap accounting the engine turns the limit of memory and swap off by itself."""
    wanted = service(mem_limit="67108864")
    container = changed(made(wanted), "HostConfig", MemorySwap=-1)

    assert paths(wanted, container) == ["memswap_limit"]
    assert paths(wanted, container, replace(WORLD, info={"SwapLimit": False})) == []


# ── versions and spellings ───────────────────────────────────────────────────────────────────────


def test_a_container_that_is_called_like_its_service() -> None:
    """`container_name: app` of the service app: the alias, which is its name too, is neither missing nor too many."""
    assert paths(service(container_name="app"), made(service(container_name="app"))) == []


@pytest.mark.parametrize("version", ["1.41", "1.44"])
@pytest.mark.parametrize("hostname", ["host7", "app", "other"])
def test_older_engines_add_aliases_of_their_own(version, hostname):
    """Up to API 1.44 the short id and the host name are among the aliases; the host name may be one of them anyway."""
    wanted = service(hostname=hostname, networks={"default": {"aliases": ["other"]}})
    container = made(wanted)
    shown = container.document["NetworkSettings"]["Networks"]["web_default"]
    shown["Aliases"] = list(dict.fromkeys([*shown["Aliases"], IDENTITY[:12], hostname]))

    assert paths(wanted, container, replace(WORLD, api_version=version)) == []
    assert paths(wanted, container) == ["networks.default.aliases"]


GPU = [{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}]


@pytest.mark.parametrize(
    ("version", "expected"), [("2.26.1", []), ("2.30.0", ["deploy.resources.reservations.devices"])]
)
def test_gpus_count_from_the_compose_that_sends_them(version, expected):
    """Compose renders `gpus` long before it applies them."""
    wanted = service(gpus=[{"count": -1}])
    container = replace(made(wanted), labels={"com.docker.compose.version": version})

    assert paths(wanted, container) == expected
    if expected:
        assert paths(wanted, changed(container, "HostConfig", DeviceRequests=GPU)) == []


@pytest.mark.parametrize(
    ("document", "section", "values"),
    [
        ({"image": "docker.io/library/app:1"}, "Config", {}),
        ({"devices": ["/dev/a:/dev/b:wr"]}, "HostConfig", {
            "Devices": [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "rw"}]}),
        ({"ulimits": {"memlock": -1}}, "HostConfig", {"Ulimits": [{"Name": "memlock", "Soft": -1, "Hard": -1}]}),
        ({"pids_limit": -1}, "HostConfig", {"PidsLimit": None}),
        ({"stop_grace_period": "1.5s"}, "Config", {"StopTimeout": 1}),
        ({"annotations": {"a": None}}, "HostConfig", {"Annotations": {"a": ""}}),
        ({"security_opt": ["label:user:u"]}, "HostConfig", {"SecurityOpt": ["label=user:u"]}),
        ({"expose": ["5000-5002"]}, "Config", {"ExposedPorts": {"80/tcp": {}, "5000-5002": {}}}),
        ({"healthcheck": {"interval": "0s", "retries": 9}}, "Config", {
            "Healthcheck": {"Test": ["CMD", "check"], "Interval": 5_000_000_000, "Retries": 9}}),
        ({"healthcheck": {"disable": True}}, "Config", {"Healthcheck": {"Test": ["NONE"]}}),
        ({"dns": ["2606:4700:4700:0::1111"]}, "HostConfig", {"Dns": ["2606:4700:4700::1111"]}),
        ({"ipc": "host"}, "HostConfig", {"IpcMode": "host", "SecurityOpt": ["label=disable"]}),
        ({"cpus": 0.1 + 0.2}, "HostConfig", {"NanoCpus": 300000012}),
        ({"deploy": {"resources": {"limits": {"memory": "67108864", "cpus": "0.5", "pids": 9}}}}, "HostConfig", {
            "Memory": 67108864, "MemorySwap": 134217728, "NanoCpus": 500000000, "PidsLimit": 9}),
        ({"blkio_config": {"device_read_bps": [{"Path": "/dev/a", "Rate": "12"}]}}, "HostConfig", {
            "BlkioDeviceReadBps": [{"Path": "/dev/a", "Rate": 12}]}),
        ({"sysctls": {"net.ipv4.conf.eth0.rp_filter": "0"}}, "HostConfig", {"Sysctls": {}}),
        ({"blkio_config": {"weight": 300}}, "HostConfig", {"BlkioWeight": 0}),
        ({"environment": {"t=3": None}}, "Config", {"Env": ["PATH=/bin", "A=image", "t=3"]}),
    ],
    ids=str,
)  # fmt: skip
def test_other_spellings_are_equal(document, section, values):
    """Compose and engine may say one thing in two ways."""
    wanted = service(**document)

    assert paths(wanted, changed(made(wanted), section, **values)) == []


def test_a_limit_around_the_data_root_gets_another_propagation():
    """The engine makes a bind that holds its own folder `rslave` by itself."""
    wanted = service(volumes=[{"type": "bind", "source": "/", "target": "/rootfs", "bind": {"create_host_path": True}}])
    container = made(wanted)
    container.document["Mounts"][-1]["Propagation"] = "rslave"

    assert paths(wanted, container) == []

    container.document["Mounts"][-1]["Propagation"] = "rshared"

    assert paths(wanted, container) == ["volumes[/rootfs]"]


def test_namespaces_are_told_by_the_other_container():
    """`service:x` is equal while the engine's id is one of x's containers, and differs once x was made anew."""
    wanted = service(network_mode="service:db", pid="service:db", volumes_from=["db:ro"])
    mode = f"container:{'d' * 64}"
    container = changed(made(wanted), "HostConfig", NetworkMode=mode, PidMode=mode, VolumesFrom=["d" * 64])
    container.document["NetworkSettings"]["Networks"] = {}
    container = changed(container, "Config", Hostname="of-the-other")

    assert paths(wanted, container, replace(WORLD, peers={"db": ("d" * 64,)})) == []
    assert paths(wanted, container, replace(WORLD, peers={"db": ("e" * 64,)})) == [
        "network_mode",
        "volumes_from",
        "pid",
    ]


def test_file_configs_and_secrets_are_read_only_binds():
    """A config or secret that is a file is told by its mount; one that is copied in has none."""
    wanted = service(
        configs=[{"source": "app"}, {"source": "inline"}], secrets=[{"source": "key", "target": "/run/secrets/key"}]
    )
    world = replace(
        WORLD, configs={"app": {"file": "/s/app"}, "inline": {"content": "x"}}, secrets={"key": {"file": "/s/key"}}
    )
    container = made(wanted)
    container.document["Mounts"] += [
        {"Type": "bind", "Source": "/s/app", "Destination": "/app", "RW": False, "Propagation": "rprivate"},
        {"Type": "bind", "Source": "/s/key", "Destination": "/run/secrets/key", "RW": True, "Propagation": "rprivate"},
    ]

    assert paths(wanted, container, world) == ["volumes[/run/secrets/key]"]


# ── images, networks, volumes ────────────────────────────────────────────────────────────────────


def test_the_content_behind_a_reference_is_compared():
    """A moved tag is told once, as content; another reference is told as reference."""
    moved = replace(WORLD, image_ids={"app:1": "sha256:" + "2" * 64})
    assert paths(service(), made(service()), moved) == ["image.id"]
    assert paths(service(image="app:2"), made(service()), replace(WORLD, image_ids={"app:2": IMAGE_ID})) == ["image"]


def test_a_lost_network_is_told_once():
    """That a network is missing says it all; its aliases are not told too, and it can be joined in place."""
    container = made(service(networks={"front": {"aliases": ["a"]}, "default": None}))
    del container.document["NetworkSettings"]["Networks"]["web_front"]
    (found,) = compare_service(service(networks={"front": {"aliases": ["a"]}, "default": None}), container, WORLD)

    assert (found.path, found.repair, found.network) == ("networks.front", "reconnect", "front")


def test_objects_are_compared_whole():
    """Networks and volumes: one option or label too many differs, external ones never do."""
    network = DesiredObject("n", "web_n", {"name": "web_n", "driver_opts": {"mtu": 1400}, "labels": {"a": "1"}})
    shown: Any = {
        "Driver": "bridge",
        "Options": {"mtu": "1400"},
        "Labels": {"a": "1", "com.docker.compose.network": "n"},
    }
    volume = DesiredObject("v", "web_v", {"name": "web_v"})

    assert compare_network(network, Network("x", "web_n", document=shown)) == ()
    other = {**shown, "Internal": True, "Labels": {}, "Options": {"mtu": "1400", "extra": "1"}}
    found = compare_network(network, Network("x", "web_n", document=other))
    assert [(d.path, d.repair) for d in found] == [("internal", "remake"), ("labels.a", "remake")]
    assert compare_network(replace(network, external=True), Network("x", "web_n", document=other)) == ()
    assert compare_volume(volume, Volume("web_v", document={"Driver": "local", "Options": None})) == ()
    (lost,) = compare_volume(volume, Volume("web_v", document={"Driver": "nfs", "Options": {}}))
    assert (lost.path, lost.repair) == ("driver", "manual")
    assert normal_network(network.document)["driver_opts.mtu"] == "1400"
    assert normal_volume(volume.document) == {"driver": "local"}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({}, ()),
        ({"healthcheck": {"start_interval": "5s"}}, (("healthcheck.start_interval", "1.44"),)),
        ({"networks": {"front": {"mac_address": "x"}, "b": None}}, (("networks.front.mac_address", "1.44"),)),
        (
            {"volumes": [{"type": "volume", "target": "/d", "volume": {"subpath": "x"}}]},
            (("volumes[/d].volume.subpath", "1.45"),),
        ),
        ({"annotations": {"a": "b"}}, (("annotations", "1.43"),)),
        ({"enable_ipv4": False}, (("enable_ipv4", "1.48"),)),
    ],
    ids=str,
)
def test_fields_that_need_a_newer_engine_are_known(document, expected):
    """Each is found in the rendered service or network, before anything is made."""
    assert required_api(document) == expected


# ── the table ────────────────────────────────────────────────────────────────────────────────────

KEYS_OF_A_SERVICE = """
annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name
cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec
depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file
environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc
isolation label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit
models network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_start
pre_stop privileged profiles provider pull_policy pull_refresh_after read_only restart runtime scale secrets
security_opt shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits
use_api_socket user userns_mode uts volumes volumes_from working_dir
"""
"""The keys of a service that the compose specification knows (5.5); a new one belongs into the table or among the unseen."""


@pytest.mark.parametrize("key", KEYS_OF_A_SERVICE.split())
def test_every_key_of_a_service_is_accounted_for(key):
    """A key is compared, judged by the planner, or told as not compared, with the reason."""
    compared = {read for field in SERVICE_FIELDS for read in field.reads}

    assert key in compared | {row.path for row in JUDGED} | set(UNSEEN)


def test_the_page_is_made_from_the_table():
    """docs/drift.md says what the code does; CONTRIBUTING.md says how it is made anew."""
    page = Path(__file__).parents[2] / "docs/drift.md"

    assert page.read_text() == drift_page()


def test_the_image_of_the_model_is_not_empty():
    """The properties would prove little if the image said nothing."""
    assert all(IMAGE.values())
