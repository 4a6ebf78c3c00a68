"""Carry one plan out: the daemon's settings first, then stacks side by side, each proved by a second look.

Pipeline; may import every room.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from getpass import getuser
from typing import TYPE_CHECKING

from reconciler.apply.daemon import apply_daemon
from reconciler.apply.files import remove_env_file, take_away
from reconciler.apply.lock import stack_lock
from reconciler.errors import ReconcilerError
from reconciler.model import (
    Action,
    AppliedStack,
    Container,
    DesiredStack,
    Json,
    Outcome,
    Plan,
    Problem,
    RecordedStack,
    Result,
    StackOutcome,
)
from reconciler.pipeline.crew import carry_out
from reconciler.pipeline.hands import Hands
from reconciler.pipeline.inventory import exact_inventory, expected_inventory, frozen
from reconciler.pipeline.work import Task, Work
from reconciler.plan.applied import applied_stack
from reconciler.plan.health import judge_stack
from reconciler.plan.scene import index_facts, own_containers
from reconciler.plan.texts import error_problem
from reconciler.plan.world import make_worlds

if TYPE_CHECKING:
    from reconciler.pipeline.passes import Pipeline, Planned

_GOOD: tuple[Result, ...] = ("Applied", "NoChange")


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass did. `converged`: nothing failed, nothing is blocked, and what runs is well."""

    plan: Plan
    outcomes: tuple[StackOutcome, ...]
    converged: bool


class Attempt:
    """One plan being carried out."""

    def __init__(self, pipeline: Pipeline, planned: Planned, scope: frozenset[str] | None) -> None:
        self._pipeline = pipeline
        self._planned = planned
        self._scope = scope
        self._commit = planned.desired.revision.commit
        self._run = ""

    def run(self) -> Report:
        """Carry the plan out; failures end in the outcomes."""
        plan, store = self._planned.plan, self._pipeline.store
        self._run = store.start_run("command", getuser(), self._commit)
        outcomes = (*self._daemon(), *self._stacks())
        converged = self._converged(outcomes)
        if converged and self._scope is None:
            store.applied(self._commit)
        if not self._planned.desired.problems:
            self._remember_device()
        store.end_run(self._run, _total(outcomes))
        return Report(plan, outcomes, converged)

    # ── the daemon's settings ────────────────────────────────────────────────────────────────────

    def _daemon(self) -> tuple[StackOutcome, ...]:
        rejected = [problem for problem in self._planned.plan.blocked if problem.target.split("/")[0] == "daemon"]
        actions = tuple(action for action in self._planned.plan.actions if action.target.startswith("daemon/"))
        if not self._covers("daemon") or not (rejected or actions or self._git_keys() != self._git_keys_recorded()):
            return ()
        outcome = StackOutcome("daemon", "Rejected", rejected[0]) if rejected else self._set_daemon(actions)
        applied = self._git_keys() if outcome.result in _GOOD else None
        self._pipeline.store.finish_daemon(outcome, run=self._run, applied=applied)
        self._pipeline.listener.settled(outcome)
        return (outcome,)

    def _set_daemon(self, actions: tuple[Action, ...]) -> StackOutcome:
        settings, seen = self._pipeline.settings, self._planned.observed.daemon
        if not actions:
            return StackOutcome("daemon", "NoChange")
        assert settings.daemon is not None
        assert seen is not None
        begun = time.monotonic()
        try:
            apply_daemon(settings.daemon, seen, actions, settings.docker.host, settings.state_dir / "dockerd.log")
            result, problem = self._proved_daemon(actions)
        except ReconcilerError as error:
            result, problem = "FailedUnchanged", error_problem(error, "daemon")
        seconds = time.monotonic() - begun
        outcomes = tuple(Outcome(action, problem is None, problem, seconds) for action in actions)
        hidden = self._hidden(StackOutcome("daemon", result, problem, outcomes, seconds))
        for outcome in hidden.outcomes:
            self._pipeline.listener.outcome(outcome)
        return hidden

    def _proved_daemon(self, actions: Sequence[Action]) -> tuple[Result, Problem | None]:
        """Look again; after a restart of the engine, at the stacks too: it may have ended some of their containers."""
        restarted = any("engine-restart" in action.risks for action in actions)
        scope = self._scope if restarted else frozenset({"daemon"})
        second = self._plan_again(scope)
        if restarted:
            self._planned = second
        left = [action for action in second.plan.actions if action.target.startswith("daemon/")]
        return ("FailedPartial", _not_converged("daemon", left)) if left else ("Applied", None)

    def _git_keys(self) -> dict[str, Json]:
        daemon = self._planned.desired.daemon
        return {key.name: key.value for key in daemon.keys if key.owner == "git"} if daemon else {}

    def _git_keys_recorded(self) -> dict[str, Json]:
        return dict(self._planned.recorded.daemon_applied)

    # ── which stacks, in which order ─────────────────────────────────────────────────────────────

    def _stacks(self) -> tuple[StackOutcome, ...]:
        tasks = {task.name: task for task in self._tasks()}
        waiting = {stack.name: stack.settings.depends_on for stack in self._planned.desired.stacks}
        waiting |= self._reversed_for_gone(tasks)
        return carry_out(tasks, waiting, self._carry, self._pipeline.listener.settled)

    def _tasks(self) -> list[Task]:
        actions: dict[str, list[Action]] = {}
        for action in self._planned.plan.actions:
            if action.stack is not None:
                actions.setdefault(action.stack, []).append(action)
        stacks = {stack.name: stack for stack in self._planned.desired.stacks}
        names = sorted(actions.keys() | {stack.name for stack in stacks.values() if self._wants_record(stack)})
        return [Task(name, stacks.get(name), tuple(actions.get(name, ()))) for name in names]

    def _wants_record(self, stack: DesiredStack) -> bool:
        """Tell whether a stack without actions still has something to be put in place or written down."""
        if not self._covers(stack.name) or self._is_blocked(stack.name):
            return False
        recorded = self._planned.recorded.stacks.get(stack.name)
        if recorded is None or recorded.applied is None:
            return True
        files = {file.path: file.digest for file in stack.files}
        if dict(recorded.files) != files or recorded.result not in _GOOD:
            return True
        return recorded.applied.revision != self._commit and self._applied_differs(stack, recorded, recorded.applied)

    def _applied_differs(self, stack: DesiredStack, recorded: RecordedStack, then: AppliedStack) -> bool:
        now = self._applied(self._planned, stack, ())
        settings = (stack.settings.prune, stack.settings.depends_on) != (recorded.prune, recorded.depends_on)
        services = {name: (s.document, s.inputs) for name, s in now.services.items()}
        known = {name: (s.document, s.inputs) for name, s in then.services.items()}
        return settings or services != known or now.networks != then.networks or now.volumes != then.volumes

    def _reversed_for_gone(self, tasks: Mapping[str, Task]) -> dict[str, tuple[str, ...]]:
        """Let each stack that is taken away wait for those that depended on it."""
        gone = {name: self._planned.recorded.stacks[name] for name, task in tasks.items() if task.stack is None}
        return {
            name: tuple(sorted(other for other, recorded in gone.items() if name in recorded.depends_on))
            for name in gone
        }

    # ── one stack ────────────────────────────────────────────────────────────────────────────────

    def _carry(self, task: Task) -> StackOutcome:
        why = f"apply {self._commit[:12]}"
        try:
            with stack_lock(self._pipeline.settings.state_dir, task.name, who=getuser(), why=why) as handle:
                return self._under_lock(task, handle)
        except ReconcilerError as error:
            return self._hidden(StackOutcome(task.name, "FailedUnchanged", error_problem(error, f"stack/{task.name}")))

    def _under_lock(self, task: Task, handle: int) -> StackOutcome:
        stack = task.stack or self._planned.recorded.stacks[task.name]
        coming = expected_inventory(task.stack) if task.stack else frozenset()
        self._pipeline.store.begin(stack, coming, self._commit)
        hands = Hands(self._pipeline, task, stack.project, handle)
        work = Work(task, hands.look, hands.perform, self._pipeline.listener)
        outcome = self._hidden(work.run())
        return self._prove(task, outcome)

    def _prove(self, task: Task, outcome: StackOutcome) -> StackOutcome:
        """Look again: only a second plan that is empty makes a stack applied."""
        if outcome.result not in _GOOD:
            self._pipeline.store.finish(outcome, run=self._run)
            return outcome
        second = self._plan_again(frozenset({task.name}))
        if left := [action for action in second.plan.actions if action.stack == task.name]:
            problem = _not_converged(task.name, left)
            outcome = replace(outcome, result="FailedPartial" if task.actions else "FailedUnchanged", problem=problem)
            self._pipeline.store.finish(outcome, run=self._run)
        elif task.stack is None:
            self._taken_away(task.name, outcome)
        else:
            self._write_down(task.stack, outcome, second)
        return outcome

    def _write_down(self, stack: DesiredStack, outcome: StackOutcome, second: Planned) -> None:
        recorded = second.recorded.stacks.get(stack.name)
        containers = own_containers(stack, recorded, index_facts(second.observed))
        self._pipeline.store.finish(
            outcome,
            run=self._run,
            applied=self._applied(second, stack, containers),
            inventory=exact_inventory(stack, containers, second.observed),
            defaults=frozen(stack, containers, second.recorded.defaults),
            settings=(stack.settings.prune, stack.settings.depends_on),
        )

    def _taken_away(self, name: str, outcome: StackOutcome) -> None:
        recorded = self._planned.recorded.stacks[name]
        stays = take_away(recorded.folder, recorded.files)
        remove_env_file(self._pipeline.settings.state_dir, name)
        self._pipeline.store.finish(outcome, run=self._run)
        self._pipeline.store.forget(name, stays)

    # ── small change ─────────────────────────────────────────────────────────────────────────────

    def _plan_again(self, scope: frozenset[str] | None) -> Planned:
        planned = self._planned
        return self._pipeline.plan_for(planned.desired, planned.plan.source, confirm_prune=True, scope=scope)

    def _applied(self, planned: Planned, stack: DesiredStack, containers: Sequence[Container]) -> AppliedStack:
        world = make_worlds(planned.desired, planned.observed, planned.recorded)[stack.name]
        return applied_stack(stack, world, containers, self._commit, planned.redactor.mask)

    def _hidden(self, outcome: StackOutcome) -> StackOutcome:
        """Mask what is secret in the words of others."""
        text = self._planned.redactor.text

        def hide(problem: Problem | None) -> Problem | None:
            return problem and replace(problem, args={key: text(value) for key, value in problem.args.items()})

        outcomes = tuple(replace(one, problem=hide(one.problem)) for one in outcome.outcomes)
        return replace(outcome, problem=hide(outcome.problem), outcomes=outcomes)

    def _covers(self, name: str) -> bool:
        return self._scope is None or name in self._scope

    def _is_blocked(self, name: str) -> bool:
        return any(problem.target.split("/")[:2] == ["stack", name] for problem in self._planned.plan.blocked)

    def _remember_device(self) -> None:
        desired, machine_id = self._planned.desired, self._planned.observed.machine_id
        self._pipeline.store.device(desired.device, machine_id, has_folder=desired.has_device_folder)

    def _converged(self, outcomes: Sequence[StackOutcome]) -> bool:
        if self._planned.plan.blocked or any(outcome.result not in _GOOD for outcome in outcomes):
            return False
        proved = {outcome.stack for outcome in outcomes if outcome.result == "Applied"}
        observed = self._planned.observed.containers
        rest = [s for s in self._planned.desired.stacks if s.name not in proved and self._covers(s.name)]
        return all(
            judge_stack(stack, [c for c in observed if c.project == stack.project]).health != "Degraded"
            for stack in rest
        )


def _not_converged(name: str, left: Sequence[Action]) -> Problem:
    target = name if name == "daemon" else f"stack/{name}"
    still = ", ".join(f"{action.kind} {action.object or action.target}" for action in left)
    return Problem(target, "", "not-converged", {"left": still})


def _total(outcomes: Sequence[StackOutcome]) -> Result:
    results = {outcome.result for outcome in outcomes}
    for worst in ("FailedPartial", "FailedUnchanged", "Rejected", "Applied"):
        if worst in results:
            return worst
    return "NoChange"
