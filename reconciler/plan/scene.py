"""What the planner of one stack looks at, and what it hands back.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from reconciler.model import (
    Action,
    AppliedService,
    Container,
    DesiredService,
    DesiredStack,
    Held,
    Mask,
    Network,
    ObjectRef,
    Observed,
    Position,
    Problem,
    RecordedStack,
    Suspension,
    Volume,
)
from reconciler.plan.world import World

BEFORE = -1
"""The level of what makes room before the services of level 0 are touched."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a plan is wanted.

    `now` is UTC. `source` is the address of the repository. `scope` limits the plan to these stacks (and `daemon`); None: all.
    `correct` and `stop_grace` (seconds) are the device's own settings; a stack's win over them. A `patient` plan leaves
    alone what somebody stopped on purpose until its grace is over.
    """

    now: datetime
    agent: str
    source: str
    confirm_prune: bool = False
    correct: Literal["auto", "report"] = "auto"
    scope: frozenset[str] | None = None
    patient: bool = False
    stop_grace: float = 600.0

    def covers(self, name: str) -> bool:
        """Tell whether a stack, or `daemon`, is to be planned."""
        return self.scope is None or name in self.scope


@dataclass(frozen=True, slots=True)
class Draft:
    """A part of a plan, before ids and order are given."""

    actions: tuple[Action, ...] = ()
    blocked: tuple[Problem, ...] = ()
    held: tuple[Held, ...] = ()
    notes: tuple[Problem, ...] = ()


def total(drafts: Iterable[Draft]) -> Draft:
    """Put parts together in their order."""
    parts = [part for part in drafts if part.actions or part.blocked or part.held or part.notes]
    if len(parts) <= 1:  # most of the time nothing is to be done
        return parts[0] if parts else Draft()
    return Draft(
        tuple(action for part in parts for action in part.actions),
        tuple(problem for part in parts for problem in part.blocked),
        tuple(held for part in parts for held in part.held),
        tuple(note for part in parts for note in part.notes),
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """Observed, indexed once, without containers that are being removed; `containers` are by project, without one-offs."""

    observed: Observed
    containers: Mapping[str, tuple[Container, ...]] = field(default_factory=dict)
    names: Mapping[str, Container] = field(default_factory=dict)
    networks: Mapping[str, tuple[Network, ...]] = field(default_factory=dict)
    project_networks: Mapping[str, tuple[Network, ...]] = field(default_factory=dict)
    volumes: Mapping[str, Volume] = field(default_factory=dict)
    attached: Mapping[str, tuple[Container, ...]] = field(default_factory=dict)
    """By network id: the containers on it, running or not, one-offs too."""


def index_facts(observed: Observed) -> Facts:
    """Index what was observed, so that no stack has to search."""
    ordered = sorted(observed.containers, key=_by_number)
    containers: dict[str, list[Container]] = {}
    attached: dict[str, list[Container]] = {}
    for container in ordered:
        if container.project and not container.oneoff and container.state != "removing":
            containers.setdefault(container.project, []).append(container)
        for network_id in container.networks.values():
            attached.setdefault(network_id, []).append(container)
    return Facts(
        observed=observed,
        containers={project: tuple(found) for project, found in containers.items()},
        names={container.name: container for container in ordered if container.state != "removing"},
        networks=_networks_by(observed.networks, lambda network: network.name),
        project_networks=_networks_by(observed.networks, lambda network: network.project or ""),
        volumes={volume.name: volume for volume in observed.volumes},
        attached={network_id: tuple(sorted(found, key=lambda one: one.name)) for network_id, found in attached.items()},
    )


def _by_number(container: Container) -> tuple[str, int, str]:
    return (container.service or "", container.number, container.name)


def _networks_by(networks: Iterable[Network], key: Callable[[Network], str]) -> dict[str, tuple[Network, ...]]:
    found: dict[str, list[Network]] = {}
    for network in networks:
        found.setdefault(key(network), []).append(network)
    return {name: tuple(sorted(group, key=lambda network: network.id)) for name, group in found.items()}


@dataclass(frozen=True, slots=True)
class Scene:
    """One desired stack and all that its plan depends on.

    `containers` are those of the project that are ours, or that we are told to adopt. `commit` is the revision that is planned.
    `makers` name the stack that makes a network or volume, by kind and name. `suspended` is set while the stack is.
    """

    stack: DesiredStack
    recorded: RecordedStack | None
    containers: tuple[Container, ...]
    world: World
    facts: Facts
    options: Options
    mask: Mask
    commit: str
    makers: Mapping[tuple[str, str], str] = field(default_factory=dict)
    suspended: Suspension | None = None

    @property
    def target(self) -> str:
        """Name the stack in the words of a plan."""
        return f"stack/{self.stack.name}"

    @property
    def reports_only(self) -> bool:
        """Tell whether drift is to be reported and not corrected."""
        return (self.stack.settings.correct or self.options.correct) == "report"

    @property
    def follows_an_unproved_attempt(self) -> bool:
        """Tell whether git moved on from a commit that was tried and never proved: what differs is then that commit's."""
        if self.recorded is None:
            return False
        proved = self.recorded.applied.revision if self.recorded.applied else None
        return self.recorded.attempted not in (None, self.commit, proved)

    def may_touch(self, container: Container) -> bool:
        """Tell whether a container is one of this stack's."""
        return any(own.id == container.id for own in self.containers)

    def applied(self, service: str) -> AppliedService | None:
        """Return what was last applied of a service; None when nothing is known."""
        if self.recorded is None or self.recorded.applied is None:
            return None
        return self.recorded.applied.services.get(service)

    def position(self, service: DesiredService, path: str = "") -> Position | None:
        """Find where a field of a service, or the service, stands in the repository."""
        key = path.replace("[", ".").partition(".")[0]
        return service.positions.get(key) or service.positions.get("") or self.stack.position


def own_containers(stack: DesiredStack, recorded: RecordedStack | None, facts: Facts) -> tuple[Container, ...]:
    """Return the containers of a stack that are ours, and those of its services that it is told to adopt."""
    adopted = {service.name for service in stack.services} if stack.settings.adopt else set()
    found = facts.containers.get(stack.project, ())
    return tuple(c for c in found if is_ours(c, stack, recorded) or c.service in adopted)


def is_ours(container: Container, stack: DesiredStack, recorded: RecordedStack | None) -> bool:
    """Tell whether we made a container, or adopted it: inventory and working-dir label agree, or its labels say so.

    The label of the env file survives a lost record: every compose call of ours names that file.
    """
    if container.project != stack.project:
        return False
    if container.working_dir == stack.folder and container.env_file == stack.env_file != "":
        return True
    return is_listed(recorded, "container", container.name, container.working_dir)


def is_listed(
    recorded: RecordedStack | None,
    kind: Literal["container", "network", "volume"],
    name: str,
    folder: str | None = "",
) -> bool:
    """Tell whether the write-ahead inventory holds an object; a container with the `folder` of its label."""
    return recorded is not None and ObjectRef(kind, name, folder or "") in recorded.inventory
