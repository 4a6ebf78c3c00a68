"""Field-level comparison of what compose rendered with what the engine shows. The table it walks is in fields.py.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reconciler.model import Container, DesiredObject, DesiredService, Document, Json, Network, Volume
from reconciler.plan.world import World

Repair: TypeAlias = Literal["recreate", "update", "rename", "reconnect", "remake", "manual"]
"""How a difference is repaired: the container is made again; updated, renamed, connected to a network anew in place; a
network is removed and made again with its services; a volume needs a person (its data would be lost)."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs, in one normal form; None = absent.

    With repair `reconnect`, `network` is the rendered key of the network, or the engine's name of one that the
    service does not ask for (to be disconnected).
    """

    path: str
    desired: Json
    observed: Json
    repair: Repair
    network: str | None = None


def compare_service(service: DesiredService, container: Container, world: World) -> tuple[Difference, ...]:
    """Return every field in which an inspected container differs from its service, in table order, then by path."""
    return ()


def compare_network(desired: DesiredObject, network: Network) -> tuple[Difference, ...]:
    """Return every field in which a network differs from the one in the file; external ones never do."""
    return ()


def compare_volume(desired: DesiredObject, volume: Volume) -> tuple[Difference, ...]:
    """Return every field in which a volume differs from the one in the file; external ones never do."""
    return ()


def normal_service(document: Document, world: World) -> Mapping[str, Json]:
    """Return the normal form of what a rendered service says explicitly, by path: the paths of `Difference`.

    Nothing is inherited from the image or the engine. A difference at a path is a change when this form of the
    (masked) desired document and of the applied one differ there, else it is drift.
    """
    return {}


def normal_network(document: Document) -> Mapping[str, Json]:
    """Return the normal form of a rendered network by path."""
    return {}


def normal_volume(document: Document) -> Mapping[str, Json]:
    """Return the normal form of a rendered volume by path."""
    return {}


def frozen_defaults(container: Container, document: Document) -> Document:
    """Return the engine defaults in a container just made from a rendered service: to be recorded under its id."""
    return {}


def required_api(document: Document) -> tuple[tuple[str, str], ...]:
    """Return each path of a rendered service or network that needs an engine API, with that API's version."""
    return ()
