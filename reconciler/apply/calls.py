"""Perform one action by one engine call.

Room 4 (apply); may import engine, errors and model. Nothing is decided here. What is already as the action wants it counts as
done: somebody else, or an earlier attempt of ours, got there first.

What an action must carry: `object_id` the container's id (or the network's, when its target is a network), and in `params`
for `rename` the `name`, for `connect` the `network` (id or name) and its `endpoint` (the API's EndpointConfig), for
`disconnect` the `network`, for `update` the `resources` (as the API's update takes them).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias, cast

from reconciler.engine import EngineClient
from reconciler.errors import EngineRefused
from reconciler.model import Action, Document, Kind

_USUAL_GRACE = 10
"""Seconds the engine waits between asking a container to stop and killing it, unless the container says otherwise."""

_Call: TypeAlias = Callable[[EngineClient, Action], None]


def call(engine: EngineClient, action: Action) -> None:
    """Perform the action. Raises EngineRefused with the engine's words, EngineUnreachable."""
    try:
        _CALLS[action.kind](engine, action)
    except EngineRefused:
        if not _is_done(engine, action):
            raise


def _start(engine: EngineClient, action: Action) -> None:
    engine.start(_id(action))


def _restart(engine: EngineClient, action: Action) -> None:
    engine.restart(_id(action), _grace(engine, _id(action)))


def _stop(engine: EngineClient, action: Action) -> None:
    engine.stop(_id(action), _grace(engine, _id(action)))


def _unpause(engine: EngineClient, action: Action) -> None:
    engine.unpause(_id(action))


def _rename(engine: EngineClient, action: Action) -> None:
    engine.rename(_id(action), _text(action, "name"))


def _update(engine: EngineClient, action: Action) -> None:
    engine.update(_id(action), cast("Document", action.params["resources"]))


def _connect(engine: EngineClient, action: Action) -> None:
    engine.connect_network(_text(action, "network"), _id(action), cast("Document", action.params.get("endpoint") or {}))


def _disconnect(engine: EngineClient, action: Action) -> None:
    # forced: the endpoint of a container that does not run, or of a network that is broken, goes too
    engine.disconnect(_text(action, "network"), _id(action), force=True)


def _remove(engine: EngineClient, action: Action) -> None:
    if _is_network(action):
        engine.remove_network(_id(action))
        return
    _stop(engine, action)
    engine.remove_container(_id(action))


_CALLS: Mapping[Kind, _Call] = {
    "start": _start,
    "restart": _restart,
    "stop": _stop,
    "unpause": _unpause,
    "rename": _rename,
    "update": _update,
    "connect": _connect,
    "disconnect": _disconnect,
    "remove": _remove,
}


def _is_done(engine: EngineClient, action: Action) -> bool:
    """Tell whether things are as the action wants them, although the engine refused."""
    find = engine.inspect_network if _is_network(action) else engine.inspect_container
    found = find(_id(action))
    state = _part(found, "State")
    match action.kind:
        case "remove":
            return found is None or state.get("Status") == "removing"
        case "stop":
            return not state.get("Running")
        case "start" | "unpause":
            return bool(state.get("Running")) and not state.get("Paused")
        case "rename":
            return found is not None and found.get("Name") == f"/{_text(action, 'name')}"
        case "connect" | "disconnect":
            return found is not None and _is_connected(found, action) == (action.kind == "connect")
        case _:
            return False


def _is_connected(container: Document, action: Action) -> bool:
    networks = cast("Mapping[str, Document]", _part(container, "NetworkSettings").get("Networks") or {})
    return any(_text(action, "network") in (name, there.get("NetworkID")) for name, there in networks.items())


def _id(action: Action) -> str:
    return action.object_id or action.object


def _text(action: Action, key: str) -> str:
    return str(action.params[key])


def _is_network(action: Action) -> bool:
    return action.target.split("/")[2:3] == ["network"]


def _part(document: Document | None, key: str) -> Document:
    return cast("Document", (document or {}).get(key) or {})


def _grace(engine: EngineClient, container: str) -> int:
    grace = _part(engine.inspect_container(container), "Config").get("StopTimeout")
    return grace if isinstance(grace, int) else _USUAL_GRACE
