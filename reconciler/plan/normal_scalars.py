"""Normal forms of durations, sizes, numbers, addresses and paths.

Room 3 (plan); may import only model and errors. What cannot be read stays as it is, so that it is still compared.
"""

from __future__ import annotations

import ipaddress
import posixpath
import re

from reconciler.model import Json

_DURATION_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_DURATION_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d)")
_CLEAN_PATH = re.compile(r"(?:/[^/.][^/]*)+")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?", re.IGNORECASE)
_SIZE_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def nanoseconds(value: Json) -> int | None:
    """Return a duration (`1m30s`) in nanoseconds, None when it is absent or cannot be read; a number is taken as it is."""
    if isinstance(value, (int, float)):
        return int(value)
    if not isinstance(value, str):
        return None
    parts = _DURATION_PART.findall(value)
    if not parts or "".join(number + unit for number, unit in parts) != value:
        return int(value) if value.isdigit() else None
    return round(sum(float(number) * _DURATION_UNITS[unit] for number, unit in parts))


def seconds(value: Json) -> int | None:
    """Return a duration in whole seconds, cut off as compose does."""
    nanos = nanoseconds(value)
    return None if nanos is None else nanos // 1_000_000_000


def microseconds(value: Json) -> Json:
    """Return a duration in microseconds; a bare number already is. None for nothing or 0."""
    if isinstance(value, str) and not value.isdigit():
        nanos = nanoseconds(value)
        return value if nanos is None else nanos // 1_000 or None
    return number(value)


def number(value: Json) -> Json:
    """Return an integer, None for nothing or 0."""
    if isinstance(value, str):
        try:
            return int(value) or None
        except ValueError:
            return value or None
    return value or None


def size(value: Json) -> Json:
    """Return a size (`64m`, `"67108864"`) in bytes, None for nothing or 0."""
    if not isinstance(value, str):
        return number(value)
    if match := _SIZE.fullmatch(value):
        return int(float(match[1]) * 1024 ** _SIZE_POWERS[match[2].lower()]) or None
    return number(value)


def positive(value: Json) -> Json:
    """Return a size in bytes, None for nothing and for what the engine takes as "no limit"."""
    found = size(value)
    return None if isinstance(found, (int, float)) and found <= 0 else found


def cpus(value: Json) -> Json:
    """Return a number of CPUs to six digits: compose keeps them as 32 bit floats."""
    try:
        return float(f"{float(str(value)):.6g}") or None
    except ValueError:
        return None if value is None else value


def nano_cpus(value: Json) -> Json:
    """Return the engine's thousand-millionths of a CPU as CPUs to six digits."""
    return cpus(value / 1e9) if isinstance(value, (int, float)) else None


def address(value: Json) -> str | None:
    """Return an IP address in its shortest spelling; anything else as it is."""
    if not isinstance(value, str) or not value:
        return None
    bare = value.strip("[]")
    try:
        return str(ipaddress.ip_address(bare))
    except ValueError:
        return value


def subnet(value: Json) -> str | None:
    """Return an IP network in its shortest spelling, host bits cleared; anything else as it is."""
    if not isinstance(value, str) or not value:
        return None
    try:
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        return value


def hardware_address(value: Json) -> str | None:
    """Return a MAC address in lower case with colons."""
    return value.lower().replace("-", ":") if isinstance(value, str) and value else None


def path(value: Json) -> str | None:
    """Return a path cleaned of `.`, `..`, double and trailing slashes, without looking at any disk."""
    if not isinstance(value, str) or not value:
        return None
    if _CLEAN_PATH.fullmatch(value):
        return value
    found = posixpath.normpath(value)
    return found[1:] if found.startswith("//") else found  # POSIX lets two leading slashes stand, more than two not
