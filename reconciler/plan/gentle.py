"""Say which engine calls mend a container in place.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reconciler.model import NOTHING, Container, DesiredService, Document, Kind
from reconciler.plan.compare import Difference
from reconciler.plan.engine_args import endpoint_config, update_resources
from reconciler.plan.rendered import container_name, network_keys
from reconciler.plan.scene import Scene


@dataclass(frozen=True, slots=True)
class GentleStep:
    """One engine call; `shows` is whether it is the one beneath which the differing fields are printed."""

    kind: Kind
    params: Document = field(default_factory=lambda: NOTHING)
    shows: bool = True


def gentle_steps(
    scene: Scene, service: DesiredService, container: Container, differences: Sequence[Difference]
) -> Iterator[GentleStep]:
    """Yield the calls that mend differences of one repair (and one network)."""
    match differences[0].repair:
        case "rename":
            yield GentleStep("rename", {"name": container_name(scene.stack.project, service, container.number)})
        case "update":
            yield GentleStep("update", {"resources": update_resources(service, differences)})
        case "reconnect":
            yield from _reconnect(scene, service, container, differences[0].network or "")
        case _:
            return


def _reconnect(scene: Scene, service: DesiredService, container: Container, key: str) -> Iterator[GentleStep]:
    """Yield what puts a container on a network as the service wants it; a network nobody asked for is left."""
    known = scene.world.networks.get(key)
    wanted = known is not None and key in network_keys(service)
    name = known.name if known is not None else key
    if name in container.networks:
        yield GentleStep("disconnect", {"network": container.networks[name]}, shows=not wanted)
    if wanted and known is not None:
        endpoint = endpoint_config(service, key, scene.world, container.number)
        yield GentleStep("connect", {"network": known.ids[0], "endpoint": endpoint})
