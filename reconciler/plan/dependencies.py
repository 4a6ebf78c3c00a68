"""Hold stacks back whose dependencies cannot be met.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from reconciler.model import DesiredStack, Problem
from reconciler.plan.health import judge_stack
from reconciler.plan.order import find_cycles
from reconciler.plan.scene import Draft, Scene
from reconciler.plan.suspended import SUSPENDED


def broken_dependencies(stacks: Sequence[DesiredStack]) -> Iterator[Problem]:
    """Yield a problem for every stack on a cycle, and for every dependency that this device does not have."""
    named = {stack.name: stack for stack in stacks}
    waiting = {name: stack.settings.depends_on for name, stack in named.items()}
    for name, ring in sorted(find_cycles(waiting).items()):
        yield _problem(named[name], "DependencyCycle", "dependency-cycle", {"cycle": " → ".join(ring)})
    for stack in stacks:
        for other in stack.settings.depends_on:
            if other not in named:
                yield _problem(stack, "InvalidSource", "dependency-unknown", {"dependency": other})


def block_dependants(
    scenes: Mapping[str, Scene], order: Sequence[str], drafts: Mapping[str, Draft]
) -> dict[str, Draft]:
    """Block every stack that has something to do and waits for one that is blocked or not well.

    A dependency with actions of its own is carried out first, and holds its dependants up when it fails.
    """
    found = dict(drafts)
    held_up: set[str] = {name for name, draft in drafts.items() if draft.blocked}
    for name in order:
        draft, stack = found[name], scenes[name].stack
        problems = [p for other in stack.settings.depends_on for p in _not_ready(stack, other, scenes, found, held_up)]
        if not problems:
            continue
        held_up.add(name)
        if draft.actions:
            found[name] = replace(draft, actions=(), blocked=draft.blocked + tuple(problems))
    return found


def _not_ready(
    stack: DesiredStack, other: str, scenes: Mapping[str, Scene], drafts: Mapping[str, Draft], held_up: set[str]
) -> Iterator[Problem]:
    if other not in scenes:
        return
    if other in held_up:
        yield _problem(stack, "DependencyNotReady", "dependency-blocked", {"dependency": other})
        return
    scene = scenes[other]
    if any(held.why == SUSPENDED for held in drafts[other].held):
        yield _problem(stack, "DependencyNotReady", "dependency-suspended", {"dependency": other})
    elif drafts[other].actions and not scene.options.covers(other):
        yield _problem(stack, "DependencyNotReady", "dependency-not-applied", {"dependency": other})
    elif not drafts[other].actions and scene.stack.services:
        health = judge_stack(scene.stack, scene.containers).health
        if health != "Healthy":
            args = {"dependency": other, "health": health}
            yield _problem(stack, "DependencyNotReady", "dependency-not-healthy", args)


def _problem(stack: DesiredStack, reason: str, code: str, args: dict[str, str]) -> Problem:
    place = stack.settings.positions.get("depends_on") or stack.position
    return Problem(f"stack/{stack.name}", reason, code, args).at(place)
