"""One look at what is there: `look()` turns an engine and a host into the value `Observed`.

Room 2 (observed); may import engine, errors, model and settings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias

from reconciler.engine import EngineClient
from reconciler.errors import EngineRefused
from reconciler.model import BUILT_IN_POOLS, Ask, Container, Document, Engine, Image, Network, Observed, Pool, Volume
from reconciler.observed import host
from reconciler.observed.containers import container
from reconciler.observed.daemon import observed_daemon
from reconciler.observed.memory import Look, Memory
from reconciler.observed.stops import has_stopped, with_stops
from reconciler.settings import DaemonSettings

LOG_LINES = 20


@dataclass(frozen=True, slots=True)
class Glance:
    """What the engine shows whoever comes, seen `at` a time; `engine` is None where it was not looked at."""

    at: datetime
    containers: Sequence[Document]
    engine: Engine | None


def glance(engine: EngineClient, memory: Memory | None) -> Glance:
    """See what needs no question, as the beginning of a look. Raises EngineUnreachable and EngineRefused."""
    now = datetime.now(UTC)
    return Glance(now, engine.containers(), _engine(engine) if memory is None else None)


def look(
    engine: EngineClient,
    ask: Ask,
    daemon: DaemonSettings | None,
    known: Engine | None = None,
    memory: Memory | None = None,
    seen: Glance | None = None,
) -> Observed:
    """Look once at all that `ask` names; foreign containers are listed, not inspected.

    `known` is the engine itself as it was seen a moment ago. What `memory` knows, and the listing shows unchanged, is not asked
    for again; nor is what was `seen` a moment ago. Raises EngineUnreachable and EngineRefused.
    """
    known = known or (seen.engine if seen else None)
    with (memory or Memory()).looking(ask.stops) as remembered:
        fresh, old = _containers(engine, ask.projects, remembered, seen)
        networks = remembered.networks(lambda: tuple(map(_network, engine.networks())))
        has_news = any(has_stopped(one) for _, one in fresh)  # judged by the engine's clock of now
        about = _engine(engine) if has_news else known or remembered.engine(lambda: _engine(engine))
        logged = [_with_log(engine, one) for _, one in fresh]
        inspected = with_stops(engine, about.info, networks, logged, ask.stops)
        for (listed, _), one in zip(fresh, inspected, strict=True):
            remembered.learn(listed, one)
        containers = tuple(sorted((*old, *inspected), key=lambda one: (one.name, one.id)))
        images = {one: remembered.image(one, engine.inspect_image) for one in sorted(ask.images)}
        return Observed(
            engine=about,
            containers=containers,
            networks=networks,
            volumes=remembered.volumes(lambda: tuple(map(_volume, engine.volumes()))),
            images={reference: str(document["Id"]) for reference, document in images.items() if document},
            image_configs=_image_configs(
                images.values(), containers, lambda one: remembered.image(one, engine.inspect_image)
            ),
            listeners=host.listeners(ask.ports - _published(containers)) if ask.ports else (),
            routes=host.routes(),
            missing_paths=host.missing(ask.paths),
            files={path: host.digest(path, ask.folders) for path in sorted(ask.files)},
            daemon=observed_daemon(daemon.config_file, engine, about.info) if daemon else None,
            machine_id=host.machine_id(),
            own_container=host.own_container({one.id for one in containers}),
        )


def look_at(engine: EngineClient, project: str) -> tuple[Container, ...]:
    """Look at the containers of one project only, inspected: what a stack that is being worked on needs to know.

    Raises EngineUnreachable and EngineRefused.
    """
    listed = engine.containers({"label": (f"com.docker.compose.project={project}",)})
    inspected = ((one, engine.inspect_container(str(one["Id"]))) for one in listed)
    found = (_with_log(engine, container(one, document)) for one, document in inspected if document is not None)
    return tuple(sorted(found, key=lambda one: (one.name, one.id)))


_Fresh: TypeAlias = "list[tuple[Document, Container]]"
"""Entries of the listing, with what their inspect made of them."""


def _containers(
    engine: EngineClient, projects: frozenset[str], memory: Look, seen: Glance | None
) -> tuple[_Fresh, list[Container]]:
    """List containers, and inspect those of `projects` that are news; once more from the start when one vanished in between."""
    fresh, old, vanished = _pass(engine, projects, memory, seen.containers if seen else engine.containers())
    if vanished:
        fresh, old, _ = _pass(engine, projects, memory, engine.containers())
    return fresh, old


def _pass(
    engine: EngineClient, projects: frozenset[str], memory: Look, containers: Sequence[Document]
) -> tuple[_Fresh, list[Container], bool]:
    fresh: _Fresh = []
    old: list[Container] = []
    vanished = False
    for listed in containers:
        if (known := memory.container(listed)) is not None:
            old.append(known)
            continue
        one = container(listed, None)
        if one.project not in projects:
            old.append(one)
        elif (document := engine.inspect_container(one.id)) is not None:
            fresh.append((listed, container(listed, document)))
        else:
            vanished = True
    return fresh, old, vanished


def _with_log(engine: EngineClient, one: Container) -> Container:
    if one.document is None or not _failed(one):
        return one
    try:
        return replace(one, log_tail=engine.log_tail(one.id, LOG_LINES))
    except EngineRefused:  # it vanished, or its log driver cannot be read
        return one


def _failed(one: Container) -> bool:
    unwell = one.state in ("dead", "restarting") or one.health == "unhealthy" or bool(one.exit_code)
    return unwell or bool(one.running_for is not None and (one.document or {}).get("RestartCount"))


def _published(containers: Iterable[Container]) -> frozenset[tuple[str, int]]:
    """Say which ports containers hold: whose they are is known without a search through all processes."""
    return frozenset((port.protocol, port.port) for one in containers for port in one.ports)


def _image_configs(
    asked: Iterable[Document | None], containers: Sequence[Container], inspect: Callable[[str], Document | None]
) -> Mapping[str, Image]:
    documents = {str(document["Id"]): document for document in asked if document}
    others = {one.image_id for one in containers if one.document is not None} - documents.keys()
    documents |= {image_id: document for image_id in sorted(others) if (document := inspect(image_id))}
    return {image_id: _image(document) for image_id, document in documents.items()}


def _image(document: Mapping[str, Any]) -> Image:
    return Image(document["Id"], document.get("Config") or {})


def _network(document: Mapping[str, Any]) -> Network:
    labels = document.get("Labels") or {}
    return Network(document["Id"], document["Name"], *_compose_labels(labels, "network"), document)


def _volume(document: Mapping[str, Any]) -> Volume:
    labels = document.get("Labels") or {}
    return Volume(document["Name"], *_compose_labels(labels, "volume"), document)


def _compose_labels(labels: Mapping[str, str], kind: str) -> tuple[str | None, str | None]:
    return labels.get("com.docker.compose.project"), labels.get(f"com.docker.compose.{kind}")


def _engine(engine: EngineClient) -> Engine:
    info: Mapping[str, Any] = engine.info()
    pools = [Pool(pool["Base"], pool["Size"]) for pool in info.get("DefaultAddressPools") or ()]
    return Engine(str(info["ServerVersion"]), engine.api_version, info, tuple(pools) or BUILT_IN_POOLS)
