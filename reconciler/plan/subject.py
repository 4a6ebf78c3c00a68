"""One comparison's two sides and its surroundings, and the shape of a normal form.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, TypeAlias

from reconciler.model import NOTHING, Container, Document, Json
from reconciler.plan.world import World


class Unknown(Enum):
    """The one value that cannot be told: it stands for a default that nobody recorded."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN
Value: TypeAlias = "Json | Unknown"
Normal: TypeAlias = Mapping[str, Value]
"""What one row of the table sees on one side: suffix of the path (`""`, `.A`, `[80/tcp]`) → value; absent = None."""

OTHERS: Final = "*"
"""The suffix that stands for all that are not named: `{OTHERS: UNKNOWN}` leaves them out of the comparison."""
EMPTY: Final[Normal] = {}


@dataclass(frozen=True, slots=True)
class Subject:
    """A rendered service and, unless only the service is looked at, a container with its image.

    `config`, `host`, `network` are the sections of the inspect. `image` is the config of the container's own image,
    None when it is gone. `frozen` are the engine defaults recorded when the container was made, None when lost.
    """

    document: Document
    world: World
    name: str = ""
    container: Container | None = None
    inspect: Document = field(default_factory=dict)
    config: Document = field(default_factory=dict)
    host: Document = field(default_factory=dict)
    network: Document = field(default_factory=dict)
    image: Document | None = field(default_factory=dict)
    frozen: Document | None = field(default_factory=dict)


def mapping(value: Json) -> Document:
    """Return a mapping, empty unless the value is one."""
    return value if value and isinstance(value, (dict, Mapping)) else NOTHING  # dict first: an abstract class asks long


def items(value: Json) -> Sequence[Json]:
    """Return a list, empty unless the value is one."""
    return value if isinstance(value, (list, tuple)) else ()


def texts(value: Json) -> list[str]:
    """Return a list of strings; a lone string is a list of one."""
    if not value:
        return [""] if value == "" else []
    if isinstance(value, str):
        return [value]
    return [text(item) or "" for item in items(value)]


def in_order(value: Json) -> Json:
    """Return a list of strings whose order counts, None when it is empty."""
    return list[Json](texts(value)) or None


def text(value: Json) -> str | None:
    """Return a scalar as compose writes it, None when it is absent or empty."""
    if isinstance(value, str):
        return value or None
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def under(subject: Document, *keys: str) -> Json:
    """Return what stands at the end of a chain of mappings, None when the chain breaks."""
    found: Json = subject
    for key in keys:
        if not found or not isinstance(found, (dict, Mapping)):
            return None
        found = found.get(key)
    return found


def single(value: Value) -> Normal:
    """Return the normal form of a field that has one value."""
    return EMPTY if value is None else {"": value}
