"""Plan to take away the stacks that git no longer holds for this device.

Room 3 (plan); may import only model, errors and its own room.

Only what both the inventory and the labels call ours goes: containers, then networks. Volumes stay, always.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from reconciler.model import (
    Action,
    Cause,
    Container,
    Desired,
    Held,
    Network,
    Observed,
    Problem,
    Recorded,
    RecordedStack,
)
from reconciler.plan.applied import DEPENDS_ON
from reconciler.plan.order import graph_levels
from reconciler.plan.scene import Draft, Facts, Options, is_listed
from reconciler.plan.subject import items
from reconciler.plan.suspended import leave_alone, suspensions

_FEW = 3
"""Of fewer stacks than this, more than half may go without asking; all of them never."""


def plan_prune(desired: Desired, recorded: Recorded, facts: Facts, options: Options) -> dict[str, Draft]:
    """Return what is to be taken away, by stack; stacks with nothing left on the engine are not named."""
    known = {stack.name for stack in desired.stacks}
    gone = [stack for name, stack in sorted(recorded.stacks.items()) if name not in known and options.covers(name)]
    suspended = suspensions(recorded, options.now)
    drafts = {s.name: leave_alone(_go(s, facts, desired.revision.commit), suspended.get(s.name)) for s in gone}
    going = [stack.name for stack in gone if drafts[stack.name].actions]
    problem = None if options.confirm_prune or not going else _refusal(desired, recorded, facts, len(going))
    for name in going if problem else ():
        reason, code, args = problem or ("", "", {})
        drafts[name] = Draft(blocked=(Problem(f"stack/{name}", reason, code, args),))
    return {name: draft for name, draft in drafts.items() if draft != Draft()}


def _refusal(desired: Desired, recorded: Recorded, facts: Facts, going: int) -> tuple[str, str, dict[str, str]] | None:
    changed = _device_change(desired, recorded, facts)
    if changed:
        return ("DeviceChanged", *changed)
    total = len(recorded.stacks)
    if going == total or (total >= _FEW and going * 2 > total):
        return "PruneRefused", "prune-refused", {"going": str(going), "total": str(total)}
    return None


def _device_change(desired: Desired, recorded: Recorded, facts: Facts) -> tuple[str, dict[str, str]] | None:
    if recorded.device is not None and recorded.device != desired.device:
        return "device-renamed", {"before": recorded.device, "now": desired.device}
    if recorded.machine_id and facts.observed.machine_id and recorded.machine_id != facts.observed.machine_id:
        return "machine-changed", {"before": recorded.machine_id, "now": facts.observed.machine_id}
    if recorded.had_device_folder and not desired.has_device_folder:
        return "device-folder-gone", {"device": desired.device}
    return None


def _go(stack: RecordedStack, facts: Facts, commit: str) -> Draft:
    draft = take_away(stack, facts, commit)
    if draft.actions and not stack.prune:
        return Draft(held=(Held(f"stack/{stack.name}", "report", note="prune: false"),))
    return draft


def take_away(stack: RecordedStack, facts: Facts, commit: str) -> Draft:
    """Plan to remove everything that was made under a stack's recorded project, dependants first."""
    containers = [c for c in facts.containers.get(stack.project, ()) if _is_its(stack, c)]
    networks = [n for n in facts.project_networks.get(stack.project, ()) if is_listed(stack, "network", n.name)]
    order = _reverse_levels(stack, containers)
    going = {container.id for container in containers}
    removals = [_remove_container(stack, c, order.get(c.service or "", 0), commit) for c in containers]
    after = 1 + max(order.values(), default=0)
    drafts = [_remove_network(stack, n, facts, going, after, commit) for n in networks]
    return Draft(
        (*removals, *(a for d in drafts for a in d.actions)),
        notes=tuple(note for d in drafts for note in d.notes),
    )


def without_what_goes(observed: Observed, drafts: Iterable[Draft]) -> Observed:
    """Return what will be there once these parts of a plan are carried out: what comes after them finds no more."""
    going = {action.object_id for draft in drafts for action in draft.actions if action.kind == "remove"}
    if not going:
        return observed
    return replace(
        observed,
        containers=tuple(container for container in observed.containers if container.id not in going),
        networks=tuple(network for network in observed.networks if network.id not in going),
    )


def _is_its(stack: RecordedStack, container: Container) -> bool:
    return is_listed(stack, "container", container.name, container.working_dir)


def _reverse_levels(stack: RecordedStack, containers: Sequence[Container]) -> dict[str, int]:
    """Return the level of each service's removal: what others wait for goes last."""
    services = stack.applied.services if stack.applied is not None else {}
    waiting: dict[str, list[str]] = {container.service or "": [] for container in containers}
    for name, service in services.items():
        waiting[name] = [str(other) for other in items(service.document.get(DEPENDS_ON))]
    level = graph_levels(waiting)
    top = max(level.values(), default=0)
    return {name: top - found for name, found in level.items()}


def _remove_container(stack: RecordedStack, container: Container, level: int, commit: str) -> Action:
    return Action(
        target=f"stack/{stack.name}/service/{container.service}",
        kind="remove",
        because="removed",
        cause=Cause("gone-from-git", commit=commit),
        object=container.name,
        stack=stack.name,
        service=container.service,
        object_id=container.id,
        risks=("downtime",) if container.state in ("running", "paused", "restarting") else (),
        level=level,
    )


def _remove_network(
    stack: RecordedStack, network: Network, facts: Facts, going: set[str], level: int, commit: str
) -> Draft:
    target = f"stack/{stack.name}/network/{network.key or network.name}"
    others = [container for container in facts.attached.get(network.id, ()) if container.id not in going]
    if others:
        args: dict[str, str] = {"network": network.name, "container": others[0].name}
        return Draft(notes=(Problem(target, "ForeignProject", "network-orphaned", args),))
    return Draft(
        (
            Action(
                target=target,
                kind="remove",
                because="removed",
                cause=Cause("gone-from-git", commit=commit),
                object=network.name,
                stack=stack.name,
                object_id=network.id,
                level=level,
            ),
        )
    )
