"""Gather a stack's interpolation variables in the order of precedence, and merge the layers' `.env`.

Room 1 (desired); may import dotenv, layout, envfile, errors and model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.desired.dotenv import read_env
from reconciler.desired.layout import Assignment
from reconciler.envfile import env_text
from reconciler.model import Position


@dataclass(frozen=True, slots=True)
class EnvSource:
    """One env file. `file` is its path for messages; `merged`: a layer's `.env`; `secret`: the device's own, not from git."""

    content: bytes
    file: str
    merged: bool = False
    secret: bool = False


Source = EnvSource | tuple[Assignment, ...]
"""An env file, or variables that are known already."""


def gather(sources: Sequence[Source]) -> tuple[Assignment, ...]:
    """Return all variables of the sources, later ones win. Raises InvalidSource with file and line."""
    found: list[Assignment] = []
    for source in sources:
        found += _read(source, found) if isinstance(source, EnvSource) else source
    return tuple(found)


def outcome(assignments: Sequence[Assignment]) -> Mapping[str, str]:
    """Return what each variable is in the end."""
    return {assignment.name: assignment.value for assignment in assignments}


def merged_env(sources: Sequence[Source]) -> bytes:
    """Return the text of the layers' `.env` as one file: each variable as the last of them resolves it."""
    found: list[Assignment] = []
    merged: dict[str, str] = {}
    for source in sources:
        new = _read(source, found) if isinstance(source, EnvSource) else source
        found += new
        if isinstance(source, EnvSource) and source.merged:
            merged |= outcome(new)
    return env_text(merged).encode()


def _read(source: EnvSource, before: Sequence[Assignment]) -> tuple[Assignment, ...]:
    """Read an env file; a name without a value would take it from the environment, and there is none."""
    return tuple(
        Assignment(item.name, item.value, None if source.secret else Position(source.file, item.line), source.secret)
        for item in read_env(source.content, source.file, outcome(before))
        if item.value is not None
    )
