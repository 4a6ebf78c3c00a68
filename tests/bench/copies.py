"""Many stacks out of one that is really there: its rendered model, inspects and record, under other names and ids."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from reconciler.model import (
    Container,
    Desired,
    DesiredService,
    DesiredStack,
    Document,
    Network,
    Observed,
    Recorded,
    RecordedStack,
    Volume,
)
from reconciler.pipeline import Planned

MODEL = "model0000"
"""The name that the stack to be copied must have; copies have names of the same length."""

_SHORT_ID = 12


@dataclass(frozen=True, slots=True)
class _Stack:
    desired: DesiredStack
    recorded: RecordedStack
    containers: tuple[Container, ...]
    networks: tuple[Network, ...]
    volumes: tuple[Volume, ...]
    defaults: Mapping[str, Document]


def copies(planned: Planned, count: int) -> tuple[Desired, Observed, Recorded]:
    """Return what a host with `count` stacks like the planned one would show, and nothing else."""
    model = _model(planned)
    ids = [one.id[:_SHORT_ID] for one in model.containers] + [one.id[:_SHORT_ID] for one in model.networks]
    frozen = pickle.dumps(model)
    made = [_copy(frozen, ids, f"model{number:04}") for number in range(count)]
    return (
        replace(planned.desired, stacks=tuple(one.desired for one in made)),
        replace(
            planned.observed,
            containers=tuple(container for one in made for container in one.containers),
            networks=tuple(network for one in made for network in one.networks),
            volumes=tuple(volume for one in made for volume in one.volumes),
            files={path: digest for one in made for path, digest in _files(one.desired)},
        ),
        replace(
            planned.recorded,
            stacks={one.desired.name: one.recorded for one in made},
            defaults={key: document for one in made for key, document in one.defaults.items()},
        ),
    )


def changed(desired: Desired, count: int) -> Desired:
    """Return the same with one service changed in each of `count` stacks, as evenly spread as may be."""
    step = len(desired.stacks) // count
    chosen = {stack.name for stack in desired.stacks[::step][:count]}
    return replace(desired, stacks=tuple(_changed(s) if s.name in chosen else s for s in desired.stacks))


def _changed(stack: DesiredStack) -> DesiredStack:
    first, *others = stack.services
    environment = {**first.document["environment"], "LEVEL": "2"}  # type: ignore[dict-item]
    service: DesiredService = replace(
        first, document={**first.document, "environment": environment}, digest=first.digest[::-1]
    )
    return replace(stack, services=(service, *others))


def _model(planned: Planned) -> _Stack:
    observed, recorded = planned.observed, planned.recorded
    (desired,) = planned.desired.stacks
    containers = tuple(c for c in observed.containers if c.project == MODEL)
    return _Stack(
        desired,
        recorded.stacks[MODEL],
        containers,
        tuple(n for n in observed.networks if n.project == MODEL),
        tuple(v for v in observed.volumes if v.project == MODEL),
        {c.id: recorded.defaults[c.id] for c in containers if c.id in recorded.defaults},
    )


def _copy(frozen: bytes, ids: Iterable[str], name: str) -> _Stack:
    frozen = frozen.replace(MODEL.encode(), name.encode())
    for old in ids:
        new = hashlib.sha256(f"{name} {old}".encode()).hexdigest()[:_SHORT_ID]
        frozen = frozen.replace(old.encode(), new.encode())
    made: _Stack = pickle.loads(frozen)
    # as they come from the engine: memory is laid out otherwise than by pickle
    fresh = tuple(replace(one, document=json.loads(json.dumps(one.document))) for one in made.containers)
    return replace(made, containers=fresh)


def _files(stack: DesiredStack) -> Iterable[tuple[str, str]]:
    return ((f"{stack.folder}/{file.path}", file.digest) for file in stack.files)
