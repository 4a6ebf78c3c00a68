"""Leave alone what a person stopped on purpose, until its grace is over.

Room 3 (plan); may import only model, errors and its own room.

What git asks for is done all the same. So is what compose can only do to all containers of a service at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.model import Action, Container, FieldDiff, Held
from reconciler.plan.health import dependency_ready
from reconciler.plan.rendered import optional_waits, waits
from reconciler.plan.scene import Draft, Scene
from reconciler.plan.service import Place

STOP_GRACE = "stop_grace"
_BRINGS_BACK = ("start", "unpause", "restart", "recreate")
_BEGINS = ("create", "recreate", "start", "restart")
_BY_GIT = ("change", "input")
_LONGEST = timedelta(days=3650)


@dataclass(frozen=True, slots=True)
class Resting:
    """A container that stays as somebody left it, and until when."""

    container: Container
    until: datetime


def rests_until(scene: Scene, container: Container) -> datetime | None:
    """Return until when a container stays as somebody left it; None: it is nobody's stop, or the pass is a person's.

    A moment that lies further ahead than the grace is long is from before the clock was set back: it is not believed.
    """
    at = container.stopped_at
    if at is None or not container.stopped_by_hand or not scene.options.patient or scene.suspended is not None:
        return None
    chosen = scene.stack.settings.stop_grace
    grace = min(timedelta(seconds=scene.options.stop_grace if chosen is None else chosen), _LONGEST)
    now = scene.options.now
    return at + grace if container.state in ("exited", "paused") and now - grace < at <= now + grace else None


def leave_stopped(scene: Scene, places: Sequence[Place], draft: Draft) -> Draft:
    """Hold every action that would bring back what rests, and what waits for that."""
    resting = {c.id: Resting(c, until) for c in scene.containers if (until := rests_until(scene, c))}
    if not resting:
        return draft
    held: list[Held] = []
    left: list[Action] = []
    for place in places:
        actions = _of(place, draft)
        if not any(_goes_ahead(action, resting) for action in actions):
            own = [action for action in actions if _is_left(action, actions, resting)]
            held += _entries(place, own, resting.values())
            left += own
    return _hold_waiting(places, _without(draft, left, held), held)


def resting_services(held: Iterable[Held], stack: str) -> frozenset[str]:
    """Name the services of a stack that stay as they are for now."""
    parts = [one.target.split("/") for one in held if one.why == STOP_GRACE]
    return frozenset(part[3] for part in parts if part[1] == stack)


def _goes_ahead(action: Action, resting: Mapping[str, Resting]) -> bool:
    """Tell whether compose is called for the whole service, and for a reason of its own."""
    if action.kind != "recreate":
        return action.kind == "create"
    return action.because in _BY_GIT or (action.object_id not in resting and action.cause.code != "replica")


def _is_left(action: Action, others: Sequence[Action], resting: Mapping[str, Resting]) -> bool:
    if action.object_id not in resting:
        return action.kind == "recreate"  # along with another container of the service, which now stays
    back = [one for one in others if one.object_id == action.object_id and one.kind in _BRINGS_BACK]
    return action in back and not any(one.because in _BY_GIT for one in back)


def _entries(place: Place, left: Sequence[Action], resting: Iterable[Resting]) -> Iterator[Held]:
    for one in resting:
        own = [action for action in left if action.object_id == one.container.id]
        if own:
            done = "paused" if one.container.state == "paused" else "stopped"
            stay = f"reconciler suspend {place.scene.stack.name} --reason …"
            note = f"{one.container.name} was {done} by somebody; to leave it so: {stay}"
            yield Held(place.target, STOP_GRACE, _fields(own), one.until, note)


def _hold_waiting(places: Sequence[Place], draft: Draft, resting: Sequence[Held]) -> Draft:
    """Hold what is to begin, and would wait in vain for a service that rests."""
    until = {one.target: one.until for one in resting}
    held: list[Held] = []
    left: list[Action] = []
    for place in places:
        begins = [action for action in _of(place, draft) if action.kind in _BEGINS]
        name = next(_waits_for(place, until), None) if begins else None
        if name is not None:
            note = f"waits for {name}, which somebody stopped"
            ends = until[f"{place.scene.target}/service/{name}"]
            held.append(Held(place.target, STOP_GRACE, _fields(begins), ends, note))
            left += begins
    return _without(draft, left, held)


def _waits_for(place: Place, resting: Iterable[str]) -> Iterator[str]:
    scene, optional = place.scene, optional_waits(place.service)
    for name, condition in sorted(waits(place.service).items()):
        needed = f"{scene.target}/service/{name}" in resting and name not in optional
        if needed and dependency_ready(scene.stack, name, condition, scene.containers).state != "ready":
            yield name


def _of(place: Place, draft: Draft) -> list[Action]:
    return [action for action in draft.actions if action.service == place.service.name]


def _fields(actions: Iterable[Action]) -> tuple[FieldDiff, ...]:
    return tuple(diff for action in actions for diff in action.fields)


def _without(draft: Draft, left: Sequence[Action], held: Sequence[Held]) -> Draft:
    kept = tuple(action for action in draft.actions if action not in left)
    return replace(draft, actions=kept, held=(*draft.held, *held))
