"""Field-level comparison of what compose rendered with what the engine shows. The table it walks is in fields.py.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import compress
from typing import TypeAlias

from reconciler.model import NOTHING, Container, DesiredObject, DesiredService, Document, Json, Network, Volume
from reconciler.plan import normal_objects as objects
from reconciler.plan.field import Field, Repair
from reconciler.plan.fields import SERVICE_FIELDS
from reconciler.plan.required_api import required_api
from reconciler.plan.subject import OTHERS, UNKNOWN, Normal, Subject, Value, mapping
from reconciler.plan.world import World

__all__ = [
    "Difference",
    "Repair",
    "World",
    "compare_network",
    "compare_service",
    "compare_volume",
    "frozen_defaults",
    "normal_network",
    "normal_service",
    "normal_volume",
    "required_api",
]

Keys: TypeAlias = tuple[str, ...]

_FROZEN = tuple(field for field in SERVICE_FIELDS if field.frozen)


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


# ── services ─────────────────────────────────────────────────────────────────────────────────────


def compare_service(service: DesiredService, container: Container, world: World) -> tuple[Difference, ...]:
    """Return every field in which an inspected container differs from its service, in table order, then by path."""
    subject = _subject(service, container, world)
    image = None if subject.image is None else _said(subject.image)
    found: list[Difference] = []
    for field in _rows(_said(subject.document), _said(subject.config), _said(subject.host), image):
        desired, observed = field.desired(subject), field.observed(subject)
        if desired != observed:
            found += _differences(field, desired, observed, subject)
    return tuple(found)


def _said(document: Document) -> Keys:
    """Return the keys whose values say something."""
    return tuple(compress(document, document.values()))


@lru_cache(maxsize=1024)
def _rows(document: Keys, config: Keys, host: Keys, image: Keys | None) -> tuple[Field, ...]:
    """Return the rows on which service, container or image (None: not known) have a word.

    Of a thousand containers most have a word on the same ones: to find them out is most of the work.
    """
    shown = {f"Config.{member}" for member in config} | {f"HostConfig.{member}" for member in host}
    return tuple(
        field
        for field in SERVICE_FIELDS
        if field.always
        or field.engine in shown
        or (field.image and (image is None or field.image in image))
        or not set(field.reads).isdisjoint(document)
    )


def _subject(service: DesiredService, container: Container, world: World) -> Subject:
    inspect = container.document or NOTHING
    image = world.images.get(container.image_id)
    return Subject(
        service.document,
        world,
        service.name,
        container,
        inspect,
        mapping(inspect.get("Config")),
        mapping(inspect.get("HostConfig")),
        mapping(mapping(inspect.get("NetworkSettings")).get("Networks")),
        image.config if image else None,
        world.defaults.get(container.id),
    )


def _differences(field: Field, desired: Normal, observed: Normal, subject: Subject) -> Iterator[Difference]:
    if any(subject.world.info.get(key) is False for key in field.kernel):
        return
    absent: Value = UNKNOWN if OTHERS in desired else None
    for suffix in sorted((desired.keys() | observed.keys()) - {OTHERS}):
        wanted, shown = desired.get(suffix, absent), observed.get(suffix)
        if wanted is UNKNOWN and shown is not None and _was_asked_for(field, suffix, shown, subject):
            wanted = None
        if wanted is UNKNOWN or shown is UNKNOWN or wanted == shown or (field.droppable and shown is None):
            continue
        yield _difference(field, suffix, wanted, shown)


def _was_asked_for(field: Field, suffix: str, shown: Value, subject: Subject) -> bool:
    """Tell a value that stands because we asked for it, and no longer do, from a default that nobody recorded."""
    return subject.world.applied.get(subject.name, NOTHING).get(field.path + suffix) == shown


def _difference(field: Field, suffix: str, wanted: Json, shown: Json) -> Difference:
    path = field.path + suffix
    if field.repair == "reconnect":
        key, _, part = _network_part(suffix)
        repair: Repair = "recreate" if part in {"id", "mac_address"} else "reconnect"
        network = str(shown) if wanted is None and not part else key
        return Difference(path, wanted, shown, repair, network if repair == "reconnect" else None)
    # an update takes 0 for "leave it as it is"
    cleared = field.repair == "update" and wanted is None and not field.clears
    return Difference(path, wanted, shown, "recreate" if cleared else field.repair)


_PARTS = (
    "aliases",
    "ipv4_address",
    "ipv6_address",
    "link_local_ips",
    "mac_address",
    "gw_priority",
    "driver_opts",
    "id",
)


def _network_part(suffix: str) -> tuple[str, str, str]:
    """Split `.front.aliases` into key and part; both keys and driver options may hold dots."""
    name = suffix[1:]
    for part in _PARTS:
        key, found, rest = name.partition(f".{part}")
        if found and (not rest or (part == "driver_opts" and rest.startswith("."))):
            return key, found, part
    return name, "", ""


def normal_service(document: Document, world: World) -> Mapping[str, Json]:
    """Return the normal form of what a rendered service says explicitly, by path: the paths of `Difference`.

    Nothing is inherited from the image or the engine. A difference at a path is a change when this form of the
    (masked) desired document and of the applied one differ there, else it is drift.
    """
    subject = Subject(document, world)
    found: dict[str, Json] = {}
    for field in SERVICE_FIELDS:
        for suffix, value in field.desired(subject).items():
            if value is not UNKNOWN and value is not None:
                found[field.path + suffix] = value
    return found


def frozen_defaults(container: Container, document: Document) -> Document:
    """Return the engine defaults in a container just made from a rendered service: to be recorded under its id."""
    host = mapping((container.document or NOTHING).get("HostConfig"))
    stated = Subject(document, World(""))
    found: dict[str, Json] = {
        field.frozen: host.get(field.frozen) for field in _FROZEN if field.desired(stated).get("") in {UNKNOWN, None}
    }
    return {**found, **objects.unstated(container, document)}


# ── networks and volumes ─────────────────────────────────────────────────────────────────────────


def compare_network(desired: DesiredObject, network: Network) -> tuple[Difference, ...]:
    """Return every field in which a network differs from the one in the file; external ones never do.

    Driver options that the file does not name are left out: the daemon's default ones are among them.
    """
    if desired.external:
        return ()
    wanted = objects.normal_network(desired.document)
    return _object_differences(wanted, objects.observed_network(network.document, wanted), "remake")


def compare_volume(desired: DesiredObject, volume: Volume) -> tuple[Difference, ...]:
    """Return every field in which a volume differs from the one in the file; external ones never do."""
    if desired.external:
        return ()
    return _object_differences(
        objects.normal_volume(desired.document), objects.observed_volume(volume.document), "manual"
    )


def _object_differences(wanted: Normal, observed: Normal, repair: Repair) -> tuple[Difference, ...]:
    paths = sorted(wanted.keys() | observed.keys()) if wanted != observed else ()
    pairs = ((path, wanted.get(path), observed.get(path)) for path in paths)
    return tuple(Difference(path, want, shown, repair) for path, want, shown in pairs if want != shown)  # type: ignore[arg-type]


def normal_network(document: Document) -> Mapping[str, Json]:
    """Return the normal form of a rendered network by path."""
    return objects.normal_network(document)


def normal_volume(document: Document) -> Mapping[str, Json]:
    """Return the normal form of a rendered volume by path."""
    return objects.normal_volume(document)
