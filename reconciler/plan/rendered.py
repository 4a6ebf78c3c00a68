"""Read single facts out of a rendered service: how many, what it waits for, whose namespaces it shares.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.model import DesiredService, Json
from reconciler.plan import normal_images
from reconciler.plan import normal_network as network
from reconciler.plan.subject import items, mapping

_SHARED = ("network_mode", "ipc", "pid")
_NAMING_OTHERS = frozenset({"depends_on", "volumes_from", *_SHARED})
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)")
_SECONDS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def replicas(service: DesiredService) -> int:
    """Return how many containers a service shall have: `scale` and `deploy.replicas` agree where both are rendered."""
    scale = service.document.get("scale")
    wanted = mapping(service.document.get("deploy")).get("replicas") if scale is None else scale
    return wanted if isinstance(wanted, int) else 1


def container_name(project: str, service: DesiredService, number: int) -> str:
    """Return the name that compose gives to a service's container."""
    return network.container_name(service.document, project, service.name, number)


def container_names(project: str, service: DesiredService) -> tuple[str, ...]:
    """Return the names of all containers that a service shall have when none is there yet."""
    return tuple([container_name(project, service, number) for number in range(1, replicas(service) + 1)])


def image_reference(project: str, service: DesiredService) -> str:
    """Return the image's reference; compose calls what it builds without one `project-service`."""
    return normal_images.image_reference(service.document, project, service.name)


def is_built(service: DesiredService) -> bool:
    """Tell whether the service's image is built from the stack's folder."""
    return service.document.get("build") is not None


def waits(service: DesiredService) -> dict[str, str]:
    """Return what a service waits for: service → condition (`service_started`, `service_healthy`, …)."""
    if _NAMING_OTHERS.isdisjoint(service.document):
        return {}
    found: dict[str, str] = dict.fromkeys(shares(service), "service_started")
    found.update(dict.fromkeys(volume_donors(service), "service_started"))
    for name, details in mapping(service.document.get("depends_on")).items():
        found[name] = str(mapping(details).get("condition") or "service_started")
    return found


def optional_waits(service: DesiredService) -> frozenset[str]:
    """Name the dependencies that a service can do without (`required: false`)."""
    entries = mapping(service.document.get("depends_on")).items()
    return frozenset(name for name, details in entries if mapping(details).get("required") is False)


def restarts_with(service: DesiredService) -> frozenset[str]:
    """Name the services with which a service asks to be restarted."""
    entries = mapping(service.document.get("depends_on")).items()
    return frozenset(name for name, details in entries if mapping(details).get("restart") is True)


def shares(service: DesiredService) -> frozenset[str]:
    """Name the services whose namespaces a service lives in."""
    modes = [str(mode) for key in _SHARED if (mode := service.document.get(key))]
    return frozenset([mode.removeprefix("service:") for mode in modes if mode.startswith("service:")])


def volume_donors(service: DesiredService) -> frozenset[str]:
    """Name the services whose mounts a service takes over (`volumes_from`)."""
    entries = [str(entry) for entry in items(service.document.get("volumes_from"))]
    return frozenset([entry.partition(":")[0] for entry in entries if not entry.startswith("container:")])


def binds(service: DesiredService) -> Iterator[tuple[str, str]]:
    """Yield source and target of every bind mount, both absolute."""
    for mount in map(mapping, items(service.document.get("volumes"))):
        if mount.get("type") == "bind":
            yield str(mount.get("source") or ""), str(mount.get("target") or "")


def network_keys(service: DesiredService) -> frozenset[str]:
    """Name the networks of the file that a service is on."""
    return frozenset(mapping(service.document.get("networks")))


def volume_keys(service: DesiredService) -> frozenset[str]:
    """Name the volumes of the file that a service mounts."""
    mounts = map(mapping, items(service.document.get("volumes")))
    return frozenset(
        str(mount.get("source")) for mount in mounts if mount.get("type") == "volume" and mount.get("source")
    )


def seconds(value: Json, default: float) -> float:
    """Read a duration as compose renders it (`1m30s`); the default when there is none."""
    if not isinstance(value, str):
        return default
    found = _DURATION.findall(value)
    return sum(float(number) * _SECONDS[unit] for number, unit in found) if found else default
