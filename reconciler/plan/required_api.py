"""Which rendered fields need a newer engine API than the oldest we speak (moby, api/docs/CHANGELOG.md).

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model import Document
from reconciler.plan.subject import items, mapping, text, under

SINCE = {
    "annotations": "1.43",
    "healthcheck.start_interval": "1.44",
    "networks.*.mac_address": "1.44",
    "networks.*.gw_priority": "1.48",
    "networks.*.interface_name": "1.49",
    "volumes[*].bind.recursive": "1.44",
    "volumes[*].volume.subpath": "1.45",
    "volumes[*].image": "1.48",
    "enable_ipv4": "1.48",
}
"""The first engine API that knows a field: an older one refuses it half way, or drops it without a word."""


def required_api(document: Document) -> tuple[tuple[str, str], ...]:
    """Return each path of a rendered service or network that needs an engine API, with that API's version."""
    return tuple(sorted(_found(document)))


def _found(document: Document) -> Iterator[tuple[str, str]]:
    for key in ("annotations", "enable_ipv4"):
        if document.get(key) not in (None, {}, []):
            yield key, SINCE[key]
    if under(document, "healthcheck", "start_interval"):
        yield "healthcheck.start_interval", SINCE["healthcheck.start_interval"]
    for key, endpoint in mapping(document.get("networks")).items():
        for part in ("mac_address", "gw_priority", "interface_name") if endpoint else ():
            if mapping(endpoint).get(part):
                yield f"networks.{key}.{part}", SINCE[f"networks.*.{part}"]
    for mount in map(mapping, items(document.get("volumes"))):
        yield from _of_mount(mount)


def _of_mount(mount: Document) -> Iterator[tuple[str, str]]:
    place = f"volumes[{text(mount.get('target'))}]"
    if mount.get("type") == "image":
        yield place, SINCE["volumes[*].image"]
    if mapping(mount.get("volume")).get("subpath"):
        yield f"{place}.volume.subpath", SINCE["volumes[*].volume.subpath"]
    if mapping(mount.get("bind")).get("recursive") in {"writable", "readonly"}:
        yield f"{place}.bind.recursive", SINCE["volumes[*].bind.recursive"]
