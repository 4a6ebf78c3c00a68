"""Normal forms of ports, and of the names a container looks up.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model import NOTHING, Json
from reconciler.plan.normal_scalars import address
from reconciler.plan.subject import OTHERS, UNKNOWN, Normal, Subject, Value, items, mapping, text, texts


def desired_ports(subject: Subject) -> Normal:
    """Return published ports by `[80/tcp]`: each as `address:port`, where a missing address or port is left out."""
    found: dict[str, list[str]] = {}
    for entry in map(mapping, items(subject.document.get("ports"))):
        place = f"[{entry.get('target')}/{text(entry.get('protocol')) or 'tcp'}]"
        found.setdefault(place, []).append(_binding(entry.get("host_ip"), entry.get("published")))
    return {place: sorted(set(bindings)) for place, bindings in found.items()}


def observed_ports(subject: Subject) -> Normal:
    found: dict[str, Value] = {}
    for port, shown in mapping(subject.host.get("PortBindings")).items():
        bindings = [_binding(entry.get("HostIp"), entry.get("HostPort")) for entry in map(mapping, items(shown))]
        found[f"[{_with_protocol(port)}]"] = sorted(set(bindings)) or [""]
    return found


def _binding(host: Json, port: Json) -> str:
    published = text(port) or ""
    where = address(host)
    if where is None:
        return "" if published == "0" else published
    return f"[{where}]:{published}" if ":" in where else f"{where}:{published}"


def _with_protocol(port: str) -> str:
    return port if "/" in port else f"{port}/tcp"


def _each_port(port: str) -> Iterator[str]:
    numbers, _, protocol = port.partition("/")
    first, _, last = numbers.partition("-")
    if not last or not first.isdigit() or not last.isdigit():
        yield f"[{numbers}/{protocol or 'tcp'}]"
        return
    for found in range(int(first), int(last) + 1):
        yield f"[{found}/{protocol or 'tcp'}]"


def desired_expose(subject: Subject) -> Normal:
    """Return every exposed port by `[80/tcp]`: the image's, the published ones, and the service's own."""
    found: dict[str, Value] = {} if subject.image is not None else {OTHERS: UNKNOWN}
    stated = [*mapping((subject.image or NOTHING).get("ExposedPorts")), *texts(subject.document.get("expose"))]
    for port in stated:
        found |= dict.fromkeys(_each_port(port), True)
    for entry in map(mapping, items(subject.document.get("ports"))):
        found[f"[{entry.get('target')}/{text(entry.get('protocol')) or 'tcp'}]"] = True
    return found


def observed_expose(subject: Subject) -> Normal:
    found: dict[str, Value] = {}
    for port in mapping(subject.config.get("ExposedPorts")):
        found |= dict.fromkeys(_each_port(port), True)
    return found


# ── names ────────────────────────────────────────────────────────────────────────────────────────


def _hosts(entries: Iterator[tuple[str, str]]) -> Normal:
    found: dict[str, list[str]] = {}
    for name, where in entries:
        found.setdefault(f"[{name}]", []).append(address(where) or "")
    return {place: sorted(addresses) for place, addresses in found.items()}


def _split_host(entry: str) -> tuple[str, str]:
    name, _, where = entry.partition("=") if "=" in entry else entry.partition(":")
    return name, where


def desired_hosts(subject: Subject) -> Normal:
    """Return addresses by `[name]`; compose writes `a=::1`, the engine `a:::1`."""
    stated = subject.document.get("extra_hosts")
    pairs = [(name, item) for name, where in mapping(stated).items() for item in texts(where)]
    return _hosts(iter([*pairs, *map(_split_host, texts(stated))]))


def observed_hosts(subject: Subject) -> Normal:
    return _hosts((entry.partition(":")[0], entry.partition(":")[2]) for entry in texts(subject.host.get("ExtraHosts")))


def addresses(value: Json) -> Json:
    """Return a list of addresses in their order, None when there are none."""
    return [address(entry) for entry in texts(value)] or None
