"""What is there: the nouns that `observed/` makes, and the question it answers.

Part of model; may import only words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.model.words import Document, Problem


@dataclass(frozen=True, slots=True)
class Pool:
    """One default address pool of the engine: subnets of `/size` are cut from `base` (CIDR)."""

    base: str
    size: int


BUILT_IN_POOLS = (
    *(Pool(f"172.{number}.0.0/16", 16) for number in (17, 18, 19)),
    *(Pool(f"172.{number}.0.0/14", 16) for number in (20, 24, 28)),
    Pool("192.168.0.0/16", 20),
)
"""What an engine cuts networks from when its settings name no pools."""


@dataclass(frozen=True, slots=True)
class Engine:
    """The docker daemon itself. `info` is its `GET /info`."""

    version: str
    api_version: str
    info: Document = field(default_factory=dict)
    pools: tuple[Pool, ...] = BUILT_IN_POOLS


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
    failed ones. `stopped_by_hand` is for exited and paused ones: None when the engine no longer knows; `stopped_at` is when
    it was told to, where that is known: by the engine itself, as it went or came, where it was not by hand.
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
    stopped_at: datetime | None = None
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
    """A local image; `config` is the `Config` of its inspect."""

    id: str
    config: Document = field(default_factory=dict)


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
    unless a container publishes them. `stops` are those that the record knows of, by container id.
    """

    projects: frozenset[str] = frozenset()
    images: frozenset[str] = frozenset()
    paths: frozenset[str] = frozenset()
    files: frozenset[str] = frozenset()
    folders: frozenset[str] = frozenset()
    ports: frozenset[tuple[str, int]] = frozenset()
    stops: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Observed:
    """What was there at one moment. `files` maps each asked path to the digest of its content, None when absent.

    `images` maps asked references to local image ids (absent: not here); `image_configs` is by id, and holds the
    images of inspected containers too. `missing_paths` are asked paths that do not exist.
    `listeners` are there when ports were asked for. `routes` are subnets the host already routes (CIDR). `machine_id` is
    the host's. `own_container` is the id of the container of this engine that we ourselves run in, if we do.
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
    own_container: str | None = None
