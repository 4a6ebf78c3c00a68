"""Plan one stack: its files, networks, volumes, services, images, and what each takes along.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model import Action, Cause, Container, Held
from reconciler.plan.cascade import plan_cascade
from reconciler.plan.images import plan_image
from reconciler.plan.inputs import changed_on_disk, put_back, stale_inputs
from reconciler.plan.jobs import declared_jobs
from reconciler.plan.objects import create_with, plan_networks, plan_volumes
from reconciler.plan.order import levels
from reconciler.plan.ownership import adopt_or_refuse, without_a_service
from reconciler.plan.patience import leave_stopped
from reconciler.plan.policy import check_stack
from reconciler.plan.prune import take_away
from reconciler.plan.scene import BEFORE, Draft, Scene, total
from reconciler.plan.service import Place, plan_service
from reconciler.plan.suspended import leave_alone

_DRIFT = ("drift", "image")


def plan_stack(scene: Scene) -> Draft:
    """Plan one stack as if it were alone; whatever blocks it leaves it untouched as a whole."""
    if scene.stack.problems:
        return Draft(blocked=scene.stack.problems)
    taken = adopt_or_refuse(scene)
    if taken.blocked:
        return taken
    draft = total((taken, _plan(scene), check_stack(scene)))
    if draft.blocked:
        return replace(draft, actions=())
    return leave_alone(draft, scene.suspended)


def _plan(scene: Scene) -> Draft:
    networks = plan_networks(scene)
    edited = changed_on_disk(scene)
    containers = _by_service(scene.containers)
    places = _places(scene, networks.remade, frozenset(edited))
    own = total(plan_service(place, containers.get(place.service.name, ())) for place in places)
    files = Draft(tuple(put_back(scene, path) for path in edited))
    draft = _report_drift(scene, total((files, networks.draft, plan_volumes(scene), own)))
    draft = leave_stopped(scene, places, draft)
    actions = plan_cascade(places, containers, draft.actions)
    made = {a.service for a in actions if a.kind in ("create", "recreate") and a.service is not None}
    new = [place.service for place in places if place.service.name in made]
    images = total(plan_image(scene, one, actions, stale_inputs(scene, one, frozenset())) for one in new)
    along = create_with(scene, networks, made)
    everything = (
        *images.actions,
        *_former_project(scene),
        *along,
        *_once((*without_a_service(scene, containers), *actions)),
    )
    return Draft(everything, draft.blocked + images.blocked, draft.held, draft.notes)


def _former_project(scene: Scene) -> Iterator[Action]:
    """Plan to remove what was made while the stack's project had another name."""
    recorded = scene.recorded
    if recorded is None or recorded.project == scene.stack.project:
        return
    for action in take_away(recorded, scene.facts, scene.commit).actions:
        cause = Cause("project-renamed", {"before": recorded.project, "now": scene.stack.project}, commit=scene.commit)
        yield replace(action, cause=cause, level=BEFORE - 1 if action.service is not None else BEFORE)


def _places(scene: Scene, remade: frozenset[str], edited: frozenset[str]) -> list[Place]:
    level = levels(scene.stack)
    jobs = declared_jobs(scene.stack)
    services = sorted(scene.stack.services, key=lambda service: (level[service.name], service.name))
    return [Place(scene, s, level[s.name], s.name in jobs, remade, edited) for s in services]


def _by_service(containers: Sequence[Container]) -> Mapping[str, list[Container]]:
    found: dict[str, list[Container]] = {}
    for container in containers:
        found.setdefault(container.service or "", []).append(container)
    return found


def _report_drift(scene: Scene, draft: Draft) -> Draft:
    """Where drift is only reported, hold every action that git did not ask for."""
    if not scene.reports_only:
        return draft
    held = [action for action in draft.actions if _is_drift(scene, action)]
    kept = tuple(action for action in draft.actions if action not in held)
    reported = tuple(Held(action.target, "report", action.fields, note=_note(action)) for action in held)
    return Draft(kept, draft.blocked, draft.held + reported, draft.notes)


def _is_drift(scene: Scene, action: Action) -> bool:
    missing = action.because == "missing" and scene.recorded is not None and scene.recorded.applied is not None
    return action.because in _DRIFT or missing


def _note(action: Action) -> str:
    return f"{action.kind} {action.object}"


def _once(actions: Sequence[Action]) -> list[Action]:
    """Drop a disconnect that another part of the plan does as well: the one with fields stays, at the earlier level.

    Of a container that is removed none is needed.
    """
    removed = {action.object_id for action in actions if action.kind == "remove" and action.service is not None}
    found: dict[object, Action] = {}
    for action in actions:
        key = (action.object_id, action.params["network"]) if action.kind == "disconnect" else id(action)
        if action.kind == "disconnect" and action.object_id in removed:
            continue
        known = found.get(key, action)
        told = known if known.fields else action
        found[key] = replace(told, level=min(known.level, action.level)) if known is not action else action
    return list(found.values())
