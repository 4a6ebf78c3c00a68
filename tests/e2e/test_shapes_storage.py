"""What containers hang on: networks, volumes, files, configs and secrets, in the shapes in which people write them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.host import Host
from tests.e2e.story import blocked, ids, kept, settle, shell, steps


@pytest.fixture
def stack(host: Host, unique: Callable[[str], str]) -> Iterator[str]:
    """The name of a stack that is cleared away in the end."""
    name = unique("shape")
    yield name
    host.clear(name)


NETWORKS = """\
services:
  app: {image: app:1, networks: {front: {aliases: [web, www], ipv4_address: 172.30.7.10}, back: null}}
  back: {image: app:1, networks: [back]}
  usual: {image: app:1}
  host: {image: app:1, network_mode: host}
  none: {image: app:1, network_mode: none}
networks:
  default: {name: "%(stack)s-renamed"}
  front: {ipam: {config: [{subnet: 172.30.7.0/24}]}, driver_opts: {com.docker.network.driver.mtu: "1400"}}
  back: {internal: true}
"""


def test_networks_of_every_kind(host, stack):
    """They come out as written, a connection that somebody cut is made again in place, and a dropped one goes."""
    text = NETWORKS % {"stack": stack}
    host.push({f"stacks/{stack}/compose.yaml": text})
    before = settle(host, stack)
    assert set(host.containers(stack)[f"{stack}-usual-1"]["NetworkSettings"]["Networks"]) == {f"{stack}-renamed"}

    host.api.disconnect_container_from_network(f"{stack}-app-1", f"{stack}_front")
    host.api.connect_container_to_network(f"{stack}-usual-1", f"{stack}_back")
    assert steps(host) == [f"connect {stack}-app-1 (drift)", f"disconnect {stack}-usual-1 (drift)"]
    assert settle(host, stack) == before
    front = host.containers(stack)[f"{stack}-app-1"]["NetworkSettings"]["Networks"][f"{stack}_front"]
    assert front["IPAMConfig"]["IPv4Address"] == "172.30.7.10"
    assert {"web", "www", "app"} <= set(front["Aliases"])

    less = text.replace(", back: null", "").replace("  back: {image: app:1, networks: [back]}\n", "")
    host.push({f"stacks/{stack}/compose.yaml": less.replace("  back: {internal: true}\n", "")})
    assert sorted(steps(host)) == [
        f"disconnect {stack}-app-1 (change)", f"remove {stack}-back-1 (removed)", f"remove {stack}_back (removed)",
    ]  # fmt: skip
    after = settle(host, stack)
    assert kept(before, after) == set(before) - {f"{stack}-back-1"}
    assert not host.api.networks(names=[f"{stack}_back"])


def test_a_stranger_on_a_network_is_not_cut_off(host, stack):
    """A network that must be made again and holds a container of somebody else waits for a person."""
    host.push({f"stacks/{stack}/compose.yaml": NETWORKS % {"stack": stack}})
    before = settle(host, stack)
    lone = host.api.create_container("app:1", name=f"{stack}-lone")["Id"]
    host.api.start(lone)
    host.api.connect_container_to_network(lone, f"{stack}_front")
    changed = (NETWORKS % {"stack": stack}).replace('"1400"', '"1300"')
    host.push({f"stacks/{stack}/compose.yaml": changed})

    assert blocked(host) == [f"stack/{stack}/network/front ForeignProject"]
    assert f"{stack}-lone" in host.plan()["blocked"][0]["text"]
    host.apply(code=3)
    assert ids(host, stack) == before

    host.api.remove_container(lone, force=True)
    after = settle(host, stack)
    assert kept(before, after) == set(before) - {f"{stack}-app-1"}
    (front,) = host.api.networks(names=[f"{stack}_front"])
    assert front["Options"]["com.docker.network.driver.mtu"] == "1300"


EXTERNAL = """\
services:
  app: {image: app:1, networks: [out], volumes: ["theirs:/theirs"]}
  rest: {image: app:1}
networks: {out: {external: true, name: %(stack)s-out}}
volumes: {theirs: {external: true, name: %(stack)s-theirs}}
"""


def test_external_networks_and_volumes_are_left_to_their_owner(host, stack):
    """Missing, they block; made again under the same name, the containers that hold the vanished one follow."""
    host.push({f"stacks/{stack}/compose.yaml": EXTERNAL % {"stack": stack}})
    assert blocked(host) == [
        f"stack/{stack}/network/out ExternalMissing",
        f"stack/{stack}/volume/theirs ExternalMissing",
    ]

    host.api.create_network(f"{stack}-out")
    host.api.create_volume(f"{stack}-theirs")
    before = settle(host, stack)

    host.api.disconnect_container_from_network(f"{stack}-app-1", f"{stack}-out")
    host.api.remove_network(f"{stack}-out")
    host.api.create_network(f"{stack}-out")
    assert steps(host) == [f"recreate {stack}-app-1 (drift)"]  # compose binds it to the network's id
    before = settle(host, stack)

    # stopped by hand first: now it holds the id of a network that is no more, and could never start
    host.api.stop(f"{stack}-app-1")
    host.api.remove_network(f"{stack}-out")
    host.api.create_network(f"{stack}-out")
    assert steps(host) == [f"recreate {stack}-app-1 (drift)"]
    after = settle(host, stack)
    assert kept(before, after) == {f"{stack}-rest-1"}

    host.push({f"stacks/{stack}/compose.yaml": "services:\n  rest: {image: app:1}\n"})
    settle(host, stack)
    assert host.api.networks(names=[f"{stack}-out"])
    assert host.api.inspect_volume(f"{stack}-theirs")
    host.api.remove_network(f"{stack}-out")
    host.api.remove_volume(f"{stack}-theirs")


VOLUMES = """\
services:
  app:
    image: app:1
    environment: {A: "%(a)s"}
    volumes: ["%(key)s:/data", "/anonymous", {type: bind, source: ./made, target: /made, bind: {create_host_path: true}}]
    tmpfs: [/scratch]
  rest: {image: app:1}
volumes: {%(key)s: {name: "%(stack)s-%(key)s"}}
"""


def test_volumes_keep_what_is_in_them(host, stack):
    """A new container finds named and anonymous volumes as they were; a volume that git drops stays on the engine."""
    app = f"{stack}-app-1"
    host.push({f"stacks/{stack}/compose.yaml": VOLUMES % {"stack": stack, "a": 1, "key": "one"}})
    before = settle(host, stack)
    shell(host, app, "for to in data anonymous made scratch; do echo kept > /$to/x; done")
    assert (host.stacks_dir / stack / "made" / "x").read_text() == "kept\n"

    host.push({f"stacks/{stack}/compose.yaml": VOLUMES % {"stack": stack, "a": 2, "key": "one"}})
    assert steps(host) == [f"recreate {app} (change)"]
    after = settle(host, stack)
    assert kept(before, after) == {f"{stack}-rest-1"}
    assert shell(host, app, "cat /data/x /anonymous/x /made/x /scratch/x 2>/dev/null") == "kept\n" * 3

    host.push({f"stacks/{stack}/compose.yaml": VOLUMES % {"stack": stack, "a": 2, "key": "two"}})
    assert steps(host) == [f"create {stack}-two (change)", f"recreate {app} (change)"]
    settle(host, stack)
    assert shell(host, app, "ls /data; cat /anonymous/x") == "kept\n"
    assert host.api.inspect_volume(f"{stack}-one")

    host.push({f"stacks/{stack}/compose.yaml": "services:\n  rest: {image: app:1}\n"})
    assert kept(before, settle(host, stack)) == {f"{stack}-rest-1"}
    assert host.api.inspect_volume(f"{stack}-two")
    assert (host.stacks_dir / stack / "made" / "x").read_text() == "kept\n"


INPUTS = """\
services:
  file: {image: app:1, configs: [{source: file, target: /etc/app.conf}]}
  inline: {image: app:1, configs: [{source: inline, target: /etc/app.conf}]}
  environment: {image: app:1, secrets: [environment]}
  folder: {image: app:1, volumes: ["./conf:/conf:ro"]}
  rest: {image: app:1, read_only: true}
configs:
  file: {file: ./app.conf}
  inline: {content: "%(inline)s"}
secrets:
  environment: {environment: SECRET}
"""


def test_new_content_reaches_who_reads_it(host, stack):
    """Of configs, secrets and a mounted folder only what has changed takes its service along, with as little as will do."""
    files = {f"stacks/{stack}/conf/{name}": f"{name}\n" for name in ("a", "b")}
    host.push({
        f"stacks/{stack}/compose.yaml": INPUTS % {"inline": "one"},
        f"stacks/{stack}/app.conf": "one\n",
        f"stacks/{stack}/.env": "SECRET=hunter2one\n",
        **files,
    })  # fmt: skip
    before = settle(host, stack)

    changes = [
        ({"app.conf": "two\n"}, f"restart {stack}-file-1 (input)"),
        ({"compose.yaml": INPUTS % {"inline": "two"}}, f"recreate {stack}-inline-1 (input)"),
        ({".env": "SECRET=hunter2two\n"}, f"recreate {stack}-environment-1 (input)"),
        ({"conf/b": "two\n"}, f"restart {stack}-folder-1 (input)"),
    ]
    for files, step in changes:
        host.push({f"stacks/{stack}/{name}": text for name, text in files.items()})
        assert steps(host) == [step]
        after = settle(host, stack)
        assert {name for name in before if before[name] != after[name]} == {
            name for name in before if f"recreate {name} " in step
        }
        before = after

    assert shell(host, f"{stack}-file-1", "cat /etc/app.conf") == "two\n"
    assert shell(host, f"{stack}-inline-1", "cat /etc/app.conf") == "two"
    assert shell(host, f"{stack}-environment-1", "cat /run/secrets/environment") == "hunter2two"
    assert shell(host, f"{stack}-folder-1", "cat /conf/a /conf/b") == "a\ntwo\n"
