"""What is changed behind our back is named field by field, repaired as gently as can be, and then nothing differs any more."""

from __future__ import annotations

from typing import Any

import pytest

COMPOSE = """
services:
  app:
    image: app:1
    environment: {A: "1"}
    mem_limit: 64m
    restart: unless-stopped
    ulimits: {nofile: 1024}
    networks: {front: {aliases: [web]}, back: }
    volumes: [data:/data]
    logging: {options: {max-size: 1m}}
  other:
    image: app:1
    networks: [front]
networks:
  front: {ipam: {config: [{subnet: 10.253.7.0/24}]}}
  back:
volumes:
  data:
"""


@pytest.fixture
def name(host, unique):
    """A stack of two ordinary services, applied."""
    name = unique("drift")
    host.push(
        {f"stacks/{name}/compose.yaml": COMPOSE.replace("10.253.7", f"10.253.{int(name.removeprefix('drift')) % 256}")}
    )
    host.apply()
    yield name
    host.clear(name)


def fields(host: Any) -> dict[str, list[str]]:
    """Return the fields that the plan names, by kind of action."""
    found: dict[str, list[str]] = {}
    for action in host.plan()["actions"]:
        assert action["because"] == "drift"
        found.setdefault(action["kind"], []).extend(field["path"] for field in action["fields"])
    return found


def test_nothing_differs_after_an_apply_with_and_without_the_record(host, name):
    """The second plan is empty, and so is one without the state database."""
    assert host.actions() == []

    for file in host.state_dir.glob("state.db*"):
        file.unlink()

    assert host.actions() == []


def test_what_can_be_mended_in_place_is(host, name):
    """Name, limits, restart policy and networks come back, and the container is still the same."""
    before = host.ids(name)
    app = before[f"{name}-app-1"]
    host.api.update_container(app, mem_limit=80_000_000, memswap_limit=160_000_000, restart_policy={"Name": "no"})
    host.api.disconnect_container_from_network(app, f"{name}_front")
    host.api.connect_container_to_network(before[f"{name}-other-1"], f"{name}_back")
    host.api.rename(app, f"{name}-stolen")

    assert fields(host) == {
        "rename": ["container_name"],
        "update": ["restart", "mem_limit", "memswap_limit"],
        "connect": ["networks.front"],
        "disconnect": ["networks.back"],
    }

    host.apply()

    assert host.ids(name) == before
    assert host.actions() == []
    endpoint = host.api.inspect_container(app)["NetworkSettings"]["Networks"][f"{name}_front"]
    assert {"web", "app"} <= set(endpoint["Aliases"])


def test_what_cannot_be_mended_in_place_is_made_again(host, name):
    """A container that somebody made again with more than the file says is made again as the file says; its volume stays."""
    app = host.containers(name)[f"{name}-app-1"]
    other = host.ids(name)[f"{name}-other-1"]
    config = {**app["Config"], "Hostname": "", "Env": [*app["Config"]["Env"], "B=2"]}
    endpoints = {net: {"Aliases": end["Aliases"]} for net, end in app["NetworkSettings"]["Networks"].items()}
    host.api.remove_container(app["Id"], force=True)
    body = {**config, "HostConfig": {**app["HostConfig"], "CapAdd": ["SYS_ADMIN"]}}
    made = host.api._post_json(
        host.api._url("/containers/create"),
        data={**body, "NetworkingConfig": {"EndpointsConfig": endpoints}},
        params={"name": f"{name}-app-1"},
    )
    host.api.start(host.api._result(made, True)["Id"])

    assert fields(host) == {"recreate": ["environment.B", "cap_add"]}

    host.apply()

    assert host.actions() == []
    again = host.containers(name)
    assert again[f"{name}-other-1"]["Id"] == other
    assert again[f"{name}-app-1"]["HostConfig"]["CapAdd"] is None
    assert [mount["Name"] for mount in again[f"{name}-app-1"]["Mounts"]] == [f"{name}_data"]
