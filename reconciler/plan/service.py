"""Plan one service: which containers are missing or too many, and the least harm that mends each of the others.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.model import (
    Action,
    Because,
    Cause,
    Container,
    DesiredService,
    Document,
    FieldDiff,
    Held,
    Kind,
)
from reconciler.plan.applied import SCALE
from reconciler.plan.findings import Finding, because_of, cause_of, look_at
from reconciler.plan.gentle import gentle_steps
from reconciler.plan.inputs import Stale, needs_new_container, stale_inputs
from reconciler.plan.jobs import has_failed, is_finished
from reconciler.plan.rendered import container_name, network_keys, replicas
from reconciler.plan.scene import BEFORE, Draft, Scene
from reconciler.plan.subject import under

LEFTOVER = re.compile(r"[0-9a-f]{12}_(.+)")
"""How compose calls a container while it takes the place of another."""
_NETWORK_ID = re.compile(r"[0-9a-f]{64}")
_ENDS_SOMETHING = frozenset({"recreate", "restart", "stop", "remove", "disconnect"})
_UP = frozenset({"running", "paused", "restarting"})


@dataclass(frozen=True, slots=True)
class Roster:
    """A service's containers: those to keep, those too many, and the names of those that are missing."""

    kept: tuple[Container, ...]
    surplus: tuple[Container, ...]
    leftovers: tuple[Container, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A service within its stack's plan: `remade` are the keys of networks that are removed and made again."""

    scene: Scene
    service: DesiredService
    level: int
    job: bool
    remade: frozenset[str] = frozenset()
    put_back: frozenset[str] = frozenset()

    @property
    def target(self) -> str:
        return f"{self.scene.target}/service/{self.service.name}"


def plan_service(place: Place, containers: Sequence[Container]) -> Draft:
    """Plan a service, given those of its containers that are ours."""
    roster = call_roll(place, containers)
    stale = stale_inputs(place.scene, place.service, place.put_back)
    looks = [(container, *_look(place, container)) for container in roster.kept]
    held: list[Held] = []
    for _, _, found in looks:
        held += [one for one in found if one not in held]
    mending = _mend(place, [(container, findings) for container, findings, _ in looks], stale)
    return Draft(
        actions=(
            *[_remove(place, container, "leftover") for container in roster.leftovers],
            *[_remove(place, container, "surplus") for container in roster.surplus],
            *mending,
            *_create(place, roster.missing),
        ),
        held=tuple(held),
    )


def call_roll(place: Place, containers: Sequence[Container]) -> Roster:
    """Tell who is to stay, who is too many and who is missing; containers come in the order of their numbers."""
    stack, service = place.scene.stack, place.service
    leftovers = tuple([c for c in containers if _is_leftover(c, place.scene.facts.names)])
    whole = [c for c in containers if c not in leftovers]
    wanted = replicas(service)
    top = max([c.number for c in whole], default=0)
    missing = range(top + 1, top + 1 + wanted - len(whole)) if service.name not in stack.done else ()
    names = tuple([container_name(stack.project, service, number) for number in missing])
    return Roster(tuple(whole[:wanted]), tuple(whole[wanted:]), leftovers, names)


def act(
    place: Place,
    kind: Kind,
    because: Because,
    cause: Cause,
    container: Container,
    fields: Iterable[FieldDiff] = (),
    params: Document | None = None,
) -> Action:
    """Plan one thing to be done to a container of the service."""
    return Action(
        target=place.target,
        kind=kind,
        because=because,
        cause=cause,
        object=container.name,
        stack=place.scene.stack.name,
        service=place.service.name,
        object_id=container.id,
        params=params or {},
        fields=tuple(fields),
        risks=("downtime",) if kind in _ENDS_SOMETHING and container.state in _UP else (),
        level=BEFORE - 1 if kind in ("remove", "rename") else place.level,
    )


def placed(place: Place, code: str, args: Mapping[str, str] | None = None, path: str = "", *, git: bool) -> Cause:
    """Say why, with the service's place in the repository; `git`: the planned commit is to blame."""
    position = place.scene.position(place.service, path)
    return Cause(
        code,
        args or {},
        commit=place.scene.commit if git else None,
    ).at(position)


def _mend(place: Place, looks: Sequence[tuple[Container, list[Finding]]], stale: Stale) -> list[Action]:
    """Mend what is there: compose makes all containers of a service anew, or none."""
    if not (place.remade or stale.names or stale.put_back) and all(_is_well(*look) for look in looks):
        return []
    remakes = [_remake(place, container, findings, stale) for container, findings in looks]
    if not any(remakes):
        return [action for container, findings in looks for action in _soften(place, container, findings, stale)]
    along = Cause("replica", {"service": place.service.name})
    return [
        remake or act(place, "recreate", "cascade", along, container)
        for remake, (container, _) in zip(remakes, looks, strict=True)
    ]


def _is_well(container: Container, findings: list[Finding]) -> bool:
    """Tell whether a container runs and is as it is wanted, as most are most of the time."""
    return not findings and container.state == "running"


def _remake(place: Place, container: Container, findings: list[Finding], stale: Stale) -> Action | None:
    """Plan to make a container anew, if nothing less helps; a job that has run is run again only for a change in git."""
    reasons = [
        finding
        for finding in findings
        if finding.difference.repair == "recreate" or _cannot_connect(place, container, finding)
    ]
    copied = [name for name in stale.names if needs_new_container(place.scene.stack, name, job=place.job)]
    if reasons and (not copied or because_of(reasons) == "change"):
        fields = [finding.diff for finding in findings]
        because = because_of(reasons)
        return act(place, "recreate", because, cause_of(reasons, place.scene.commit), container, fields)
    if copied:
        return act(
            place, "recreate", "input", placed(place, "input", {"inputs": ", ".join(copied)}, git=True), container
        )
    return None if _has_run(place, container) else _remake_anyway(place, container)


def _look(place: Place, container: Container) -> tuple[list[Finding], list[Held]]:
    """Look at one container; what would run a job again, and is no change in git, is only reported."""
    findings, held = look_at(place.scene, place.service, container)
    again = [finding for finding in findings if finding.difference.repair == "recreate"]
    if not again or not _has_run(place, container) or because_of(again) == "change":
        return findings, held
    left = Held(place.target, "report", tuple(finding.diff for finding in again), note="the job would run again")
    return [finding for finding in findings if finding not in again], [*held, left]


def _has_run(place: Place, container: Container) -> bool:
    ended = is_finished(container, job=place.job, service=place.service)
    return ended or has_failed(container, job=place.job)


def _remake_anyway(place: Place, container: Container) -> Action | None:
    remade = sorted(network_keys(place.service) & place.remade)
    if remade:
        cause = placed(place, "network-remade", {"networks": ", ".join(remade)}, "networks", git=False)
        return act(place, "recreate", "cascade", cause, container)
    if container.state == "dead":
        return act(place, "recreate", "drift", placed(place, "dead", git=False), container)
    return None


def _cannot_connect(place: Place, container: Container, finding: Finding) -> bool:
    """Tell whether a container is to be connected, and the network is still to be made, or its first one is no more.

    With the id of a vanished network for its network mode, the engine connects a container to none.
    """
    if finding.difference.repair != "reconnect":
        return False
    network = place.scene.world.networks.get(finding.difference.network or "")
    mode = under(container.document or {}, "HostConfig", "NetworkMode")
    is_id = isinstance(mode, str) and _NETWORK_ID.fullmatch(mode) is not None
    gone = is_id and all(one.id != mode for one in place.scene.facts.observed.networks)
    return network is not None and (not network.ids or gone)


def _soften(place: Place, container: Container, findings: list[Finding], stale: Stale) -> list[Action]:
    actions: list[Action] = []
    for found in _by_repair(findings):
        because, cause = because_of(found), cause_of(found, place.scene.commit)
        for step in gentle_steps(place.scene, place.service, container, [finding.difference for finding in found]):
            fields = [finding.diff for finding in found] if step.shows else []
            actions.append(act(place, step.kind, because, cause, container, fields, step.params))
    return [*actions, *_move(place, container, stale)]


def _by_repair(findings: list[Finding]) -> list[list[Finding]]:
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        groups.setdefault((finding.difference.repair, finding.difference.network or ""), []).append(finding)
    return list(groups.values())


def _move(place: Place, container: Container, stale: Stale) -> list[Action]:
    """Start what stands still, and restart what has read an input that is no longer so."""
    if is_finished(container, job=place.job, service=place.service) or has_failed(container, job=place.job):
        return []
    if container.state in ("exited", "created"):
        code = "stopped" if container.state == "exited" else "never-started"
        return [act(place, "start", "drift", placed(place, code, git=False), container)]
    actions = []
    if container.state == "paused":
        actions.append(act(place, "unpause", "drift", placed(place, "paused", git=False), container))
    if stale.names:
        cause = placed(place, "input", {"inputs": ", ".join(stale.names)}, git=True)
        actions.append(act(place, "restart", "input", cause, container))
    elif stale.put_back:
        cause = placed(place, "put-back", {"files": ", ".join(stale.put_back)}, git=False)
        actions.append(act(place, "restart", "drift", cause, container))
    return actions


def _remove(place: Place, container: Container, code: str) -> Action:
    cause = placed(place, code, {"replicas": str(replicas(place.service))}, git=False)
    return act(place, "remove", "removed" if code == "surplus" else "drift", _scaled(place) or cause, container)


def _create(place: Place, names: Sequence[str]) -> list[Action]:
    """Plan what is missing: a change where git is known to have brought it, and plainly missing otherwise."""
    if not names:
        return []
    recorded = place.scene.recorded
    is_new = recorded is not None and recorded.applied is not None and place.scene.applied(place.service.name) is None
    applied = place.scene.applied(place.service.name)
    if applied is not None and applied.finished:
        change: Cause | None = placed(place, "job-changed", git=True)
    else:
        change = placed(place, "new-service", git=True) if is_new else _scaled(place)
    return [
        Action(
            target=place.target,
            kind="create",
            because="change" if change else "missing",
            cause=change or placed(place, "missing", git=False),
            object=name,
            stack=place.scene.stack.name,
            service=place.service.name,
            level=place.level,
        )
        for name in names
    ]


def _scaled(place: Place) -> Cause | None:
    """Say that git wants another number of containers than was applied, if that is so."""
    applied = place.scene.applied(place.service.name)
    before, wanted = applied.document.get(SCALE) if applied else None, replicas(place.service)
    if before in (None, wanted):
        return None
    return placed(place, "scale", {"replicas": str(wanted), "applied": str(before)}, "scale", git=True)


def _is_leftover(container: Container, names: Mapping[str, Container]) -> bool:
    """Tell whether an interrupted compose run left a container that never started, beside the one it was to replace."""
    match = LEFTOVER.fullmatch(container.name) if container.state == "created" else None
    return match is not None and match[1] in names
