"""Leave alone the stacks that a person suspended, whatever is planned for them, or would be done to them by others.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from reconciler.model import DesiredStack, Held, Problem, Recorded, Suspension
from reconciler.plan.scene import Draft

SUSPENDED = "suspended"


def suspensions(recorded: Recorded, now: datetime) -> Mapping[str, Suspension]:
    """Return by stack the suspensions whose time is not over."""
    return {name: one for name, one in recorded.suspended.items() if one.until is None or one.until > now}


def leave_alone(draft: Draft, suspension: Suspension | None) -> Draft:
    """Hold everything that is planned for a stack, if it is suspended."""
    if suspension is None or not draft.actions:
        return draft
    note = f"{suspension.who}: {suspension.reason}"
    found: list[Held] = []
    for action in draft.actions:
        held = Held(action.target, SUSPENDED, action.fields, suspension.until, note)
        found += [held] if held not in found else []
    return replace(draft, actions=(), held=(*draft.held, *found))


def heir_refused(stack: DesiredStack, names: Collection[str], recorded: Recorded) -> DesiredStack:
    """Refuse a stack whose project is that of a suspended one that git no longer names: `names` are suspended."""
    for name in sorted(names):
        former = recorded.stacks.get(name)
        if name != stack.name and former is not None and former.project == stack.project:
            args = {"project": stack.project, "other": name}
            problem = Problem(f"stack/{stack.name}", "Suspended", "project-suspended", args).at(stack.position)
            return replace(stack, problems=(*stack.problems, problem))
    return stack
