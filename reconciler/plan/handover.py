"""See that what changes hands is given up before it is taken: host ports and container names.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.model import Action, Cause, Problem
from reconciler.plan.order import find_cycles
from reconciler.plan.scene import BEFORE, Draft

_ENDS = ("remove", "recreate")
_BEGINS = ("create", "recreate", "start", "restart")


@dataclass(frozen=True, slots=True)
class Wish:
    """A service is to get a port (or a name) that the container `holder` (its id) gives up; `problem`: if it cannot be."""

    stack: str
    service: str
    holder: str
    problem: Problem
    is_name: bool = False


def leaving(drafts: Iterable[Draft]) -> dict[str, Action]:
    """Return, by id of its container, every action that ends one, or gives it another name."""
    found: dict[str, Action] = {}
    for draft in drafts:
        for action in draft.actions:
            if action.service is not None and action.object_id and action.kind in (*_ENDS, "rename"):
                known = found.get(action.object_id)
                found[action.object_id] = action if known is None or known.kind == "rename" else known
    return found


def givers(wishes: Iterable[Wish], drafts: Mapping[str, Draft]) -> dict[str, tuple[str, ...]]:
    """Return, for each stack that is to get something, the stacks that give it up and so come first."""
    gone = leaving(drafts.values())
    found: dict[str, set[str]] = {}
    for wish in wishes:
        giver = gone[wish.holder].stack if wish.holder in gone else None
        if giver is not None and giver != wish.stack:
            found.setdefault(wish.stack, set()).add(giver)
    return {name: tuple(sorted(others)) for name, others in found.items()}


def impossible(
    wishes: Iterable[Wish], waiting: Mapping[str, Sequence[str]], drafts: Mapping[str, Draft]
) -> Iterator[Problem]:
    """Yield a problem for every wish that would have two stacks wait for each other."""
    known = list(wishes)
    first = givers(known, drafts)
    both = {name: (*others, *first.get(name, ())) for name, others in waiting.items()}
    rings = find_cycles(both) if first else {}
    gone = leaving(drafts.values()) if rings else {}
    for wish in known:
        giver = gone[wish.holder].stack if wish.holder in gone else None
        if giver != wish.stack and giver in rings.get(wish.stack, ()):
            yield wish.problem


def make_room(draft: Draft, wishes: Iterable[Wish]) -> Draft:
    """Have the containers of one stack give up what others of it are to get earlier than these are made anew."""
    gone = leaving((draft,))
    added = {}
    for wish in wishes:
        action = gone.get(wish.holder)
        if action is None or action.kind != "recreate":
            continue
        if wish.is_name or _begins(draft, wish.service) < action.level:
            added[wish.holder] = _give_up(action, wish)
    renames = _in_order([a for a in draft.actions if a.kind == "rename"])
    others = tuple(action for action in draft.actions if action.kind != "rename")
    return replace(draft, actions=(*renames, *added.values(), *others)) if renames or added else draft


def _begins(draft: Draft, service: str) -> int:
    return min((a.level for a in draft.actions if a.service == service and a.kind in _BEGINS), default=BEFORE)


def _give_up(action: Action, wish: Wish) -> Action:
    """Take a container's name or stop it, before it is made anew."""
    what = wish.problem.args["name"] if wish.is_name else f"port {wish.problem.args['port']}"
    cause = Cause("gives-up", {"what": what, "other": wish.service}, action.cause.file, action.cause.line)
    first = replace(action, because="cascade", cause=cause, fields=(), level=BEFORE - 1)
    if wish.is_name:
        return replace(first, kind="rename", params={"name": _aside(action)}, risks=())
    return replace(first, kind="stop")


def _in_order(renames: Sequence[Action]) -> list[Action]:
    """Put renames in an order in which each name is free; of names that go round in a ring, one is put aside first."""
    found: list[Action] = []
    left = list(renames)
    while left:
        taken = {action.object for action in left}
        free = [action for action in left if action.params["name"] not in taken]
        if free:
            found += free
            left = [action for action in left if action not in free]
        else:
            first = replace(left[0], params={"name": _aside(left[0])}, fields=())
            found.append(first)
            left[0] = replace(left[0], object=_aside(left[0]))
    return found


def _aside(action: Action) -> str:
    return f"{action.object}-{(action.object_id or '')[:12]}"
