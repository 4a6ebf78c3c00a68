"""Make the plan: what has to be done so that what runs is what git says, and why.

Room 3 (plan); may import only model, errors and its own room. Pure: the same arguments, the same plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from reconciler.model import Desired, DesiredStack, Mask, Observed, Plan, Problem, Recorded
from reconciler.plan.ask import stacks_in_scope
from reconciler.plan.daemon import plan_daemon
from reconciler.plan.dependencies import block_dependants, broken_dependencies
from reconciler.plan.handover import Wish, givers, impossible, leaving, make_room
from reconciler.plan.index import plan_index
from reconciler.plan.names import taken_names, too_many_for_one_name
from reconciler.plan.objects import makers, needs_others
from reconciler.plan.order import number_actions, stack_order
from reconciler.plan.ourselves import ends_ourselves
from reconciler.plan.pools import exhausted_pools
from reconciler.plan.ports import taken_ports, too_many_for_one_port
from reconciler.plan.prune import plan_prune, without_what_goes
from reconciler.plan.scene import Draft, Facts, Options, Scene, index_facts, own_containers, total
from reconciler.plan.stack import plan_stack
from reconciler.plan.suspended import heir_refused, suspensions
from reconciler.plan.world import make_worlds

__all__ = ["Options", "make_plan"]

Waiting: TypeAlias = Mapping[str, Sequence[str]]
"""For each stack, those that come before it."""

_DAEMON = "daemon"


def make_plan(desired: Desired, observed: Observed, recorded: Recorded, options: Options, mask: Mask) -> Plan:
    """Compare what git wants with what there is, and say what will be done, what cannot be, and what is left alone.

    Args:
        desired: One revision, rendered for this device. While it has problems of its own nothing is planned.
        observed: The answer to `ask` for the same `desired`, `recorded` and scope.
        recorded: What is known of earlier applies; an empty one is survived.
        options: How the plan is wanted.
        mask: Hides secrets; applied to every value that the plan shows.
    """
    plan = Plan(desired.device, options.agent, options.now, options.source, desired.revision, "")
    facts = index_facts(observed)
    if desired.problems:
        draft = Draft(blocked=desired.problems)
        return replace(plan, index=plan_index(desired, facts, (), draft), blocked=draft.blocked)
    stacks = stacks_in_scope(desired, options.scope)
    groups, first = _plan_groups(desired, stacks, observed, recorded, options, mask, facts)
    draft = total(groups.values())
    actions = number_actions([(name, part.actions) for name, part in groups.items()], first)
    projects = {stack.project for stack in stacks} | {stack.project for stack in recorded.stacks.values()}
    index = plan_index(desired, facts, projects, replace(draft, actions=actions))
    return replace(plan, index=index, actions=actions, blocked=draft.blocked, held=draft.held, notes=draft.notes)


def _plan_groups(
    desired: Desired,
    stacks: Sequence[DesiredStack],
    observed: Observed,
    recorded: Recorded,
    options: Options,
    mask: Mask,
    facts: Facts,
) -> tuple[dict[str, Draft], Waiting]:
    """Return the parts of the plan in its order, and what each stack waits for.

    First the daemon, then what goes, then every stack after those it depends on, or gets something from.
    """
    gone = _spare_ourselves(plan_prune(desired, recorded, facts, options), facts)
    left = without_what_goes(observed, gone.values())
    there = facts if left is observed else index_facts(left)
    worlds = make_worlds(desired, left, recorded)
    commit = desired.revision.commit
    made_by = makers(stacks) if any(map(needs_others, stacks)) else {}
    suspended = suspensions(recorded, options.now)
    scenes = {}
    for stack in stacks:
        name, known = stack.name, recorded.stacks.get(stack.name)
        own = own_containers(stack, known, there)
        wanted = heir_refused(stack, suspended, recorded) if suspended else stack
        scenes[name] = Scene(
            wanted, known, own, worlds[name], there, options, mask, commit, made_by, suspended.get(name)
        )
    heirs = {stack.name: _forebears(stack, gone, recorded) for stack in stacks}
    drafts, first = _plan_stacks(scenes, facts, gone, heirs, options)
    parts: dict[str, Draft] = {}
    if options.covers(_DAEMON):
        parts[_DAEMON] = plan_daemon(desired, observed, recorded, mask)
    parts.update(gone)
    parts.update({name: drafts[name] for name in stack_order(first) if options.covers(name)})
    return parts, first


def _plan_stacks(
    scenes: Mapping[str, Scene], facts: Facts, gone: Mapping[str, Draft], heirs: Waiting, options: Options
) -> tuple[dict[str, Draft], Waiting]:
    """Plan each stack, then block those that cannot have what they want; whoever is blocked gives nothing up."""
    waiting: Waiting = {name: scene.stack.settings.depends_on for name, scene in scenes.items()}
    order = stack_order(waiting)
    drafts = _spare_ourselves({name: plan_stack(scenes[name]) for name in order}, facts)
    drafts = _block(drafts, broken_dependencies([scene.stack for scene in scenes.values()]))
    while True:
        free = [scenes[name] for name in order if not drafts[name].blocked and scenes[name].suspended is None]
        moving = {**gone, **{name: draft for name, draft in drafts.items() if options.covers(name)}}
        problems, wishes = _conflicts(free, facts, leaving(moving.values()))
        stacks = [scenes[name].stack for name in order]
        seen = _block(drafts, (*problems, *impossible(wishes, waiting, moving)))
        seen = _block(seen, exhausted_pools(stacks, total(seen.values()).actions, facts.observed))
        seen = block_dependants(scenes, order, seen)
        if all(bool(seen[name].blocked) == bool(drafts[name].blocked) for name in order):
            return _hand_over(seen, moving, wishes, {name: (*waiting[name], *heirs[name]) for name in order})
        drafts = seen


def _forebears(stack: DesiredStack, gone: Mapping[str, Draft], recorded: Recorded) -> list[str]:
    """Name the stacks that go and leave their project to this one: a folder was renamed."""
    return [name for name, draft in gone.items() if draft.actions and recorded.stacks[name].project == stack.project]


def _hand_over(
    drafts: Mapping[str, Draft], moving: Mapping[str, Draft], wishes: Sequence[Wish], waiting: Waiting
) -> tuple[dict[str, Draft], Waiting]:
    by_stack: dict[str, list[Wish]] = {}
    for wish in wishes:
        by_stack.setdefault(wish.stack, []).append(wish)
    first = givers(wishes, moving)
    ready = {name: make_room(draft, by_stack.get(name, ())) for name, draft in drafts.items()}
    return ready, {name: (*others, *first.get(name, ())) for name, others in waiting.items()}


def _conflicts(scenes: Sequence[Scene], facts: Facts, going: Collection[str]) -> tuple[list[Problem], list[Wish]]:
    stacks = [scene.stack for scene in scenes]
    mine = {scene.stack.name: scene.containers for scene in scenes}
    ports, wanted_ports = taken_ports(stacks, facts, mine, going)
    names, wanted_names = taken_names(stacks, facts, mine, going)
    crowded = [
        problem for stack in stacks for one in (too_many_for_one_name, too_many_for_one_port) for problem in one(stack)
    ]
    return [*ports, *names, *crowded], [*wanted_ports, *wanted_names]


def _spare_ourselves(drafts: Mapping[str, Draft], facts: Facts) -> dict[str, Draft]:
    own = facts.observed.own_container
    return _block(drafts, [problem for draft in drafts.values() for problem in ends_ourselves(draft, own)])


def _block(drafts: Mapping[str, Draft], problems: Iterable[Problem]) -> dict[str, Draft]:
    """Return the drafts with the problems in them: a stack that has any is left untouched as a whole."""
    found: dict[str, list[Problem]] = {}
    for problem in problems:
        known = found.setdefault(problem.target.split("/")[1], [])
        if problem not in known:
            known.append(problem)
    return {
        name: replace(draft, actions=(), blocked=draft.blocked + tuple(found[name])) if name in found else draft
        for name, draft in drafts.items()
    }
