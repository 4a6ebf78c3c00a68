"""Look into parsed documents of any shape without tripping over it.

Room 1 (desired); may import model.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.model import Json


def get(value: Json, key: str) -> Json:
    """Return the value of a key, None where there is none."""
    return value.get(key) if isinstance(value, Mapping) else None


def mapping(value: Json) -> Mapping[str, Json]:
    """Return a mapping as it is, anything else as an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: Json) -> list[Json]:
    """Return a list as it is, anything else as an empty one."""
    return value if isinstance(value, list) else []
