"""Decide the next step for one stack: plan + journal + facts + now → a step, or settled.

Room 3 (plan); may import only model, errors and its own room. Nothing here remembers anything: the journal holds facts (what
was done, when waiting began), never remaining steps, so that an agent that was killed simply asks again.

The order within a stack: files to their stable path; pull; build; names of interrupted runs; what goes (containers, then the
networks they held) and renames; then level by level of `depends_on` what comes, with a bounded wait before each level;
at last a bounded wait until everything is ready.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.model import Action, Container, DesiredStack, Problem, Result, Step, StepKind
from reconciler.plan.health import Readiness, bound, dependencies_ready, ready
from reconciler.plan.service import LEFTOVER

_BEFORE_ANYTHING_RUNNING_IS_TOUCHED = ("pull", "build")
_TOUCHING: frozenset[StepKind] = frozenset({"up", "call"})
_MAKING_ROOM = ("disconnect", "stop", "remove", "rename")
_BY_THE_FILES_STEP = ("adopt", "put-back")
"""Putting back a file is writing it where it differs; adopting needs no more than that and the record."""


@dataclass(frozen=True, slots=True)
class Journal:
    """What is known of this attempt: ids of actions carried out, steps taken, and since when we wait."""

    done: frozenset[str] = frozenset()
    taken: frozenset[StepKind] = frozenset()
    waiting_since: datetime | None = None
    problem: Problem | None = None

    def after(self, step: Step, now: datetime) -> Journal:
        """Return the journal with one more step carried out."""
        if step.kind == "wait":
            return replace(self, waiting_since=self.waiting_since or now)
        done = self.done | {action.id for action in step.actions}
        return replace(self, done=done, taken=self.taken | {step.kind}, waiting_since=None)

    def failed(self, step: Step, problem: Problem) -> Journal:
        """Return the journal with the step's failure in it; a step that failed half-way counts as taken."""
        return replace(self, taken=self.taken | {step.kind}, problem=problem)


def next_step(
    stack: DesiredStack | None,
    name: str,
    actions: Sequence[Action],
    journal: Journal,
    containers: Sequence[Container],
    now: datetime,
    *,
    is_cut: bool = False,
    resting: frozenset[str] = frozenset(),
) -> Step:
    """Return the next thing to do for the stack called `name`.

    Args:
        stack: What git wants, None when the stack is to be taken away.
        actions: The plan's actions for this stack, in plan order.
        journal: What was done so far in this attempt.
        containers: The stack's containers as they are now, with their inspect documents.
        now: UTC.
        is_cut: Something newer waits for this attempt to end: before anything is touched it does, and instead of a wait.
        resting: Services that stay as somebody left them: nobody waits for them.
    """
    if is_cut and not journal.taken & _TOUCHING:
        journal = replace(journal, problem=journal.problem or _cut(name))
    if journal.problem is not None:
        return Step("settled", name, result=_result_of_failure(journal), problem=journal.problem)
    if stack is not None and "files" not in journal.taken:
        return Step("files", name, actions=tuple(a for a in actions if a.kind in _BY_THE_FILES_STEP))
    rest = [a for a in actions if a.id not in journal.done and a.kind not in _BY_THE_FILES_STEP]
    step = _before(name, rest, journal, containers) or _level(stack, name, rest, journal, containers, now)
    step = step or _verify(stack, name, actions, journal, containers, now, resting)
    if is_cut and step.kind == "wait" and not _is_between(actions, rest, journal):
        return Step("settled", name, result=_result_of_failure(journal), problem=_cut(name))
    return step


def _cut(name: str) -> Problem:
    return Problem(f"stack/{name}", "", "cut")


def _is_between(actions: Sequence[Action], rest: Sequence[Action], journal: Journal) -> bool:
    """Tell whether something old had to go and what comes in its place is still to be made."""
    return bool(rest) and any(a.id in journal.done and a.kind in _MAKING_ROOM for a in actions)


def _before(name: str, rest: Sequence[Action], journal: Journal, containers: Sequence[Container]) -> Step | None:
    for kind in _BEFORE_ANYTHING_RUNNING_IS_TOUCHED:
        if chosen := tuple(a for a in rest if a.kind == kind):
            return Step("pull" if kind == "pull" else "build", name, chosen, _services(chosen))
    if "repair-names" not in journal.taken and any(map(_by_compose, rest)) and any(map(_is_leftover, containers)):
        return Step("repair-names", name)
    room = sorted((a for a in rest if a.kind in _MAKING_ROOM), key=lambda a: (a.level, _MAKING_ROOM.index(a.kind)))
    return Step("call", name, (room[0],), _services(room[:1])) if room else None


def _level(
    stack: DesiredStack | None,
    name: str,
    rest: Sequence[Action],
    journal: Journal,
    containers: Sequence[Container],
    now: datetime,
) -> Step | None:
    levelled = [a for a in rest if not _made_along(a)]
    if not levelled:
        return None
    lowest = min(a.level for a in levelled)
    level = [a for a in levelled if a.level == lowest]
    starting = _services([a for a in level if a.kind in ("create", "recreate", "start", "restart")])
    if stack is not None and starting:
        readiness = dependencies_ready(stack, starting, containers)
        if readiness.state != "ready":
            return _wait_or_fail(stack, name, readiness, journal, now)
    return _make(name, level, tuple(a for a in rest if _made_along(a)))


def _make(name: str, level: Sequence[Action], along: tuple[Action, ...]) -> Step:
    for kind, force in (("recreate", True), ("create", False)):
        if chosen := tuple(a for a in level if a.kind == kind):
            return Step("up", name, chosen + along, _services(chosen), force=force)
    return Step("call", name, (level[0],), _services(level[:1]))


def _verify(
    stack: DesiredStack | None,
    name: str,
    actions: Sequence[Action],
    journal: Journal,
    containers: Sequence[Container],
    now: datetime,
    resting: frozenset[str],
) -> Step:
    result: Result = "Applied" if actions else "NoChange"
    readiness = ready(stack, containers, resting) if stack is not None else Readiness("ready")
    if readiness.state == "ready" or stack is None:
        return Step("settled", name, result=result)
    return _wait_or_fail(stack, name, readiness, journal, now)


def _wait_or_fail(stack: DesiredStack, name: str, readiness: Readiness, journal: Journal, now: datetime) -> Step:
    late = journal.waiting_since is not None and now - journal.waiting_since > timedelta(seconds=bound(stack))
    if readiness.state == "failed" or late:
        failed = replace(journal, problem=readiness.problem)
        return Step("settled", name, result=_result_of_failure(failed), problem=readiness.problem)
    return Step("wait", name, services=(readiness.service,) if readiness.service else (), seconds=readiness.seconds)


def _result_of_failure(journal: Journal) -> Result:
    return "FailedPartial" if journal.taken & _TOUCHING else "FailedUnchanged"


def _by_compose(action: Action) -> bool:
    return action.kind in ("create", "recreate")


def _is_leftover(container: Container) -> bool:
    return LEFTOVER.fullmatch(container.name) is not None


def _made_along(action: Action) -> bool:
    """Tell whether compose makes this network or volume in the same call as the services that use it."""
    return action.kind == "create" and action.service is None


def _services(actions: Sequence[Action]) -> tuple[str, ...]:
    return tuple(sorted({a.service for a in actions if a.service is not None}))
