"""Plan the networks and volumes of a stack.

Room 3 (plan); may import only model, errors and its own room.

A missing one is made by compose together with the first service that uses it. A changed network is removed and made again
with its services. A volume is never removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.model import (
    Action,
    Because,
    Cause,
    Container,
    DesiredObject,
    DesiredStack,
    Kind,
    Network,
    Problem,
)
from reconciler.plan.compare import compare_network, compare_volume, normal_network
from reconciler.plan.findings import Finding, because_of, cause_of, judge_object
from reconciler.plan.rendered import network_keys, volume_keys
from reconciler.plan.scene import BEFORE, Draft, Scene, is_listed, total


@dataclass(frozen=True, slots=True)
class Networks:
    """What becomes of a stack's networks: `remade` keys take their services along, `absent` ones come with them."""

    draft: Draft
    remade: frozenset[str]
    absent: frozenset[str]


def needs_others(stack: DesiredStack) -> bool:
    """Tell whether a stack uses a network or volume that it does not make itself."""
    return any(one.external for one in stack.networks) or any(one.external for one in stack.volumes)


def makers(stacks: Iterable[DesiredStack]) -> Mapping[tuple[str, str], str]:
    """Say by kind and name which stack makes a network or volume: compose makes those that a service uses."""
    found: dict[tuple[str, str], str] = {}
    for stack in stacks:
        networks = {key for service in stack.services for key in network_keys(service)}
        volumes = {key for service in stack.services for key in volume_keys(service)}
        found |= {("network", n.name): stack.name for n in stack.networks if n.key in networks and not n.external}
        found |= {("volume", v.name): stack.name for v in stack.volumes if v.key in volumes and not v.external}
    return found


def plan_networks(scene: Scene) -> Networks:
    """Look at every network of the stack, wanted or not."""
    drafts: list[Draft] = []
    remade: set[str] = set()
    absent: set[str] = set()
    for wanted in scene.stack.networks:
        found = choose_network(scene, wanted)
        if wanted.external or found is None:
            drafts.append(_external(scene, wanted, "network", found is not None))
            absent.update(() if wanted.external else (wanted.key,))
            continue
        draft = _existing(scene, wanted, found)
        if any(action.kind == "remove" and action.object_id == found.id for action in draft.actions):
            remade.add(wanted.key)
        drafts.append(draft)
    return Networks(total([*drafts, _surplus(scene)]), frozenset(remade), frozenset(absent))


def create_with(scene: Scene, networks: Networks, made: Iterable[str]) -> list[Action]:
    """Name the networks and volumes that compose makes along with the services `made` new."""
    services = [service for service in scene.stack.services if service.name in set(made)]
    wanted_networks = {key for service in services for key in network_keys(service)}
    wanted_volumes = {key for service in services for key in volume_keys(service)}
    missing_networks = [n for n in scene.stack.networks if n.key in networks.absent | networks.remade]
    missing_volumes = [v for v in scene.stack.volumes if not v.external and v.name not in scene.facts.volumes]
    return [
        *(_create(scene, n, "network", networks.remade) for n in missing_networks if n.key in wanted_networks),
        *(_create(scene, v, "volume", frozenset()) for v in missing_volumes if v.key in wanted_volumes),
    ]


def plan_volumes(scene: Scene) -> Draft:
    """Check every volume of the stack; only a person can change one."""
    return total(_volume(scene, wanted) for wanted in scene.stack.volumes)


def choose_network(scene: Scene, wanted: DesiredObject) -> Network | None:
    """Pick the network that is meant: of several with one name ours, then the one most in use, then the lowest id."""
    found = scene.facts.networks.get(wanted.name, ())

    def rank(network: Network) -> tuple[bool, int, str]:
        return (not _is_own(scene, network, wanted.key), -len(scene.facts.attached.get(network.id, ())), network.id)

    return min(found, key=rank, default=None)


def _existing(scene: Scene, wanted: DesiredObject, found: Network) -> Draft:
    if not _is_own(scene, found, wanted.key):
        return Draft(blocked=(_problem(scene, wanted, "network", "NameTaken", "network-name-taken"),))
    draft = _doubles(scene, wanted, found)
    differences = compare_network(wanted, found)
    if not differences:
        return draft
    applied = scene.recorded.applied.networks.get(wanted.key) if scene.recorded and scene.recorded.applied else None
    findings = judge_object(differences, scene.mask, applied, normal_network(wanted.document))
    return total((draft, _remake(scene, wanted, found, findings)))


def _remake(scene: Scene, wanted: DesiredObject, found: Network, findings: list[Finding]) -> Draft:
    strangers = _strangers(scene, found)
    if strangers:
        args = {"container": strangers[0].name}
        return Draft(blocked=(_problem(scene, wanted, "network", "ForeignProject", "network-in-use", args),))
    because = because_of(findings)
    cause = cause_of(findings, scene.commit).at(wanted.position)
    remove = replace(
        _action(scene, wanted.key, found, "remove", because, cause),
        fields=tuple(finding.diff for finding in findings),
    )
    return Draft((*_detach(scene, wanted.key, found, "network-remade"), remove))


def _detach(scene: Scene, key: str, network: Network, code: str) -> list[Action]:
    """Plan to take our containers off a network that is to be removed."""
    cause = Cause(code, {"networks": key})
    return [
        Action(
            target=f"{scene.target}/service/{container.service}",
            kind="disconnect",
            because="cascade",
            cause=cause,
            object=container.name,
            stack=scene.stack.name,
            service=container.service,
            object_id=container.id,
            params={"network": network.id},
            risks=("downtime",) if container.state == "running" else (),
            level=BEFORE - 1,
        )
        for container in scene.facts.attached.get(network.id, ())
        if scene.may_touch(container)
    ]


def _doubles(scene: Scene, wanted: DesiredObject, chosen: Network) -> Draft:
    """Take away empty namesakes of ours, and mention the others."""
    drafts = []
    for other in scene.facts.networks[wanted.name]:
        if other.id == chosen.id:
            continue
        if _is_own(scene, other, wanted.key) and not scene.facts.attached.get(other.id):
            drafts.append(Draft((_action(scene, wanted.key, other, "remove", "drift", Cause("network-double")),)))
        else:
            args = {"id": other.id[:12]}
            drafts.append(Draft(notes=(_problem(scene, wanted, "network", "NameTaken", "network-double", args),)))
    return total(drafts)


def _surplus(scene: Scene) -> Draft:
    """Take away networks of ours that git no longer names, once nothing of ours is on them."""
    keys = {network.key for network in scene.stack.networks}
    drafts = []
    for network in scene.facts.project_networks.get(scene.stack.project, ()):
        if network.key in keys or network.key is None or not is_listed(scene.recorded, "network", network.name):
            continue
        strangers = _strangers(scene, network)
        if strangers:
            args = {"network": network.name, "container": strangers[0].name}
            note = Problem(f"{scene.target}/network/{network.key}", "ForeignProject", "network-left", args)
            drafts.append(Draft(notes=(note,)))
            continue
        action = _action(scene, network.key, network, "remove", "removed", Cause("gone-from-git", commit=scene.commit))
        drafts.append(Draft((*_detach(scene, network.key, network, "network-going"), action)))
    return total(drafts)


def _volume(scene: Scene, wanted: DesiredObject) -> Draft:
    found = scene.facts.volumes.get(wanted.name)
    if wanted.external or found is None:
        return _external(scene, wanted, "volume", found is not None)
    differences = compare_volume(wanted, found)
    if not differences:
        return Draft()
    fields = ", ".join(difference.path for difference in differences)
    return Draft(blocked=(_problem(scene, wanted, "volume", "VolumeChanged", "volume-changed", {"fields": fields}),))


def _external(scene: Scene, wanted: DesiredObject, kind: str, is_there: bool) -> Draft:
    maker = scene.makers.get((kind, wanted.name))
    if is_there or not wanted.external or maker in scene.stack.settings.depends_on:
        return Draft()
    code, args = ("external-of-stack", {"kind": kind, "maker": maker}) if maker else (f"external-{kind}-missing", {})
    return Draft(blocked=(_problem(scene, wanted, kind, "ExternalMissing", code, args),))


def _is_own(scene: Scene, network: Network, key: str) -> bool:
    return network.project == scene.stack.project and network.key == key


def _strangers(scene: Scene, network: Network) -> Sequence[Container]:
    return [c for c in scene.facts.attached.get(network.id, ()) if c.oneoff or not scene.may_touch(c)]


def _create(scene: Scene, wanted: DesiredObject, kind: str, remade: frozenset[str]) -> Action:
    recorded = scene.recorded.applied if scene.recorded else None
    known = {} if recorded is None else recorded.networks if kind == "network" else recorded.volumes
    because: Because = "missing"
    code = "missing"
    if kind == "network" and wanted.key in remade:
        because, code = "cascade", "made-again"
    elif recorded is not None and wanted.key not in known:
        because, code = "change", "new-object"
    return Action(
        target=f"{scene.target}/{kind}/{wanted.key}",
        kind="create",
        because=because,
        cause=Cause(code, commit=scene.commit if because == "change" else None).at(wanted.position),
        object=wanted.name,
        stack=scene.stack.name,
    )


def _action(scene: Scene, key: str, network: Network, kind: Kind, because: Because, cause: Cause) -> Action:
    return Action(
        target=f"{scene.target}/network/{key}",
        kind=kind,
        because=because,
        cause=cause,
        object=network.name,
        stack=scene.stack.name,
        object_id=network.id,
        level=BEFORE,
    )


def _problem(
    scene: Scene, wanted: DesiredObject, kind: str, reason: str, code: str, args: dict[str, str] | None = None
) -> Problem:
    place = wanted.position or scene.stack.position  # the default network is written nowhere
    return Problem(
        f"{scene.target}/{kind}/{wanted.key}",
        reason,
        code,
        {"name": wanted.name, **(args or {})},
    ).at(place)
