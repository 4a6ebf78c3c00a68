"""What must change: the nouns that `plan/` makes.

Part of model; may import only words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self

from reconciler.model.words import Because, Document, Json, Kind, Position, Problem, Revision


@dataclass(frozen=True, slots=True)
class FieldDiff:
    """One differing field in compose's words (`environment.A`); None = not known or absent. Secrets are masked."""

    path: str
    desired: Json = None
    applied: Json = None
    observed: Json = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an action is planned, as data; `plan/texts.py` says it in words."""

    code: str
    args: Mapping[str, str] = field(default_factory=dict)
    file: str | None = None
    line: int | None = None
    commit: str | None = None

    def at(self, place: Position | None) -> Self:
        """Return the same with its place in the repository, if there is one."""
        return replace(self, file=place.file, line=place.line) if place else self


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do. `id` is unique in its plan; `after` are ids that must have succeeded before.

    `object` names the engine object (or file, or daemon key). `object_id` (container or network id) and `params` are what
    `apply/` needs to do it and are not part of the printed plan. `level` orders the services of a stack: all of
    one level are done, and ready as far as the next level waits for it, before the next begins.
    """

    target: str
    kind: Kind
    because: Because
    cause: Cause
    object: str = ""
    id: str = ""
    stack: str | None = None
    service: str | None = None
    object_id: str | None = None
    params: Document = field(default_factory=dict)
    fields: tuple[FieldDiff, ...] = ()
    risks: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    level: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """Seen, but not acted on; `why` is a word of formats.md §3 and `note` a person's reason."""

    target: str
    why: str
    fields: tuple[FieldDiff, ...] = ()
    until: datetime | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be done, what cannot be, and what is left alone on purpose."""

    device: str
    agent: str
    created: datetime
    source: str
    revision: Revision
    index: str
    actions: tuple[Action, ...] = ()
    blocked: tuple[Problem, ...] = ()
    held: tuple[Held, ...] = ()
    notes: tuple[Problem, ...] = ()
    """Worth saying, not in the way: a missing bind source, an unknown profile."""
