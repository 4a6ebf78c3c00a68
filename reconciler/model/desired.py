"""What git says: the nouns that `desired/` makes.

Part of model; may import only words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciler.model.words import Document, Json, Owner, Position, Problem, Revision


@dataclass(frozen=True, slots=True)
class SourceState:
    """How the last look at the git source went; `problem` is None when it went well."""

    url: str
    revision: Revision | None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class IgnoreRule:
    """A field whose drift is shown but not acted on: a path glob such as `services.web.labels.traefik*`."""

    path: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class StackSettings:
    """What `stack.yaml` says (formats.md §1), defaults filled in; `stop_grace` is in seconds."""

    where: tuple[str, ...] | None = None
    depends_on: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    env_files: tuple[str, ...] = ()
    jobs: tuple[str, ...] = ()
    prune: bool = True
    adopt: bool = False
    ignore: tuple[IgnoreRule, ...] = ()
    correct: Literal["auto", "report"] | None = None
    stop_grace: float | None = None
    positions: Mapping[str, Position] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StackFile:
    """One file of a stack's effective folder.

    `path` is relative to the folder; `digest` is git's blob id of the content; `origin` the repository path
    (of the layer that won). The content is read from `staged`, or is `content` when we merged it ourselves.
    """

    path: str
    digest: str
    origin: str
    executable: bool = False
    staged: str | None = None
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class DesiredService:
    """One service as compose renders it, `$$` unescaped, with the stable path in place of the staged one.

    `digest` covers the document. `inputs` names what compose does not hash, each with the digest of its content:
    `bind:<path in folder>`, `config:<name>`, `secret:<name>`, `build:<context>`,
    `profile:<path>` (seccomp).
    `positions` maps the service's own keys (`image`, `environment`) to where they stand; the key `""` is the service.
    """

    name: str
    document: Document
    digest: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    positions: Mapping[str, Position] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DesiredObject:
    """A network or volume of a stack: `key` in the file, `name` on the engine."""

    key: str
    name: str
    document: Document
    external: bool = False
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class DesiredStack:
    """One stack of this device. With `problems` it cannot be rendered, and services, networks, volumes are empty.

    `folder` is the stable path. `compose_files` (relative to it) and `env_file` (absolute, the effective variables)
    are what compose is called with. `variables` go into that env file. `configs` and `secrets` are the top-level ones
    as compose renders them, by key. `done` are jobs that the record proves finished at this very definition
    (`plan/applied.py`: `remember`): they need no container any more.
    """

    name: str
    project: str
    folder: str
    settings: StackSettings = field(default_factory=StackSettings)
    files: tuple[StackFile, ...] = ()
    compose_files: tuple[str, ...] = ()
    env_file: str = ""
    variables: Mapping[str, str] = field(default_factory=dict)
    services: tuple[DesiredService, ...] = ()
    networks: tuple[DesiredObject, ...] = ()
    volumes: tuple[DesiredObject, ...] = ()
    configs: Mapping[str, Document] = field(default_factory=dict)
    secrets: Mapping[str, Document] = field(default_factory=dict)
    position: Position | None = None
    problems: tuple[Problem, ...] = ()
    done: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class DaemonKey:
    """A wanted top-level key of daemon.json and who owns it; `position` is where git, or the settings file, says so."""

    name: str
    value: Json
    owner: Owner
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class DesiredDaemon:
    """The dockerd settings wanted on this device; with `problems` git's part of them is rejected as a whole.

    `allow` names keys that the device opens to git although they change who has power over it.
    """

    keys: tuple[DaemonKey, ...] = ()
    problems: tuple[Problem, ...] = ()
    allow: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Desired:
    """What git says for this device at one revision.

    `elsewhere` are stacks the repository holds for other devices only. `has_device_folder` is whether `devices/<device>`
    exists. `problems` concern the repository as a whole: nothing is changed while there are any.
    `secrets` are values that must never be shown (from `env_dir`, and contents of secrets).
    """

    device: str
    revision: Revision
    stacks: tuple[DesiredStack, ...] = ()
    elsewhere: tuple[str, ...] = ()
    daemon: DesiredDaemon | None = None
    has_device_folder: bool = False
    problems: tuple[Problem, ...] = ()
    secrets: frozenset[str] = frozenset()
