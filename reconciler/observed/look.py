"""One look at what is there: `look()` turns an engine and a host into the value `Observed`.

Room 2 (observed); may import engine, errors, model and settings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reconciler.engine import EngineClient
from reconciler.errors import EngineRefused
from reconciler.model import BUILT_IN_POOLS, Ask, Container, Document, Engine, Image, Network, Observed, Pool, Volume
from reconciler.observed import host
from reconciler.observed.containers import container
from reconciler.observed.daemon import observed_daemon
from reconciler.observed.stops import has_stopped, with_stops
from reconciler.settings import DaemonSettings

LOG_LINES = 20


def look(engine: EngineClient, ask: Ask, daemon: DaemonSettings | None, known: Engine | None = None) -> Observed:
    """Look once at all that `ask` names; foreign containers are listed, not inspected.

    `known` is the engine itself as it was seen a moment ago: to describe itself it starts programs, time and again.
    Raises EngineUnreachable and EngineRefused.
    """
    found = _containers(engine, ask.projects)
    networks = tuple(map(_network, engine.networks()))
    about = _engine(engine) if known is None or any(map(has_stopped, found)) else known
    logged = (_with_log(engine, one) for one in found)
    containers = with_stops(engine, about.info, networks, logged, ask.stops)
    images = {reference: engine.inspect_image(reference) for reference in sorted(ask.images)}
    return Observed(
        engine=about,
        containers=containers,
        networks=networks,
        volumes=tuple(map(_volume, engine.volumes())),
        images={reference: str(document["Id"]) for reference, document in images.items() if document},
        image_configs=_image_configs(engine, images.values(), containers),
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


def _containers(engine: EngineClient, projects: frozenset[str]) -> tuple[Container, ...]:
    """List containers, and inspect those of `projects`; once more from the start when one vanished in between."""
    found, vanished = _pass(engine, projects)
    if vanished:
        found, _ = _pass(engine, projects)
    return found


def _pass(engine: EngineClient, projects: frozenset[str]) -> tuple[tuple[Container, ...], bool]:
    found, vanished = [], False
    for listed in engine.containers():
        one = container(listed, None)
        if one.project in projects:
            inspected = engine.inspect_container(one.id)
            vanished = vanished or inspected is None
            found += [container(listed, inspected)] if inspected else []
        else:
            found.append(one)
    return tuple(sorted(found, key=lambda one: (one.name, one.id))), vanished


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
    engine: EngineClient, asked: Iterable[Document | None], containers: Sequence[Container]
) -> Mapping[str, Image]:
    documents = {str(document["Id"]): document for document in asked if document}
    others = {one.image_id for one in containers if one.document is not None} - documents.keys()
    documents |= {image_id: document for image_id in sorted(others) if (document := engine.inspect_image(image_id))}
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
