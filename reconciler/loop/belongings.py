"""Whose is what on the engine: by what an event names, the stacks that it concerns.

Loop; may import model and the plan's spelling of images.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from reconciler.model import Desired, DesiredStack, Observed, Recorded
from reconciler.plan.normal_images import canonical
from reconciler.plan.rendered import image_reference


@dataclass(frozen=True, slots=True)
class Belongings:
    """The stack of each project and container id; the stacks of each network and volume name, and of each image.

    Images are named by their full spelling and by their id. What is not here is nobody's of ours.
    """

    projects: Mapping[str, str] = field(default_factory=dict)
    containers: Mapping[str, str] = field(default_factory=dict)
    networks: Mapping[str, frozenset[str]] = field(default_factory=dict)
    volumes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    images: Mapping[str, frozenset[str]] = field(default_factory=dict)


def belongings(desired: Desired, recorded: Recorded, observed: Observed) -> Belongings:
    """Say whose is what: wanted, recorded or there. Whatever the scope of the look was, the answer is for all stacks."""
    stacks = desired.stacks
    projects = {one.project: one.name for one in recorded.stacks.values()}
    projects |= {stack.project: stack.name for stack in stacks if stack.project}
    containers = {one.id: projects[one.project] for one in observed.containers if one.project in projects}
    images = [(canonical(reference), stack.name) for stack in stacks for reference in _references(stack)]
    images += [
        (observed.images[reference], stack.name)
        for stack in stacks
        for reference in _references(stack)
        if reference in observed.images
    ]
    images += [(one.image_id, containers[one.id]) for one in observed.containers if one.id in containers]
    networks = [(one.name, stack.name) for stack in stacks for one in stack.networks]
    networks += [(one.name, projects[one.project]) for one in observed.networks if one.project in projects]
    volumes = [(one.name, stack.name) for stack in stacks for one in stack.volumes]
    volumes += [(one.name, projects[one.project]) for one in observed.volumes if one.project in projects]
    return Belongings(projects, containers, _gathered(networks), _gathered(volumes), _gathered(images))


def _references(stack: DesiredStack) -> Iterable[str]:
    return (image_reference(stack.project, service) for service in stack.services)


def _gathered(pairs: Iterable[tuple[str, str]]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for name, stack in pairs:
        found.setdefault(name, set()).add(stack)
    return {name: frozenset(stacks) for name, stacks in found.items()}
