"""Find the services that another one's repair takes along.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.model import Action, Container, DesiredService, Kind
from reconciler.plan.jobs import is_finished
from reconciler.plan.rendered import restarts_with, shares, volume_donors
from reconciler.plan.service import Place, act, placed


def plan_cascade(
    places: Sequence[Place], containers: Mapping[str, Sequence[Container]], actions: Sequence[Action]
) -> tuple[Action, ...]:
    """Return all actions with those added that they force on other services.

    Args:
        places: The services of a stack, each after those it waits for, so that one walk is enough.
        containers: By service.
        actions: What is planned for the services themselves.
    """
    kinds: dict[str, set[Kind]] = {}
    for action in actions:
        kinds.setdefault(action.service or "", set()).add(action.kind)
    found = list(actions)
    for place in places:
        forced = _forced(place.service, kinds)
        if forced is None:
            continue
        spared = {action.object_id for action in found if action.kind in ("recreate", "remove", forced[0])}
        name = place.service.name
        added = _take_along(place, *forced, [one for one in containers.get(name, ()) if one.id not in spared])
        if added:
            kinds.setdefault(name, set()).add(forced[0])
            taken = {action.object_id for action in added}
            found = [a for a in found if a.object_id not in taken or not _is_done_by(a, forced[0])] + added
    return tuple(found)


def _is_done_by(action: Action, forced: Kind) -> bool:
    """Tell whether the forced action does a milder one as well."""
    return forced == "recreate" or action.kind in ("start", "unpause")


def _forced(service: DesiredService, kinds: Mapping[str, set[Kind]]) -> tuple[Kind, str, str] | None:
    """Return what has to be done to a service, the reason's code, and the service that forces it."""
    for donor in sorted(shares(service)):
        if kinds.get(donor, set()) & {"recreate", "create"}:
            return "recreate", "shares-namespace", donor
        if kinds.get(donor, set()) & {"restart", "start"}:
            return "restart", "shares-namespace", donor
    for donor in sorted(volume_donors(service)):
        if kinds.get(donor, set()) & {"recreate", "create"}:
            return "recreate", "shares-volumes", donor
    for other in sorted(restarts_with(service)):
        if kinds.get(other, set()) & {"recreate", "restart"}:
            return "restart", "restarts-with", other
    return None


def _take_along(place: Place, kind: Kind, code: str, other: str, containers: Sequence[Container]) -> list[Action]:
    cause = placed(place, code, {"other": other}, "depends_on" if code == "restarts-with" else "", git=False)
    return [
        act(place, kind, "cascade", cause, container)
        for container in containers
        if not is_finished(container, job=place.job, service=place.service)
        and not (place.job and container.state == "exited")
        and not (kind == "restart" and code == "restarts-with" and container.state != "running")
    ]
