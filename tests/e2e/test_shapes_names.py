"""How many, and what they are called: replicas, names, published ports, and all of these moving in one commit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.host import Host
from tests.e2e.story import blocked, ids, kept, settle, steps

PORT = 18080


@pytest.fixture
def names(host: Host, unique: Callable[[str], str]) -> Iterator[list[str]]:
    """Three names of stacks that are cleared away in the end."""
    found = [unique(word) for word in ("one", "two", "three")]
    yield found
    host.clear(*found)


SCALED = """\
services:
  app: {image: app:1, scale: %s}
  rest: {image: app:1, deploy: {replicas: %s}}
"""


def test_replicas_come_and_go_and_the_others_stay(host, names):
    """More are made beside those that run, the last are taken away first, and one that is gone comes back alone."""
    (name, *_) = names
    app = [f"{name}-app-{number}" for number in (1, 2, 3)]
    host.push({f"stacks/{name}/compose.yaml": SCALED % (1, 2)})
    before = settle(host, name)
    assert set(before) == {app[0], f"{name}-rest-1", f"{name}-rest-2"}

    host.push({f"stacks/{name}/compose.yaml": SCALED % (3, 1)})
    assert steps(host) == [
        f"remove {name}-rest-2 (removed)", f"create {app[1]} (change)", f"create {app[2]} (change)",
    ]  # fmt: skip
    three = settle(host, name)
    assert kept(before, three) == {app[0], f"{name}-rest-1"}

    host.api.kill(app[0])
    host.api.update_container(app[2], restart_policy={"Name": "always"})
    host.api.remove_container(app[1], force=True)
    assert sorted(steps(host)) == [
        f"create {name}-app-4 (missing)", f"start {app[0]} (drift)", f"update {app[2]} (drift)",
    ]  # fmt: skip
    mended = settle(host, name)
    assert kept(three, mended) == {app[0], app[2], f"{name}-rest-1"}

    host.push({f"stacks/{name}/compose.yaml": SCALED % (2, 1)})
    assert steps(host) == [f"remove {name}-app-4 (removed)"]
    assert kept(mended, settle(host, name)) == {app[0], app[2], f"{name}-rest-1"}


NAMED = """\
services:
  %s: {image: app:1, container_name: "%s", volumes: ["data:/data"]}
  other: {image: app:1}
volumes: {data: {}}
"""


def test_a_container_and_a_service_get_other_names(host, names):
    """A new container_name is a rename in place; a service with a new name takes over name and volume of the old."""
    (name, *_) = names
    host.push({f"stacks/{name}/compose.yaml": NAMED % ("app", f"{name}-first")})
    before = settle(host, name)

    host.push({f"stacks/{name}/compose.yaml": NAMED % ("app", f"{name}-second")})
    # the network knows the container by its former name, too
    assert steps(host) == [f"{kind} {name}-first (change)" for kind in ("rename", "disconnect", "connect")]
    renamed = settle(host, name)
    assert renamed[f"{name}-second"] == before[f"{name}-first"]

    host.push({f"stacks/{name}/compose.yaml": NAMED % ("web", f"{name}-second")})
    assert steps(host) == [f"remove {name}-second (removed)", f"create {name}-second (change)"]
    after = settle(host, name)
    assert kept(renamed, after) == {f"{name}-other-1"}
    assert host.containers(name)[f"{name}-second"]["Config"]["Labels"]["com.docker.compose.service"] == "web"


def test_two_containers_swap_their_names(host, names):
    """What cannot be renamed in one step is done all the same, and nothing is left over."""
    (name, *_) = names
    text = "services:\n  a: {image: app:1, container_name: %s}\n  b: {image: app:1, container_name: %s}\n"
    host.push({f"stacks/{name}/compose.yaml": text % (f"{name}-x", f"{name}-y")})
    settle(host, name)

    host.push({f"stacks/{name}/compose.yaml": text % (f"{name}-y", f"{name}-x")})
    settle(host, name)

    found = host.containers(name)
    assert {n: c["Config"]["Labels"]["com.docker.compose.service"] for n, c in found.items()} == {
        f"{name}-x": "b", f"{name}-y": "a",
    }  # fmt: skip


PORTS = """\
services:
  a: {image: app:1%s}
  b: {image: app:1, depends_on: [a]%s}
  c: {image: app:1}
"""
PUBLISHED = ', ports: ["127.0.0.1:%d:80"]'


def test_a_published_port_moves_to_another_service(host, names):
    """The old holder lets go first, in the same apply, even when it comes after the new one in the order of the stack."""
    (name, *_) = names
    port = PUBLISHED % PORT
    host.push({f"stacks/{name}/compose.yaml": PORTS % (port, "")})
    before = settle(host, name)

    for now in (("", port), (port, "")):
        host.push({f"stacks/{name}/compose.yaml": PORTS % now})
        assert blocked(host) == []
        both = [f"recreate {name}-a-1 (change)", f"recreate {name}-b-1 (change)"]
        assert steps(host) == [*([f"stop {name}-b-1 (cascade)"] if now[0] else []), *both]
        after = settle(host, name)
        assert kept(before, after) == {f"{name}-c-1"}


def test_ports_change_hands_between_services(host, names):
    """Two services swap their ports in one commit."""
    (name, *_) = names
    one, two = PUBLISHED % PORT, PUBLISHED % (PORT + 1)
    host.push({f"stacks/{name}/compose.yaml": PORTS % (one, two)})
    before = settle(host, name)

    host.push({f"stacks/{name}/compose.yaml": PORTS % (two, one)})

    assert kept(before, settle(host, name)) == {f"{name}-c-1"}


def test_a_published_port_moves_to_another_stack(host, names):
    """In one commit and one apply: the stack that gives it up comes first, whatever their names are."""
    port = PUBLISHED % PORT
    first, second, third = names
    host.push({
        f"stacks/{first}/compose.yaml": PORTS % (port, ""),
        f"stacks/{second}/compose.yaml": PORTS % ("", ""),
        f"stacks/{third}/compose.yaml": PORTS % ("", ""),
    })  # fmt: skip
    before = settle(host, *names)

    for giver, taker in ((first, second), (second, first)):
        host.push({
            f"stacks/{giver}/compose.yaml": PORTS % ("", ""),
            f"stacks/{taker}/compose.yaml": PORTS % (port, ""),
        })  # fmt: skip
        assert blocked(host) == []
        assert set(steps(host)) == {f"recreate {giver}-a-1 (change)", f"recreate {taker}-a-1 (change)"}
        after = settle(host, *names)
        assert kept(before, after) == set(before) - {f"{giver}-a-1", f"{taker}-a-1"}
        before = after


def test_a_port_and_a_name_are_free_once_their_stack_is_gone(host, names):
    """A stack is replaced by another one with the same port and container_name, in one apply."""
    text = f"services:\n  app: {{image: app:1, container_name: {names[0]}-x{PUBLISHED % PORT}}}\n"
    rest = "services:\n  app: {image: app:1}\n"
    host.push({f"stacks/{names[0]}/compose.yaml": text, f"stacks/{names[2]}/compose.yaml": rest})
    before = settle(host, *names)
    host.push({f"stacks/{names[0]}/compose.yaml": None, f"stacks/{names[1]}/compose.yaml": text})

    assert blocked(host) == []
    after = settle(host, *names)

    assert kept(before, after) == {f"{names[2]}-app-1"}
    assert set(ids(host, names[1])) == {f"{names[0]}-x"}


def test_a_project_gets_another_name(host, names):
    """A top-level name: that changes takes the stack along; nothing of the former project stays but its volume."""
    folder, before, after = names
    text = 'name: %s\nservices:\n  app: {image: app:1, volumes: ["data:/data"]}\nvolumes: {data: {}}\n'
    host.push({f"stacks/{folder}/compose.yaml": text % before})
    settle(host, before)
    host.push({f"stacks/{folder}/compose.yaml": text % after})

    assert f"remove {before}-app-1 (removed)" in steps(host)
    assert set(settle(host, before, after)) == {f"{after}-app-1"}
    assert not host.api.networks(names=[f"{before}_default"])
    assert host.api.inspect_volume(f"{before}_data")


def test_a_folder_is_renamed_and_the_project_keeps_its_name(host, names):
    """In one apply the stack is taken away under its former folder and made under the new one; its volume is kept."""
    folder, moved, project = names
    text = f'name: {project}\nservices:\n  app: {{image: app:1, volumes: ["data:/data"]}}\nvolumes: {{data: {{}}}}\n'
    host.push({f"stacks/{folder}/compose.yaml": text, f"stacks/{folder}-rest/compose.yaml": PORTS % ("", "")})
    settle(host, project)
    host.git("mv", f"stacks/{folder}", f"stacks/{moved}")
    host.push({})

    assert steps(host) == [
        f"remove {project}-app-1 (removed)", f"remove {project}_default (removed)",
        f"create {project}_default (missing)", f"create {project}-app-1 (missing)",
    ]  # fmt: skip
    settle(host, project)

    (found,) = host.containers(project).values()
    assert found["State"]["Running"]
    assert found["Config"]["Labels"]["com.docker.compose.project.working_dir"] == str(host.stacks_dir / moved)
    assert found["Mounts"][0]["Name"] == f"{project}_data"
    assert set(host.status()["stacks"]) == {moved, f"{folder}-rest"}
    host.clear(f"{folder}-rest")
