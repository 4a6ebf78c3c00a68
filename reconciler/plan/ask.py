"""Say what one look at the engine and the host has to answer, so that the plan needs no second one.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model import Ask, Desired, DesiredStack, Recorded
from reconciler.plan.ports import published
from reconciler.plan.rendered import binds, image_reference


def ask(desired: Desired, recorded: Recorded, scope: frozenset[str] | None = None) -> Ask:
    """Return what has to be known to plan the stacks in `scope` (None: all) and those they depend on."""
    wanted = stacks_in_scope(desired, scope)
    names = None if scope is None else scope | {stack.name for stack in wanted}
    gone = [stack.project for stack in recorded.stacks.values() if names is None or stack.name in names]
    usable = [stack for stack in wanted if not stack.problems]
    return Ask(
        projects=frozenset(stack.project for stack in wanted if stack.project).union(gone),
        images=frozenset(image_reference(stack.project, s) for stack in usable for s in stack.services),
        paths=frozenset(source for stack in usable for s in stack.services for source, _ in binds(s)),
        files=frozenset(f"{stack.folder}/{file.path}" for stack in usable for file in stack.files),
        folders=frozenset(stack.folder for stack in usable),
        ports=frozenset(
            (protocol, port) for stack in usable for s in stack.services for _, port, protocol in published(s)
        ),
        stops=recorded.stops,
    )


def stacks_in_scope(desired: Desired, scope: frozenset[str] | None) -> tuple[DesiredStack, ...]:
    """Return the stacks in `scope` with all they depend on, directly or not; None: all stacks."""
    if scope is None:
        return desired.stacks
    waiting = {stack.name: stack.settings.depends_on for stack in desired.stacks}
    found = reachable(scope, waiting)
    return tuple(stack for stack in desired.stacks if stack.name in found)


def reachable(names: Iterable[str], waiting: dict[str, tuple[str, ...]]) -> frozenset[str]:
    """Return the names and all that can be reached from them."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left.extend(waiting.get(name, ()))
    return frozenset(found)
