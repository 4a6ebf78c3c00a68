"""Say what a stack is made of, in the form in which the record keeps it for the next comparison.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from reconciler.model import AppliedService, AppliedStack, Container, DesiredService, DesiredStack, Document, Json, Mask
from reconciler.plan.compare import normal_network, normal_service, normal_volume
from reconciler.plan.rendered import replicas, waits
from reconciler.plan.world import World

DEPENDS_ON = "depends_on"
SCALE = "scale"
BUILD = "build"


def applied_stack(
    stack: DesiredStack, world: World, containers: Sequence[Container], revision: str, mask: Mask
) -> AppliedStack:
    """Return what is to be recorded once a second plan of the stack is empty; `containers` are the stack's own."""
    by_service = {container.service: container for container in reversed(containers) if not container.oneoff}
    return AppliedStack(
        revision=revision,
        services={s.name: _applied_service(s, world, by_service.get(s.name), mask) for s in stack.services},
        networks={n.key: _masked(normal_network(n.document), mask) for n in stack.networks},
        volumes={v.key: _masked(normal_volume(v.document), mask) for v in stack.volumes},
    )


def made_inputs(service: DesiredService) -> Mapping[str, str]:
    """Return what a container made or restarted now has read that compose's fields do not show, by name of the input."""
    build = service.document.get("build")
    if build is None:
        return service.inputs
    return {**service.inputs, BUILD: hashlib.sha256(json.dumps(build, sort_keys=True).encode()).hexdigest()}


def applied_document(service: DesiredService, world: World, mask: Mask) -> Document:
    """Return a service in the form in which the record keeps it."""
    document = _masked(normal_service(service.document, world), mask)
    # no container shows how many there shall be, nor in what order to take them away when git no longer says
    return {**document, DEPENDS_ON: sorted(waits(service)), SCALE: replicas(service)}


def _applied_service(service: DesiredService, world: World, container: Container | None, mask: Mask) -> AppliedService:
    return AppliedService(
        applied_document(service, world, mask),
        made_inputs(service),
        container.image_id if container else None,
        container.config_hash if container else None,
    )


def _masked(fields: Mapping[str, Json], mask: Mask) -> Document:
    return {path: mask(path, value) for path, value in fields.items()}
