"""Name what belongs to a stack: before the first write all that may come, after success exactly what is there.

Pipeline; may import every room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from reconciler.model import Container, DesiredStack, Document, ObjectRef, Observed
from reconciler.plan.compare import frozen_defaults
from reconciler.plan.rendered import container_names


def expected_inventory(stack: DesiredStack) -> frozenset[ObjectRef]:
    """Name everything that an apply of this stack may make."""
    return frozenset(_expected(stack))


def exact_inventory(stack: DesiredStack, containers: Sequence[Container], observed: Observed) -> frozenset[ObjectRef]:
    """Name everything of this stack that is there now; `containers` are its own."""
    networks = {ObjectRef("network", n.name) for n in observed.networks if n.project == stack.project}
    volumes = {ObjectRef("volume", v.name) for v in observed.volumes if v.project == stack.project}
    return frozenset(networks | volumes | {ObjectRef("container", c.name, c.working_dir or "") for c in containers})


def frozen(
    stack: DesiredStack, containers: Sequence[Container], known: Mapping[str, Document]
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
        for name in container_names(stack.project, service):
            yield ObjectRef("container", name, stack.folder)
    for network in stack.networks:
        if not network.external:
            yield ObjectRef("network", network.name)
    for volume in stack.volumes:
        if not volume.external:
            yield ObjectRef("volume", volume.name)
