"""Keep to what is ours: refuse a foreign project, or take it over when told to.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.model import Action, Cause, Container, Document, Problem
from reconciler.plan.rendered import binds
from reconciler.plan.scene import BEFORE, Draft, Scene, is_ours
from reconciler.plan.subject import items, mapping


def adopt_or_refuse(scene: Scene) -> Draft:
    """Plan to adopt what runs under the stack's name and is not ours, or say why that is not done."""
    found = scene.facts.containers.get(scene.stack.project, ())
    foreign = [container for container in found if not is_ours(container, scene.stack, scene.recorded)]
    if not foreign:
        return Draft()
    if not scene.stack.settings.adopt:
        return Draft(blocked=(_refusal(scene, "foreign-project", foreign[0]),))
    wanted = {service.name for service in scene.stack.services}
    taken = [container for container in foreign if container.service in wanted]
    notes = tuple(_refusal(scene, "container-left", c) for c in foreign if c.service not in wanted)
    blocked = tuple(problem for container in taken for problem in _elsewhere(scene, container))
    if blocked or not taken:
        return Draft(blocked=blocked, notes=notes)
    return Draft((_adopt(scene, taken),), notes=notes)


def without_a_service(scene: Scene, containers: Mapping[str, Sequence[Container]]) -> Iterator[Action]:
    """Plan to remove our containers of services that git no longer names."""
    wanted = {service.name for service in scene.stack.services}
    for name in sorted(set(containers) - wanted):
        for container in containers[name]:
            yield Action(
                target=f"{scene.target}/service/{name}",
                kind="remove",
                because="removed",
                cause=Cause("gone-from-git", commit=scene.commit),
                object=container.name,
                stack=scene.stack.name,
                service=name,
                object_id=container.id,
                risks=("downtime",) if container.state == "running" else (),
                level=BEFORE - 1,
            )


def _adopt(scene: Scene, taken: Sequence[Container]) -> Action:
    place = scene.stack.settings.positions.get("adopt") or scene.stack.position
    return Action(
        target=scene.target,
        kind="adopt",
        because="change",
        cause=Cause(
            "adopt",
            {"containers": ", ".join(sorted(container.name for container in taken))},
            commit=scene.commit,
        ).at(place),
        object=scene.stack.project,
        stack=scene.stack.name,
        level=BEFORE,
    )


def _refusal(scene: Scene, code: str, container: Container) -> Problem:
    place = scene.stack.position
    args = {"project": scene.stack.project, "container": container.name, "folder": container.working_dir or "?"}
    return Problem(scene.target, "ForeignProject", code, args).at(place)


def _elsewhere(scene: Scene, container: Container) -> Iterator[Problem]:
    """Find relative binds of a running container that would show another folder once we made it again."""
    service = next(service for service in scene.stack.services if service.name == container.service)
    running = dict(_running_binds(container.document or {}))
    for source, target in binds(service):
        seen = running.get(target)
        if source.startswith(f"{scene.stack.folder}/") and seen is not None and seen != source:
            place = scene.position(service, "volumes")
            args = {"container": container.name, "target": target, "seen": seen, "wanted": source}
            yield Problem(
                f"{scene.target}/service/{service.name}",
                "ForeignProject",
                "bind-elsewhere",
                args,
            ).at(place)


def _running_binds(document: Document) -> Iterator[tuple[str, str]]:
    for mount in map(mapping, items(document.get("Mounts"))):
        if mount.get("Type") == "bind":
            yield str(mount.get("Destination")), str(mount.get("Source"))
