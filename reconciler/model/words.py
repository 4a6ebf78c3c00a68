"""The words that every noun is made of: those of formats.md, and where and why something is so.

Part of model; imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Self, TypeAlias

Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"
Document: TypeAlias = Mapping[str, "Json"]

NOTHING: Document = {}

Kind: TypeAlias = Literal[
    "pull", "build", "create", "recreate", "start", "restart", "stop", "unpause", "rename", "update",
    "connect", "disconnect", "remove", "adopt", "set", "unset", "put-back",
]  # fmt: skip
Because: TypeAlias = Literal["change", "drift", "input", "image", "cascade", "missing", "removed"]
Sync: TypeAlias = Literal["Synced", "OutOfSync", "Unknown"]
Health: TypeAlias = Literal["Healthy", "Progressing", "Degraded", "Missing", "Suspended"]
Result: TypeAlias = Literal["Applied", "NoChange", "RolledBack", "FailedUnchanged", "FailedPartial", "Rejected"]
Owner: TypeAlias = Literal["system", "git", "local"]
Mask: TypeAlias = Callable[[str, "Json"], "Json"]
"""Replace what is secret in the value of a field path; anything else comes back as it is."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in the repository; `file` is relative to its root, `line` counts from 1."""

    file: str
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Revision:
    """One commit of the followed source."""

    commit: str
    subject: str = ""
    author: str = ""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something cannot go on. `code` names a row of `plan/texts.py`, `args` fill it.

    `target` is in the words of formats.md §3 (`stack/web`, `daemon/bridge`, `source`), `reason` one of its
    `blocked by` words.
    """

    target: str
    reason: str
    code: str
    args: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    line: int | None = None

    def at(self, place: Position | None) -> Self:
        """Return the same with its place in the repository, if there is one."""
        return replace(self, file=place.file, line=place.line) if place else self
