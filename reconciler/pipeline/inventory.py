"""Name what belongs to a stack: before the first write all that may come, after success exactly what is there.

Pipeline; may import every room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.model import Container, DesiredStack, Document, ObjectRef, Observed, RecordedStack
from reconciler.plan.compare import frozen_defaults
from reconciler.plan.rendered import container_name, replicas
from reconciler.plan.scene import is_ours


def expected_inventory(stack: DesiredStack) -> frozenset[ObjectRef]:
    """Name everything that an apply of this stack may make."""
    return frozenset(_expected(stack))


def exact_inventory(stack: DesiredStack, observed: Observed, recorded: RecordedStack | None) -> frozenset[ObjectRef]:
    """Name everything of this stack that is there now."""
    containers = {ObjectRef("container", c.name) for c in own_containers(stack, observed, recorded)}
    networks = {ObjectRef("network", n.name) for n in observed.networks if n.project == stack.project}
    volumes = {ObjectRef("volume", v.name) for v in observed.volumes if v.project == stack.project}
    return frozenset(containers | networks | volumes)


def own_containers(stack: DesiredStack, observed: Observed, recorded: RecordedStack | None) -> tuple[Container, ...]:
    """Pick the containers that are ours, or that the stack is told to adopt."""
    services = {service.name for service in stack.services}
    return tuple(
        c
        for c in observed.containers
        if c.project == stack.project
        and not c.oneoff
        and (is_ours(c, stack, recorded) or (stack.settings.adopt and c.service in services))
    )


def frozen(
    stack: DesiredStack, containers: tuple[Container, ...], known: Mapping[str, Document]
) -> Mapping[str, Document]:
    """Return the engine defaults in each container, as recorded when it was made or else as seen now."""
    documents = {service.name: service.document for service in stack.services}
    return {
        c.id: known[c.id] if c.id in known else frozen_defaults(c, documents[c.service])
        for c in containers
        if c.service in documents
    }


def _expected(stack: DesiredStack) -> Iterator[ObjectRef]:
    for service in stack.services:
        for number in range(1, replicas(service) + 1):
            yield ObjectRef("container", container_name(stack.project, service, number))
    for network in stack.networks:
        if not network.external:
            yield ObjectRef("network", network.name)
    for volume in stack.volumes:
        if not volume.external:
            yield ObjectRef("volume", volume.name)
