"""Find in the plan what could only fail while it is carried out.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model import DesiredService, Position, Problem
from reconciler.plan.compare import required_api
from reconciler.plan.rendered import binds
from reconciler.plan.scene import Draft, Scene


def check_stack(scene: Scene) -> Draft:
    """Check a stack against the engine and the host: what it needs must be known, and there."""
    return Draft(blocked=tuple(_too_new(scene)), notes=tuple(_missing_sources(scene)))


def _too_new(scene: Scene) -> Iterator[Problem]:
    for service in scene.stack.services:
        for path, version in required_api(service.document):
            position = scene.position(service, path)
            yield from _newer(scene, f"service/{service.name}", path, version, position)
    for network in scene.stack.networks:
        for path, version in required_api(network.document):
            yield from _newer(scene, f"network/{network.key}", path, version, network.position)


def _newer(scene: Scene, what: str, path: str, version: str, position: Position | None) -> Iterator[Problem]:
    has = scene.facts.observed.engine.api_version
    if api_number(has) < api_number(version):
        yield Problem(
            f"{scene.target}/{what}",
            "EngineTooOld",
            "engine-too-old",
            {"field": path, "needs": version, "has": has},
        ).at(position)


def api_number(version: str) -> tuple[int, ...]:
    """Read an API version (`1.45`) for comparison."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _missing_sources(scene: Scene) -> Iterator[Problem]:
    """Name bind sources that are not there and that git does not hold: the engine would make an empty folder, owned by root."""
    if not scene.facts.observed.missing_paths:
        return
    for service in scene.stack.services:
        for source, target in binds(service):
            if source in scene.facts.observed.missing_paths and not _git_holds(scene, source):
                yield _missing_source(scene, service, source, target)


def _missing_source(scene: Scene, service: DesiredService, source: str, target: str) -> Problem:
    position = scene.position(service, "volumes")
    return Problem(
        f"{scene.target}/service/{service.name}",
        "",
        "bind-source-missing",
        {"source": source, "target": target},
    ).at(position)


def _git_holds(scene: Scene, source: str) -> bool:
    folder = f"{scene.stack.folder}/"
    path = source.removeprefix(folder)
    return source == scene.stack.folder or (
        source.startswith(folder) and any(f.path == path or f.path.startswith(f"{path}/") for f in scene.stack.files)
    )
