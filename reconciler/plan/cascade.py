"""Find the services that another one's repair takes along.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from reconciler.model import Action, Container, DesiredService, Kind
from reconciler.plan.jobs import is_finished
from reconciler.plan.patience import rests_until
from reconciler.plan.rendered import restarts_with, shares, volume_donors
from reconciler.plan.service import Place, act, placed
from reconciler.plan.subject import under

_BORROWED = frozenset({"network_mode", "ipc", "pid", "volumes_from"})
"""The fields that name a donor, by its container's id: with a new donor they differ, and that is nobody's doing."""


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
        name, own = place.service.name, containers.get(place.service.name, ())
        forced = _forced(place.service, kinds)
        added = _take_along(place, *forced, own, found) if forced else list(_cut_off(place, own, containers, found))
        if added:
            kinds.setdefault(name, set()).add(added[0].kind)
            taken = {action.object_id: action.kind for action in added}
            found = [a for a in found if not _is_done_by(a, taken.get(a.object_id))] + added
    return tuple(found)


def _is_done_by(action: Action, forced: Kind | None) -> bool:
    """Tell whether the forced action does a milder one as well."""
    return forced == "recreate" or (forced == "restart" and action.kind in ("start", "unpause"))


def _forced(service: DesiredService, kinds: Mapping[str, set[Kind]]) -> tuple[Kind, str, str] | None:
    """Return what has to be done to a service, the reason's code, and the service that forces it."""
    if not kinds:
        return None
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


def _take_along(
    place: Place, kind: Kind, code: str, other: str, containers: Sequence[Container], planned: Sequence[Action]
) -> list[Action]:
    cause = placed(place, code, {"other": other}, "depends_on" if code == "restarts-with" else "", git=False)
    spared = {a.object_id for a in planned if a.kind in ("recreate", "remove", kind) and not _only_borrows(a)}
    resting = {container.id for container in containers if rests_until(place.scene, container)}
    if kind == "restart" or len(resting) == len(containers):  # made anew are all containers of a service, or none
        spared |= resting
    return [
        act(place, kind, "cascade", cause, container)
        for container in containers
        if container.id not in spared
        and not is_finished(container, job=place.job, service=place.service)
        and not (place.job and container.state == "exited")
        and not (kind == "restart" and code == "restarts-with" and container.state != "running")
    ]


def _only_borrows(action: Action) -> bool:
    """Tell whether a container is only made anew because it names a donor that is no more."""
    paths = {diff.path for diff in action.fields}
    return action.because == "drift" and bool(paths) and paths <= _BORROWED


def _cut_off(
    place: Place, own: Sequence[Container], containers: Mapping[str, Sequence[Container]], planned: Sequence[Action]
) -> Iterator[Action]:
    """Restart who runs in the namespaces that a donor had before somebody started it anew."""
    spared = {action.object_id for action in planned if action.kind in ("recreate", "remove", "restart")}
    donors = {one.id: one for name in shares(place.service) for one in containers.get(name, ())}
    for container in own if donors else ():
        if container.state != "running" or container.id in spared:
            continue
        newer = [donors[i] for i in _lives_in(container) if i in donors and _started(donors[i]) > _started(container)]
        if newer and newer[0].state == "running":
            cause = placed(place, "donor-restarted", {"other": newer[0].service or ""}, git=False)
            yield act(place, "restart", "drift", cause, container)


def _lives_in(container: Container) -> Iterator[str]:
    """Yield the ids of the containers in whose namespaces one lives."""
    for member in ("NetworkMode", "IpcMode", "PidMode"):
        mode = under(container.document or {}, "HostConfig", member)
        if isinstance(mode, str) and mode.startswith("container:"):
            yield mode.removeprefix("container:")


def _started(container: Container) -> str:
    """Return when a container was started last, in a form that sorts; the engine leaves out zeros at the end."""
    when = under(container.document or {}, "State", "StartedAt")
    return datetime.fromisoformat(when).isoformat(timespec="microseconds") if isinstance(when, str) else ""
