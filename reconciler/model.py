"""Every noun that two rooms share, as frozen values.

Data walks one way: desired → observed → plan → apply → record. What crosses a border between rooms is
defined here and nowhere else. Documents of other programs (compose's rendered service, the engine's inspect)
travel inside these nouns as `Document`, unchanged, and only `plan/` interprets them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, TypeAlias

Json: TypeAlias = "None | bool | int | float | str | Sequence[Json] | Mapping[str, Json]"
Document: TypeAlias = Mapping[str, "Json"]

NOTHING: Document = {}

# ── words of formats.md ──────────────────────────────────────────────────────────────────────────

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


# ── desired ──────────────────────────────────────────────────────────────────────────────────────


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
class SourceState:
    """How the last look at the git source went; `problem` is None when it went well."""

    url: str
    revision: Revision | None
    problem: Problem | None = None


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
    as compose renders them, by key.
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


@dataclass(frozen=True, slots=True)
class DaemonKey:
    """A wanted top-level key of daemon.json and who owns it; `position` is where git, or the settings file, says so."""

    name: str
    value: Json
    owner: Owner
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class DesiredDaemon:
    """The dockerd settings wanted on this device; with `problems` the daemon part is rejected as a whole."""

    keys: tuple[DaemonKey, ...] = ()
    problems: tuple[Problem, ...] = ()


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


# ── observed ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Pool:
    """One default address pool of the engine: subnets of `/size` are cut from `base` (CIDR)."""

    base: str
    size: int


@dataclass(frozen=True, slots=True)
class Engine:
    """The docker daemon itself. `info` is its `GET /info`."""

    version: str
    api_version: str
    info: Document = field(default_factory=dict)
    pools: tuple[Pool, ...] = ()


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A host port of a container: `address` is "" for all addresses; `port` is the host's, `target` the container's."""

    address: str
    port: int
    target: int
    protocol: str = "tcp"


@dataclass(frozen=True, slots=True)
class Container:
    """One container. `document` is its inspect, present for the projects that were asked for, None for others.

    `state` is the engine's word (`created running paused restarting removing exited dead`), `health` too (`starting
    healthy unhealthy`, None without a check). `project`, `service`, `number`, `working_dir`, `config_hash` come from compose's
    labels. `env_file` is compose's `project.environment_file` label: who made it called compose with it. `log_tail` is that of
    failed ones. `stopped_by_hand` is for exited ones: None when the engine no longer knows.
    """

    id: str
    name: str
    state: str
    image: str
    image_id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    project: str | None = None
    service: str | None = None
    number: int = 0
    oneoff: bool = False
    working_dir: str | None = None
    env_file: str | None = None
    config_hash: str | None = None
    health: str | None = None
    exit_code: int | None = None
    networks: Mapping[str, str] = field(default_factory=dict)
    ports: tuple[PublishedPort, ...] = ()
    document: Document | None = None
    log_tail: tuple[str, ...] = ()
    stopped_by_hand: bool | None = None
    running_for: float | None = None
    """Seconds since its start when it was looked at; None when it does not run, or was not inspected."""


@dataclass(frozen=True, slots=True)
class Network:
    """One network; `document` is its entry in `GET /networks`."""

    id: str
    name: str
    project: str | None = None
    key: str | None = None
    document: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Volume:
    """One volume; `document` is its entry in `GET /volumes`."""

    name: str
    project: str | None = None
    key: str | None = None
    document: Document = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Image:
    """A local image: `config` is the `Config` of its inspect; `platform` is `os/arch[/variant]`."""

    id: str
    config: Document = field(default_factory=dict)
    platform: str = ""
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket of the host that listens; `owner` is the process in words (`nginx (pid 12)`), "" when not known."""

    address: str
    port: int
    protocol: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class ObservedDaemon:
    """The daemon's config file, and what the running daemon says.

    `values` is None when the file cannot be read as a JSON object (`problem` says why); an absent file is `{}`.
    `effective` holds, per key, what the API can show; a key that it cannot show is absent.
    """

    path: str
    exists: bool
    values: Document | None
    effective: Document = field(default_factory=dict)
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """What this pass needs to know, so that one look answers it all.

    `projects` are inspected. `images` are references to resolve to local ids. `paths` are host paths whose existence
    matters. `files` are absolute paths whose content is to be digested (git's blob id); below `folders`, the stable folders
    of stacks, no link is followed to reach them. `ports` are host ports (protocol, number) whose listener is to be named,
    unless a container publishes them.
    """

    projects: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    ports: frozenset[tuple[str, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class Observed:
    """What was there at one moment. `files` maps each asked path to the digest of its content, None when absent.

    `images` maps asked references to local image ids (absent: not here); `image_configs` is by id, and holds the
    images of inspected containers too. `missing_paths` are asked paths that do not exist.
    `routes` are subnets the host already routes (CIDR). `machine_id` is the host's.
    """

    engine: Engine
    containers: tuple[Container, ...] = ()
    networks: tuple[Network, ...] = ()
    volumes: tuple[Volume, ...] = ()
    images: Mapping[str, str] = field(default_factory=dict)
    image_configs: Mapping[str, Image] = field(default_factory=dict)
    listeners: tuple[Listener, ...] = ()
    routes: tuple[str, ...] = ()
    missing_paths: frozenset[str] = frozenset()
    files: Mapping[str, str | None] = field(default_factory=dict)
    daemon: ObservedDaemon | None = None
    machine_id: str = ""


# ── record, as the plan reads it ─────────────────────────────────────────────────────────────────


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
    the containers that were proved.
    """

    document: Document
    inputs: Mapping[str, str] = field(default_factory=dict)
    image_id: str | None = None
    config_hash: str | None = None


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
class Recorded:
    """The whole record as the plan reads it.

    `defaults` holds, by container id, the engine defaults that were frozen into it when it was made (normal-forms.md).
    `daemon_applied` are the daemon keys that git set when the daemon part was last applied.
    `device` and `machine_id` are those of the last apply, None before the first. `had_device_folder` likewise.
    """

    stacks: Mapping[str, RecordedStack] = field(default_factory=dict)
    defaults: Mapping[str, Document] = field(default_factory=dict)
    daemon_applied: Document = field(default_factory=dict)
    device: str | None = None
    machine_id: str | None = None
    had_device_folder: bool = False
    daemon_result: Result | None = None


# ── plan ─────────────────────────────────────────────────────────────────────────────────────────


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


# ── apply ────────────────────────────────────────────────────────────────────────────────────────

StepKind: TypeAlias = Literal["files", "pull", "build", "repair-names", "up", "call", "wait", "settled"]


@dataclass(frozen=True, slots=True)
class Step:
    """The next thing to perform for one stack, as `plan/steps.py` decided it.

    `files` puts the stack's files at their stable path. `pull` and `build` act on `services`. `repair-names` mends names
    that an interrupted compose run left behind. `up` is one compose call for exactly `services` (`force`: recreate
    them, else only make what is missing). `call` is one engine call for its single action. `wait` looks again after a moment.
    `settled` ends the stack with `result`. `actions` are those of the plan which the step carries out.
    """

    kind: StepKind
    stack: str
    actions: tuple[Action, ...] = ()
    services: tuple[str, ...] = ()
    force: bool = False
    result: Result | None = None
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one action."""

    action: Action
    ok: bool
    problem: Problem | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StackOutcome:
    """What became of a stack, or of the daemon part (`stack` is then "daemon")."""

    stack: str
    result: Result
    problem: Problem | None = None
    outcomes: tuple[Outcome, ...] = ()
    seconds: float = 0.0
