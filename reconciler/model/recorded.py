"""What is written down, as the plan reads it.

Part of model; may import only words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from reconciler.model.words import Document, Problem, Result


@dataclass(frozen=True, slots=True)
class ObjectRef:
    """An engine object by kind (`container`, `network`, `volume`) and name; `folder` is a container's working-dir label."""

    kind: Literal["container", "network", "volume"]
    name: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class AppliedService:
    """What was last applied of a service; `plan/applied.py` makes it.

    `document` is the normal form of the rendered service by field path, secrets masked. `config_hash` is compose's label on
    the containers that were proved. `finished` is for a declared job that had done its work: the digest of the definition
    at which it did.
    """

    document: Document
    inputs: Mapping[str, str] = field(default_factory=dict)
    image_id: str | None = None
    config_hash: str | None = None
    finished: str | None = None


@dataclass(frozen=True, slots=True)
class AppliedStack:
    """What was last applied of a stack and proved by an empty second plan.

    Documents are normal forms by field path, as those of `AppliedService`.
    """

    revision: str
    services: Mapping[str, AppliedService] = field(default_factory=dict)
    networks: Mapping[str, Document] = field(default_factory=dict)
    volumes: Mapping[str, Document] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecordedStack:
    """What is written down about a stack.

    `inventory` is write-ahead: before the first write the union of old and new, after success exactly the new.
    `files` are those we wrote to the stable path, with the digest of what we wrote.
    `prune` and `depends_on` are the last applied values: they still count when the stack is gone from git.
    `made` holds, by service, the inputs (`plan/applied.py`: `made_inputs`) that its containers last read: written right after
    each create, recreate and restart that succeeded, so that the look afterwards finds nothing left to do.
    """

    name: str
    project: str
    folder: str
    inventory: frozenset[ObjectRef] = frozenset()
    files: Mapping[str, str] = field(default_factory=dict)
    applied: AppliedStack | None = None
    attempted: str | None = None
    prune: bool = True
    depends_on: tuple[str, ...] = ()
    result: Result | None = None
    problem: Problem | None = None
    since: datetime | None = None
    made: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Suspension:
    """A stack that a person told us to leave alone; `until` None: until somebody resumes it."""

    who: str
    reason: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """The whole record as the plan reads it.

    `defaults` holds, by container id, the engine defaults that were frozen into it when it was made (normal-forms.md).
    `daemon_applied` are the daemon keys that git set when the daemon part was last applied. `daemon_begun` are keys that a pass
    began to set, null: to take out, and that nobody knows dockerd has read: the pass was ended in the middle.
    `device` and `machine_id` are those of the last apply, None before the first. `had_device_folder` likewise.
    `suspended` is by stack, also of those that git no longer names. `stops` says by container id when the agent saw somebody
    stop, kill or pause it: the engine itself forgets.
    """

    stacks: Mapping[str, RecordedStack] = field(default_factory=dict)
    defaults: Mapping[str, Document] = field(default_factory=dict)
    daemon_applied: Document = field(default_factory=dict)
    daemon_begun: Document = field(default_factory=dict)
    device: str | None = None
    machine_id: str | None = None
    had_device_folder: bool = False
    daemon_result: Result | None = None
    suspended: Mapping[str, Suspension] = field(default_factory=dict)
    stops: Mapping[str, datetime] = field(default_factory=dict)
