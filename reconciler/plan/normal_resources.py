"""Normal forms of limits, devices and logging.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model import NOTHING, Document, Json
from reconciler.plan.normal_network import made_by
from reconciler.plan.normal_scalars import number, positive, size
from reconciler.plan.subject import (
    OTHERS,
    UNKNOWN,
    Normal,
    Subject,
    Value,
    items,
    mapping,
    single,
    text,
    texts,
    under,
)

# ── memory and processes ─────────────────────────────────────────────────────────────────────────


def memory_limit(document: Document) -> Json:
    """Return the memory limit in bytes; compose refuses two that differ."""
    return size(under(document, "deploy", "resources", "limits", "memory")) or size(document.get("mem_limit"))


def memory_and_swap(document: Document) -> Json:
    """Return the limit of memory plus swap in bytes: -1 is none, unstated it is twice the memory."""
    stated, memory = size(document.get("memswap_limit")), memory_limit(document)
    if stated is None and isinstance(memory, int):
        return 2 * memory
    return stated


def memory_reservation(document: Document) -> Json:
    """Return the soft memory limit in bytes."""
    under_deploy = under(document, "deploy", "resources", "reservations", "memory")
    return positive(under_deploy) or positive(document.get("mem_reservation"))


def process_limit(document: Document) -> Json:
    """Return the limit of processes; 0 and -1 are none."""
    return positive(under(document, "deploy", "resources", "limits", "pids")) or positive(document.get("pids_limit"))


def cpu_limit(document: Document) -> Json:
    """Return the stated number of CPUs."""
    return under(document, "deploy", "resources", "limits", "cpus") or document.get("cpus")


# ── ulimits ──────────────────────────────────────────────────────────────────────────────────────


def desired_ulimits(subject: Subject) -> Normal:
    """Return limits by `.name` as `soft:hard`; one number stands for both."""
    found: dict[str, Value] = dict.fromkeys((f".{name}" for name in subject.world.ulimits), UNKNOWN)
    for name, limit in mapping(subject.document.get("ulimits")).items():
        both = mapping(limit)
        one = number(both.get("single")) if both else number(limit)
        found[f".{name}"] = f"{number(both.get('soft')) or one or 0}:{number(both.get('hard')) or one or 0}"
    return found


def observed_ulimits(subject: Subject) -> Normal:
    shown = map(mapping, items(subject.host.get("Ulimits")))
    return {f".{limit.get('Name')}": f"{limit.get('Soft')}:{limit.get('Hard')}" for limit in shown}


# ── devices ──────────────────────────────────────────────────────────────────────────────────────


def _is_cdi(device: Document) -> bool:
    source = text(device.get("source")) or ""
    return device.get("target") == source and not source.startswith("/") and "=" in source


def _stated_devices(document: Document) -> list[Document]:
    return [_device(item) if isinstance(item, str) else mapping(item) for item in items(document.get("devices"))]


def _device(stated: str) -> Document:
    source, _, rest = stated.partition(":")
    target, _, permissions = rest.partition(":")
    return {"source": source, "target": target or source, "permissions": permissions}


def desired_devices(subject: Subject) -> Normal:
    """Return devices by `[target]` as `source:permissions`."""
    found: dict[str, Value] = {}
    for device in _stated_devices(subject.document):
        if not _is_cdi(device):
            target = text(device.get("target")) or text(device.get("source"))
            found[f"[{target}]"] = f"{device.get('source')}:{_permissions(device.get('permissions'))}"
    return found


def observed_devices(subject: Subject) -> Normal:
    found: dict[str, Value] = {}
    for device in map(mapping, items(subject.host.get("Devices"))):
        where = f"{device.get('PathOnHost')}:{_permissions(device.get('CgroupPermissions'))}"
        found[f"[{device.get('PathInContainer')}]"] = where
    return found


def _permissions(value: Json) -> str:
    return "".join(sorted(text(value) or "rwm", key="rwm".find))


def desired_requests(subject: Subject) -> Normal:
    """Return what is asked of device drivers (GPUs), a line each. Options are not compared."""
    reserved = items(under(subject.document, "deploy", "resources", "reservations", "devices"))
    lines = [_request(mapping(device), texts(mapping(device).get("capabilities"))) for device in reserved]
    if subject.container is None or made_by(subject) >= (2, 30):
        lines += [_request(device, [*texts(device.get("capabilities")), "gpu"]) for device in _gpus(subject.document)]
    named = [text(device.get("source")) or "" for device in _stated_devices(subject.document) if _is_cdi(device)]
    if named:
        lines.append(_line("cdi", 0, named, []))
    return single(list[Json](sorted(lines)) or None)


def _gpus(document: Document) -> list[Document]:
    stated = document.get("gpus")
    return [{"count": -1}] if stated == "all" else [mapping(item) for item in items(stated)]


def _request(device: Document, capabilities: Sequence[str]) -> str:
    identities, stated = texts(device.get("device_ids")), device.get("count")
    count = -1 if stated == "all" or (stated is None and not identities) else number(stated)
    return _line(text(device.get("driver")), count, identities, capabilities)


def _line(driver: str | None, count: Json, identities: Sequence[str], capabilities: Sequence[str]) -> str:
    return f"driver={driver or ''} count={count or 0} ids={','.join(identities)} capabilities={','.join(sorted(capabilities))}"


def observed_requests(subject: Subject) -> Normal:
    lines = []
    for shown in map(mapping, items(subject.host.get("DeviceRequests"))):
        capabilities = [word for group in items(shown.get("Capabilities")) for word in texts(group)]
        lines.append(
            _line(text(shown.get("Driver")), number(shown.get("Count")), texts(shown.get("DeviceIDs")), capabilities)
        )
    return single(list[Json](sorted(lines)) or None)


# ── block devices ────────────────────────────────────────────────────────────────────────────────


def desired_rates(subject: Subject, key: str) -> Normal:
    """Return rates, or weights, by `[device]`."""
    stated = map(mapping, items(under(subject.document, "blkio_config", key)))
    return {f"[{_either(entry, 'path')}]": _rate(entry) for entry in stated}


def observed_rates(subject: Subject, member: str) -> Normal:
    shown = map(mapping, items(subject.host.get(member)))
    return {f"[{_either(entry, 'path')}]": _rate(entry) for entry in shown}


def _either(entry: Document, key: str) -> Json:
    return entry.get(key) if key in entry else entry.get(key.capitalize())


def _rate(entry: Document) -> Json:
    return size(_either(entry, "rate")) or number(_either(entry, "weight"))


# ── logging ──────────────────────────────────────────────────────────────────────────────────────


def desired_logging(subject: Subject) -> Normal:
    """Return the driver and its options; what is not stated was the daemon's to choose when the container was made."""
    stated = mapping(subject.document.get("logging"))
    driver = text(stated.get("driver"))
    own: dict[str, Value] = {
        f".options.{key}": text(value) or "" for key, value in mapping(stated.get("options")).items()
    }
    if driver:
        own[".driver"] = driver
    if subject.container is None:
        return own
    frozen = (subject.frozen or NOTHING).get("LogConfig")
    if not isinstance(frozen, dict):
        return {OTHERS: UNKNOWN, **own}
    if driver and driver != frozen.get("Type"):
        return own
    return {**logging_of(frozen), **own}


def logging_of(shown: Document) -> dict[str, Value]:
    """Return the engine's LogConfig in compose's words."""
    options = mapping(shown.get("Config")).items()
    return {".driver": text(shown.get("Type")), **{f".options.{key}": text(value) or "" for key, value in options}}


def observed_logging(subject: Subject) -> Normal:
    return logging_of(mapping(subject.host.get("LogConfig")))
