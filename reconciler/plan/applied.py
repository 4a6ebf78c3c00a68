"""Say what a stack is made of, in the form in which the record keeps it for the next comparison.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from reconciler.model import (
    AppliedService,
    AppliedStack,
    Container,
    DesiredService,
    DesiredStack,
    Document,
    Json,
    Mask,
    RecordedStack,
)
from reconciler.plan.compare import normal_network, normal_service, normal_volume
from reconciler.plan.jobs import declared_jobs, is_finished
from reconciler.plan.rendered import replicas, waits
from reconciler.plan.world import World

DEPENDS_ON = "depends_on"
SCALE = "scale"
BUILD = "build"


def applied_stack(
    stack: DesiredStack, world: World, containers: Sequence[Container], revision: str, mask: Mask
) -> AppliedStack:
    """Return what is to be recorded once a second plan of the stack is empty; `containers` are the stack's own."""
    own: dict[str | None, list[Container]] = {}
    for container in containers:
        if not container.oneoff:
            own.setdefault(container.service, []).append(container)
    jobs = declared_jobs(stack)
    return AppliedStack(
        revision=revision,
        services={
            s.name: _applied_service(s, world, own.get(s.name, ()), mask, job=s.name in jobs, done=s.name in stack.done)
            for s in stack.services
        },
        networks={n.key: _masked(normal_network(n.document), mask) for n in stack.networks},
        volumes={v.key: _masked(normal_volume(v.document), mask) for v in stack.volumes},
    )


def made_inputs(service: DesiredService) -> Mapping[str, str]:
    """Return what a container made or restarted now has read that compose's fields do not show, by name of the input."""
    build = service.document.get("build")
    if build is None:
        return service.inputs
    return {**service.inputs, BUILD: hashlib.sha256(json.dumps(build, sort_keys=True).encode()).hexdigest()}


def remember(stack: DesiredStack, recorded: RecordedStack | None) -> DesiredStack:
    """Return the stack with the jobs that have finished as they are wanted now: swept away, they are not run again."""
    known = recorded.applied.services if recorded is not None and recorded.applied is not None else {}
    jobs = declared_jobs(stack) if any(service.finished for service in known.values()) else frozenset()
    done = {s.name for s in stack.services if s.name in jobs and s.name in known and _has_finished(s, known[s.name])}
    return replace(stack, done=frozenset(done)) if done else stack


def _has_finished(service: DesiredService, known: AppliedService) -> bool:
    return known.finished == _definition(service)


def _definition(service: DesiredService) -> str:
    return hashlib.sha256(json.dumps([service.digest, made_inputs(service)], sort_keys=True).encode()).hexdigest()


def applied_document(service: DesiredService, world: World, mask: Mask) -> Document:
    """Return a service in the form in which the record keeps it."""
    document = _masked(normal_service(service.document, world), mask)
    # no container shows how many there shall be, nor in what order to take them away when git no longer says
    return {**document, DEPENDS_ON: sorted(waits(service)), SCALE: replicas(service)}


def _applied_service(
    service: DesiredService, world: World, containers: Sequence[Container], mask: Mask, *, job: bool, done: bool
) -> AppliedService:
    first = containers[0] if containers else None
    ended = all(is_finished(one, job=job, service=service) for one in containers) if containers else done
    return AppliedService(
        applied_document(service, world, mask),
        made_inputs(service),
        first.image_id if first else None,
        first.config_hash if first else None,
        _definition(service) if job and ended else None,
    )


def _masked(fields: Mapping[str, Json], mask: Mask) -> Document:
    return {shown_path(path, mask): mask(path, value) for path, value in fields.items()}


def shown_path(path: str, mask: Mask) -> str:
    """Return a path as it is written down: it may hold a mount's target or a host's name, and these a secret."""
    return str(mask("", path))
