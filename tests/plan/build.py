"""Small builders for what the planner compares: rendered services, and the containers that compose makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reconciler.model import (
    AppliedStack,
    Container,
    Desired,
    DesiredObject,
    DesiredService,
    DesiredStack,
    Document,
    Engine,
    Image,
    Json,
    Network,
    ObjectRef,
    Observed,
    Plan,
    Position,
    PublishedPort,
    Recorded,
    RecordedStack,
    Revision,
    StackFile,
    StackSettings,
    Volume,
)
from reconciler.plan.applied import applied_stack
from reconciler.plan.plan import Options, make_plan
from reconciler.plan.rendered import container_name, container_names, replicas
from reconciler.plan.text import plan_text
from reconciler.plan.world import make_worlds

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
COMMIT = "c0ffee"
IMAGE = "sha256:" + "1" * 64
STACKS = "/srv/stacks"


def show(path: str, value: Json) -> Json:
    """Mask nothing."""
    return value


def service(
    name: str, image: str = "busybox", inputs: Mapping[str, str] | None = None, **document: Any
) -> DesiredService:
    """Render a service; it stands in line 3 of its compose file, and is on the network `default`."""
    base: dict[str, Json] = {"image": image}
    if "network_mode" not in document:
        base["networks"] = {"default": None}
    positions = {"": Position("compose.yaml", 3), **{key: Position("compose.yaml", 4) for key in document}}
    return DesiredService(name, {**base, **document}, "", inputs or {}, positions)


def stack(name: str, *services: DesiredService, **more: Any) -> DesiredStack:
    """Render a stack of that name; `settings` may be given as a mapping."""
    settings = more.pop("settings", {})
    file = f"stacks/{name}/compose.yaml"
    placed = tuple(
        replace(one, positions={key: Position(file, at.line) for key, at in one.positions.items()}) for one in services
    )
    networks = more.pop("networks", (network(f"{name}_default"),))
    return DesiredStack(
        name,
        more.pop("project", name),
        f"{STACKS}/{name}",
        StackSettings(**settings),
        services=placed,
        networks=networks,
        env_file=f"/state/env/{name}.env",
        position=Position(file, 1),
        **more,
    )


def network(name: str, key: str = "default", *, external: bool = False, **document: Json) -> DesiredObject:
    return DesiredObject(key, name, {"name": name, **document}, external, Position("compose.yaml", 9))


def volume(name: str, key: str = "data", *, external: bool = False, **document: Json) -> DesiredObject:
    return DesiredObject(key, name, {"name": name, **document}, external, Position("compose.yaml", 10))


def file(path: str, digest: str) -> StackFile:
    return StackFile(path, digest, f"stacks/web/{path}")


def desired(*stacks: DesiredStack, **more: Any) -> Desired:
    return Desired("device", Revision(COMMIT), stacks, **more)


def network_id(name: str) -> str:
    return f"id-of-{name}"


# ── the engine's side ────────────────────────────────────────────────────────────────────────────


def made(wanted: DesiredStack, of: str, number: int = 1, **changes: Any) -> Container:
    """Return the running container that compose makes of a service, as the engine shows it."""
    one = next(item for item in wanted.services if item.name == of)
    called = container_name(wanted.project, one, number)
    networks = {n.name: network_id(n.name) for n in wanted.networks if n.key in _mapping(one.document.get("networks"))}
    container = Container(
        id=f"id-of-{called}",
        name=called,
        state="running",
        image=str(one.document["image"]),
        image_id=IMAGE,
        project=wanted.project,
        service=of,
        number=number,
        working_dir=wanted.folder,
        env_file=wanted.env_file,
        networks=networks,
        ports=tuple(_published(one.document)),
        document=_inspect(wanted, one, called, networks),
    )
    return replace(container, **changes)


def all_made(*stacks: DesiredStack) -> list[Container]:
    """Return what compose makes of whole stacks."""
    return [made(s, one.name, number + 1) for s in stacks for one in s.services for number in range(replicas(one))]


def altered(container: Container, section: str, **values: Json) -> Container:
    """Return the container with keys of one section of its inspect changed by hand."""
    document = dict(container.document or {})
    document[section] = {**_mapping(document.get(section)), **values}
    return replace(container, document=document)


def there(item: DesiredObject, project: str, **document: Json) -> Network:
    """Return a network as compose makes it."""
    base: dict[str, Json] = {
        "Driver": "bridge",
        "Options": {},
        "Labels": {},
        "IPAM": {"Driver": "default", "Config": []},
    }
    return Network(network_id(item.name), item.name, project, item.key, {**base, **document})


def observed(containers: Iterable[Container], *stacks: DesiredStack, **more: Any) -> Observed:
    """Return an engine with these containers, and with all networks and volumes of the stacks."""
    images = {str(one.document["image"]): IMAGE for s in stacks for one in s.services}
    base: dict[str, Any] = {
        "engine": Engine("26.1.5", "1.45"),
        "containers": tuple(containers),
        "networks": tuple(there(n, s.project) for s in stacks for n in s.networks if not n.external),
        "volumes": tuple(
            Volume(v.name, s.project, v.key, {"Driver": "local", "Labels": {}, "Options": None})
            for s in stacks
            for v in s.volumes
            if not v.external
        ),
        "images": images,
        "image_configs": {IMAGE: Image(IMAGE)},
    }
    return Observed(**{**base, **more})


def all_there(*stacks: DesiredStack, **more: Any) -> Observed:
    """Return an engine on which everything is as these stacks want it."""
    return observed(all_made(*stacks), *stacks, **more)


# ── the record's side ────────────────────────────────────────────────────────────────────────────


def record(*stacks: DesiredStack, seen: Observed | None = None, **more: Any) -> Recorded:
    """Return the record after these stacks were applied, and `seen` like that."""
    seen = seen or all_there(*stacks)
    worlds = make_worlds(desired(*stacks), seen, Recorded())
    return Recorded({s.name: recorded_stack(s, worlds[s.name], seen) for s in stacks}, **more)


def recorded_stack(wanted: DesiredStack, world: Any, seen: Observed) -> RecordedStack:
    own = [c for c in seen.containers if c.project == wanted.project]
    applied: AppliedStack = applied_stack(wanted, world, own, "before", show)
    return RecordedStack(
        wanted.name,
        wanted.project,
        wanted.folder,
        inventory(wanted),
        {f.path: f.digest for f in wanted.files},
        applied,
        prune=wanted.settings.prune,
        depends_on=wanted.settings.depends_on,
    )


def inventory(wanted: DesiredStack) -> frozenset[ObjectRef]:
    found = {
        ObjectRef("container", name, wanted.folder)
        for one in wanted.services
        for name in container_names(wanted.project, one)
    }
    found |= {ObjectRef("network", n.name) for n in wanted.networks if not n.external}
    found |= {ObjectRef("volume", v.name) for v in wanted.volumes if not v.external}
    return frozenset(found)


# ── the plan ─────────────────────────────────────────────────────────────────────────────────────


def plan(wanted: Desired, seen: Observed, known: Recorded | None = None, **options: Any) -> Plan:
    return make_plan(wanted, seen, known or Recorded(), Options(NOW, "0.1.0", "/srv/git", **options), show)


def text(wanted: Desired, seen: Observed, known: Recorded | None = None, **options: Any) -> str:
    return plan_text(plan(wanted, seen, known, **options))


def lines(wanted: Desired, seen: Observed, known: Recorded | None = None, **options: Any) -> list[str]:
    """Return the plan's text without its totals and hints, each line without its place and cause's rest."""
    return [line for line in text(wanted, seen, known, **options).splitlines() if not line.startswith("    ")][:-1]


# ── inspect ──────────────────────────────────────────────────────────────────────────────────────


def _inspect(wanted: DesiredStack, one: DesiredService, called: str, networks: Mapping[str, str]) -> Document:
    document = one.document
    restart = str(document.get("restart") or "no")
    policy, _, retries = restart.partition(":")
    mounts = [m for m in _list(document.get("volumes")) if _mapping(m).get("type") in ("bind", "volume")]
    return {
        "Image": IMAGE,
        "RestartCount": 0,
        "Config": {
            "Image": document["image"],
            "Env": [f"{key}={value}" for key, value in _mapping(document.get("environment")).items()],
            "Labels": dict(_mapping(document.get("labels"))),
            "ExposedPorts": {key: {} for key in _bindings(document)},
            "Hostname": f"id-of-{called}"[:12],
        },
        "HostConfig": {
            "NetworkMode": _network_mode(wanted, one, networks),
            "RestartPolicy": {"Name": policy, "MaximumRetryCount": int(retries or 0)},
            "PortBindings": _bindings(document),
            "Memory": int(str(document.get("mem_limit") or 0)),
            "MemorySwap": 2 * int(str(document.get("mem_limit") or 0)),
            "Binds": [],
        },
        "Mounts": [_mount(wanted, _mapping(m)) for m in mounts],
        "NetworkSettings": {
            "Networks": {
                name: {"NetworkID": found, "Aliases": [called, one.name], "IPAMConfig": None}
                for name, found in networks.items()
            }
        },
    }


def _network_mode(wanted: DesiredStack, one: DesiredService, networks: Mapping[str, str]) -> str:
    mode = str(one.document.get("network_mode") or "")
    if mode.startswith("service:"):
        return f"container:id-of-{wanted.project}-{mode.removeprefix('service:')}-1"
    return mode or next(iter(networks), "none")


def _mount(wanted: DesiredStack, mount: Mapping[str, Json]) -> Document:
    target = mount["target"]
    if mount["type"] == "bind":
        return {
            "Type": "bind", "Source": mount["source"], "Destination": target, "RW": not mount.get("read_only"),
            "Propagation": "rprivate",
        }  # fmt: skip
    name = next(v.name for v in wanted.volumes if v.key == mount["source"])
    return {
        "Type": "volume",
        "Name": name,
        "Source": f"/v/{name}",
        "Destination": target,
        "Driver": "local",
        "RW": True,
    }


def _bindings(document: Document) -> Document:
    found: dict[str, list[Json]] = {}
    for port in map(_mapping, _list(document.get("ports"))):
        binding = {"HostIp": port.get("host_ip") or "", "HostPort": str(port.get("published") or "")}
        found.setdefault(f"{port['target']}/{port.get('protocol') or 'tcp'}", []).append(binding)
    return found


def _published(document: Document) -> Iterable[PublishedPort]:
    for port in map(_mapping, _list(document.get("ports"))):
        if port.get("published"):
            yield PublishedPort(
                str(port.get("host_ip") or ""), int(str(port["published"])), int(str(port["target"])),
                str(port.get("protocol") or "tcp"),
            )  # fmt: skip


def port(target: int, published: int, **more: Json) -> Document:
    return {"mode": "ingress", "target": target, "published": str(published), "protocol": "tcp", **more}


def _mapping(value: Json) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list | tuple) else []
