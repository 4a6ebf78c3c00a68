"""Put services and stacks in the order of what they wait for, and give actions their ids.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from reconciler.model import Action, DesiredStack
from reconciler.plan.rendered import waits


def levels(stack: DesiredStack) -> dict[str, int]:
    """Return each service's level: 0 waits for nothing, others come one above the highest they wait for."""
    return graph_levels({service.name: waits(service) for service in stack.services})


def graph_levels(waiting: Mapping[str, Collection[str]]) -> dict[str, int]:
    """Return the level of each name in a graph; names outside do not count, an edge that closes a cycle neither."""
    if not any(waiting.values()):
        return dict.fromkeys(waiting, 0)
    found: dict[str, int] = {}

    def level(name: str, path: frozenset[str]) -> int:
        if name not in found:
            below = [level(other, path | {name}) for other in waiting[name] if other in waiting and other not in path]
            found[name] = 1 + max(below, default=-1)
        return found[name]

    for name in sorted(waiting):
        level(name, frozenset({name}))
    return found


def find_cycles(waiting: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    """Return, for each name on a cycle, that cycle beginning and ending with the name."""
    cycles: dict[str, tuple[str, ...]] = {}
    finished: set[str] = set()

    def walk(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            ring = path[path.index(name) :]
            for index, member in enumerate(ring):
                cycles.setdefault(member, (*ring[index:], *ring[:index], member))
        elif name not in finished:
            for other in sorted(waiting.get(name, ())):
                walk(other, (*path, name))
            finished.add(name)

    for name in sorted(waiting):
        walk(name, ())
    return cycles


def stack_order(waiting: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the stacks, each after those it depends on, by name where that leaves a choice."""
    level = graph_levels(waiting)
    return sorted(waiting, key=lambda name: (level[name], name))


def number_actions(
    groups: Sequence[tuple[str, Sequence[Action]]], waiting: Mapping[str, Sequence[str]]
) -> tuple[Action, ...]:
    """Give every action its id and what it comes after.

    Args:
        groups: The actions of each stack by its name (`daemon` is one, too), in plan order.
        waiting: For each stack those it depends on: their last actions come before its first.

    """
    numbered: list[Action] = []
    last: dict[str, tuple[str, ...]] = {}
    for name, group in groups:
        ordered = sorted(group, key=lambda action: action.level)
        first_after = tuple(dict.fromkeys(after for other in waiting.get(name, ()) for after in last.get(other, ())))
        done = _number_group(ordered, len(numbered), first_after)
        numbered.extend(done)
        last[name] = tuple(action.id for action in done if action.level == done[-1].level) or first_after
    return tuple(numbered)


def _number_group(ordered: Sequence[Action], offset: int, first_after: tuple[str, ...]) -> list[Action]:
    """Give one group its ids: each level comes after the one before it."""
    numbered: list[Action] = []
    before: tuple[str, ...] = first_after
    current: list[str] = []
    level: int | None = None
    for index, action in enumerate(ordered):
        if action.level != level:
            before, current, level = tuple(current) or before, [], action.level
        action_id = f"a{offset + index + 1}"
        numbered.append(replace(action, id=action_id, after=before))
        current.append(action_id)
    return numbered
