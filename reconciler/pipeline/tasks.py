"""Choose which stacks there is something to do for, and which of them waits for which.

Pipeline; may import every room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from reconciler.model import GOOD, Action, AppliedStack, Container, Desired, DesiredStack, Recorded, RecordedStack
from reconciler.pipeline.work import Task
from reconciler.plan.applied import applied_stack
from reconciler.plan.patience import resting_services
from reconciler.plan.suspended import suspensions

if TYPE_CHECKING:
    from reconciler.pipeline.rooms import Planned


def choose_tasks(planned: Planned) -> dict[str, Task]:
    """Return, by stack, what there is to do: actions, or only files to put in place and a record to write."""
    actions: dict[str, list[Action]] = {}
    for action in planned.plan.actions:
        if action.stack is not None:
            actions.setdefault(action.stack, []).append(action)
    stacks = {stack.name: stack for stack in planned.desired.stacks}
    quiet = {stack.name for stack in stacks.values() if _wants_record(planned, stack)} | set(_went_away(planned))
    held = planned.plan.held
    return {
        name: Task(name, stacks.get(name), tuple(actions.get(name, ())), resting_services(held, name))
        for name in sorted(actions.keys() | quiet)
    }


def still_proved(planned: Planned, tasks: Mapping[str, Task]) -> list[str]:
    """Name the stacks that a newer revision leaves as they were proved."""
    commit, known = planned.desired.revision.commit, planned.recorded.stacks
    quiet = [s.name for s in planned.desired.stacks if s.name not in tasks and _is_quiet(planned, s.name)]
    return [name for name in quiet if (proof := known[name].applied) is not None and proof.revision != commit]


def is_reached(desired: Desired, recorded: Recorded) -> bool:
    """Tell whether every stack is proved at the wanted revision, and none is left that git does not name.

    So the last of several narrow passes knows that it was the last.
    """
    known = recorded.stacks
    proofs = [known[one.name].applied if one.name in known else None for one in desired.stacks]
    went_well = all(stack.result in GOOD for stack in known.values()) and recorded.daemon_result in (None, *GOOD)
    here = all(proof is not None and proof.revision == desired.revision.commit for proof in proofs)
    return here and went_well and len(known) == len(desired.stacks) and not desired.problems


def waiting_for(planned: Planned, tasks: Mapping[str, Task]) -> dict[str, tuple[str, ...]]:
    """Return what each stack waits for: those it depends on, or gets something from; one that goes, its dependants."""
    stack_of = {action.id: action.stack for action in planned.plan.actions}
    waiting = {stack.name: stack.settings.depends_on for stack in planned.desired.stacks}
    for action in planned.plan.actions:
        if action.stack is not None and action.stack in waiting:
            others = {stack_of[one] or "" for one in action.after} - {action.stack, ""}
            waiting[action.stack] = tuple(dict.fromkeys((*waiting[action.stack], *sorted(others))))
    gone = {name: planned.recorded.stacks[name] for name, task in tasks.items() if task.stack is None}
    for name in gone:
        waiting[name] = tuple(sorted(other for other, recorded in gone.items() if name in recorded.depends_on))
    return waiting


def applied(planned: Planned, stack: DesiredStack, containers: Sequence[Container]) -> AppliedStack:
    """Return what is to be written down of a stack, with secrets masked; `containers` are its own."""
    return applied_stack(
        stack, planned.worlds[stack.name], containers, planned.desired.revision.commit, planned.redactor.mask
    )


def _wants_record(planned: Planned, stack: DesiredStack) -> bool:
    if not _is_quiet(planned, stack.name):
        return False
    recorded = planned.recorded.stacks.get(stack.name)
    if recorded is None or recorded.applied is None or recorded.result not in GOOD:
        return True
    if dict(recorded.files) != {file.path: file.digest for file in stack.files}:
        return True
    known_at = recorded.applied.revision
    return known_at != planned.desired.revision.commit and _differs(planned, stack, recorded, recorded.applied)


def _differs(planned: Planned, stack: DesiredStack, recorded: RecordedStack, then: AppliedStack) -> bool:
    now = applied(planned, stack, ())
    settings = (stack.settings.prune, stack.settings.depends_on) != (recorded.prune, recorded.depends_on)
    services = {name: (s.document, s.inputs) for name, s in now.services.items()}
    known = {name: (s.document, s.inputs) for name, s in then.services.items()}
    return settings or services != known or now.networks != then.networks or now.volumes != then.volumes


def _went_away(planned: Planned) -> list[str]:
    """Name stacks that git no longer names and of which nothing is left but our record of them.

    A pass that was killed between the last removal and the record leaves these behind.
    """
    if planned.desired.problems:
        return []
    wanted = {stack.name for stack in planned.desired.stacks}
    there = {("container", c.name) for c in planned.observed.containers}
    there |= {("network", n.name) for n in planned.observed.networks}
    return [
        stack.name
        for stack in planned.recorded.stacks.values()
        if stack.name not in wanted
        and _is_quiet(planned, stack.name)
        and not any((ref.kind, ref.name) in there for ref in stack.inventory)
    ]


def _is_quiet(planned: Planned, name: str) -> bool:
    """Tell whether the plan covers a stack, and nothing stands in its way: no person's word either."""
    said = [problem.target for problem in planned.plan.blocked] + [held.target for held in planned.plan.held]
    in_scope = planned.scope is None or name in planned.scope
    suspended = name in suspensions(planned.recorded, planned.plan.created)
    return in_scope and not suspended and not any(target.split("/")[:2] == ["stack", name] for target in said)
