"""What a comparison must know beside a service and its container: names, ids, images, recorded defaults.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from reconciler.model import (
    Container,
    Desired,
    Document,
    Image,
    Json,
    Network,
    Observed,
    Recorded,
    RecordedStack,
)


@dataclass(frozen=True, slots=True)
class EngineNetwork:
    """A network of the stack as the engine knows it: its name, and the ids of all networks that bear it."""

    name: str
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class World:
    """One stack's surroundings; one value serves all its services and containers.

    `networks` and `volumes` are by rendered key, `peers` are the container ids of each service, `containers` maps every
    container name on the engine to its id. `images` are by id (`Observed.image_configs`), `image_ids` maps references to
    the id they resolve to now, `defaults` is `Recorded.defaults`. `configs` and `secrets` are the rendered top-level
    ones. `ulimits` are names that may come from the daemon's defaults, which the engine mixes into every inspect.
    `info` is the engine's own: limits its kernel does not know are dropped. `applied` is, by service, the
    normal form of what was last applied.
    """

    project: str
    api_version: str = ""
    networks: Mapping[str, EngineNetwork] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    peers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    containers: Mapping[str, str] = field(default_factory=dict)
    images: Mapping[str, Image] = field(default_factory=dict)
    image_ids: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Document] = field(default_factory=dict)
    configs: Mapping[str, Document] = field(default_factory=dict)
    secrets: Mapping[str, Document] = field(default_factory=dict)
    ulimits: frozenset[str] = frozenset()
    info: Document = field(default_factory=dict)
    applied: Mapping[str, Document] = field(default_factory=dict)


def make_worlds(desired: Desired, observed: Observed, recorded: Recorded) -> dict[str, World]:
    """Return the surroundings of every desired stack by its name."""
    network_ids = _ids_by_name(observed.networks)
    peers = _peers(observed.containers)
    stack_world = partial(
        World,
        api_version=observed.engine.api_version,
        containers={container.name: container.id for container in observed.containers},
        images=observed.image_configs,
        image_ids=observed.images,
        defaults=recorded.defaults,
        ulimits=default_ulimits(observed.containers),
        info=observed.engine.info,
    )
    return {
        stack.name: stack_world(
            project=stack.project,
            networks={item.key: EngineNetwork(item.name, network_ids.get(item.name, ())) for item in stack.networks},
            volumes={item.key: item.name for item in stack.volumes},
            peers=peers.get(stack.project, {}),
            configs=stack.configs,
            secrets=stack.secrets,
            applied=_applied(recorded.stacks.get(stack.name)),
        )
        for stack in desired.stacks
    }


def default_ulimits(containers: Iterable[Container]) -> frozenset[str]:
    """Name the ulimits that every inspected container shows: only these can be defaults of the daemon."""
    common: frozenset[str] | None = None
    for container in containers:
        if container.document is not None:
            names = _ulimit_names(container.document)
            common = names if common is None else common & names
            if not common:
                break
    return common or frozenset()


def _ulimit_names(document: Document) -> frozenset[str]:
    host = document.get("HostConfig")
    found: Json = host.get("Ulimits") if isinstance(host, Mapping) else None
    entries = found if isinstance(found, list) else []
    return frozenset(str(entry["Name"]) for entry in entries if isinstance(entry, Mapping))


def _ids_by_name(networks: Iterable[Network]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for network in networks:
        found[network.name] = (*found.get(network.name, ()), network.id)
    return found


def _peers(containers: Iterable[Container]) -> dict[str, dict[str, tuple[str, ...]]]:
    found: dict[str, dict[str, tuple[str, ...]]] = {}
    for container in containers:
        if container.project and container.service and not container.oneoff:
            services = found.setdefault(container.project, {})
            services[container.service] = (*services.get(container.service, ()), container.id)
    return found


def _applied(stack: RecordedStack | None) -> dict[str, Document]:
    if stack is None or stack.applied is None:
        return {}
    return {name: service.document for name, service in stack.applied.services.items()}
