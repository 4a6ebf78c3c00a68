"""A model of reality: what the engine, and the record, look like after a plan was carried out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from reconciler.model import Action, Container, Desired, DesiredStack, Json, Observed, Plan, Volume
from tests.plan.build import IMAGE, made, network_id, there


def carry_out(plan: Plan, desired: Desired, seen: Observed) -> Observed:
    """Return what is observed once every action has done what it says."""
    stacks = {stack.name: stack for stack in desired.stacks}
    for action in plan.actions:
        seen = _DO[action.kind](action, stacks.get(action.stack or ""), seen)
    return seen


def _pull(action: Action, stack: DesiredStack | None, seen: Observed) -> Observed:
    return replace(seen, images={**seen.images, action.object: IMAGE})


def _create(action: Action, stack: DesiredStack | None, seen: Observed) -> Observed:
    assert stack is not None
    if action.service is not None:
        number = int(action.object.rpartition("-")[2])
        return replace(seen, containers=(*seen.containers, made(stack, action.service, number)))
    kind, key = action.target.split("/")[2:]
    if kind == "volume":
        volume = Volume(action.object, stack.project, key, {"Driver": "local"})
        return replace(seen, volumes=(*seen.volumes, volume))
    wanted = next(item for item in stack.networks if item.key == key)
    return replace(seen, networks=(*seen.networks, there(wanted, stack.project)))


def _recreate(action: Action, stack: DesiredStack | None, seen: Observed) -> Observed:
    assert stack is not None
    assert action.service is not None
    return _change(action, seen, lambda old: made(stack, action.service or "", old.number))


def _running(action: Action, stack: DesiredStack | None, seen: Observed) -> Observed:
    return _change(action, seen, lambda old: replace(old, state="running", exit_code=None))


def _rename(action: Action, stack: DesiredStack | None, seen: Observed) -> Observed:
    return _change(action, seen, lambda old: replace(old, name=str(action.params["name"])))


def _update(action: Action, stack: DesiredStack | None, seen: Observed) -> Observed:
    resources = action.params["resources"]
    assert isinstance(resources, Mapping)

    def update(old: Container) -> Container:
        document = dict(old.document or {})
        host = document["HostConfig"]
        assert isinstance(host, Mapping)
        return replace(old, document={**document, "HostConfig": {**host, **resources}})

    return _change(action, seen, update)


def _connect(action: Action, stack: DesiredStack | None, seen: Observed) -> Observed:
    name = next(network.name for network in seen.networks if network.id == action.params["network"])
    endpoint = action.params["endpoint"]
    assert isinstance(endpoint, Mapping)
    return _change(action, seen, lambda old: _with_networks(old, {name: {**endpoint, "NetworkID": network_id(name)}}))


def _disconnect(action: Action, stack: DesiredStack | None, seen: Observed) -> Observed:
    return _change(action, seen, lambda old: _with_networks(old, {}, without=str(action.params["network"])))


def _remove(action: Action, stack: DesiredStack | None, seen: Observed) -> Observed:
    attached = [c for c in seen.containers if action.object_id in c.networks.values() and c.state == "running"]
    assert not attached, "the engine refuses to remove a network with endpoints"
    return replace(
        seen,
        containers=tuple(c for c in seen.containers if c.id != action.object_id),
        networks=tuple(n for n in seen.networks if n.id != action.object_id),
    )


def _nothing(action: Action, stack: DesiredStack | None, seen: Observed) -> Observed:
    return seen


_DO = {
    "adopt": _nothing,
    "build": _pull,
    "connect": _connect,
    "create": _create,
    "disconnect": _disconnect,
    "pull": _pull,
    "recreate": _recreate,
    "remove": _remove,
    "rename": _rename,
    "restart": _running,
    "start": _running,
    "unpause": _running,
    "update": _update,
}


def _change(action: Action, seen: Observed, change: Callable[[Container], Container]) -> Observed:
    containers = tuple(change(c) if c.id == action.object_id else c for c in seen.containers)
    return replace(seen, containers=containers)


def _with_networks(old: Container, more: Mapping[str, Json], without: str = "") -> Container:
    document = dict(old.document or {})
    settings = document["NetworkSettings"]
    assert isinstance(settings, Mapping)
    shown = settings["Networks"]
    assert isinstance(shown, Mapping)
    kept = {name: value for name, value in shown.items() if old.networks.get(name) != without}
    ids = {name: found for name, found in old.networks.items() if found != without}
    ids |= {name: network_id(name) for name in more}
    return replace(old, networks=ids, document={**document, "NetworkSettings": {"Networks": {**kept, **more}}})
