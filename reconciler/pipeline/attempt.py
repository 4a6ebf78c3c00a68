"""Carry one plan out: the daemon's settings first, then stacks side by side, each proved by a second look.

Pipeline; may import every room.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.apply.files import remove_env_file, take_away
from reconciler.apply.lock import stack_lock
from reconciler.errors import ReconcilerError
from reconciler.model import GOOD, DesiredStack, ObjectRef, Plan, Problem, Result, StackOutcome
from reconciler.pipeline.crew import carry_out
from reconciler.pipeline.daemon import DaemonPart, applied_keys, not_converged
from reconciler.pipeline.hands import Hands
from reconciler.pipeline.inventory import exact_inventory, expected_inventory, frozen
from reconciler.pipeline.person import this_user
from reconciler.pipeline.tasks import applied, choose_tasks, still_proved, waiting_for
from reconciler.pipeline.veil import Veiled, veiled_outcome
from reconciler.pipeline.work import Task, Work
from reconciler.plan.health import judge_stack
from reconciler.plan.scene import index_facts, own_containers

if TYPE_CHECKING:
    from reconciler.pipeline.rooms import Planned, Rooms

_WORST_FIRST: tuple[Result, ...] = ("FailedPartial", "FailedUnchanged", "Rejected", "Applied")


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass did; `unwell` says what is wrong with stacks that it had no reason to touch."""

    plan: Plan
    outcomes: tuple[StackOutcome, ...]
    unwell: tuple[Problem, ...] = ()

    @property
    def converged(self) -> bool:
        """Tell whether nothing failed, nothing is blocked, and what runs is well."""
        failed = any(outcome.result not in GOOD for outcome in self.outcomes)
        return not (failed or self.plan.blocked or self.unwell)


class Attempt:
    """One plan being carried out."""

    def __init__(self, rooms: Rooms, planned: Planned) -> None:
        self._rooms = rooms
        self._planned = planned
        self._commit = planned.desired.revision.commit
        self._run = ""

    def run(self) -> Report:
        """Carry the plan out; failures end in the outcomes."""
        plan, store = self._planned.plan, self._rooms.store
        self._run = store.start_run("command", this_user(), self._planned.desired.revision)
        outcomes = (*self._daemon(), *self._stacks())
        report = Report(plan, outcomes, tuple(self._unwell_untouched(outcomes)))
        self._remember(converged=report.converged)
        store.end_run(self._run, _total(outcomes))
        return report

    def _daemon(self) -> tuple[StackOutcome, ...]:
        part = DaemonPart(self._planned, self._rooms.settings, self._look_again)
        if not part.is_wanted:
            return ()
        outcome = self._hidden(part.carry_out())
        self._rooms.store.finish_daemon(outcome, run=self._run, applied=applied_keys(part, outcome))
        for one in outcome.outcomes:
            self._rooms.listener.outcome(one)
        self._rooms.listener.settled(outcome)
        if part.restarts:
            # The engine may have ended containers meanwhile: what to do about the stacks is asked anew.
            self._planned = self._look_again(self._planned.scope)
        return (outcome,)

    def _stacks(self) -> tuple[StackOutcome, ...]:
        tasks = choose_tasks(self._planned)
        self._rooms.store.proved_again(still_proved(self._planned, tasks), self._commit)
        return carry_out(tasks, waiting_for(self._planned, tasks), self._carry, self._rooms.listener.settled)

    # ── one stack ────────────────────────────────────────────────────────────────────────────────

    def _carry(self, task: Task, rest: Callable[[float], None]) -> StackOutcome:
        why = f"apply {self._commit[:12]}"
        try:
            with stack_lock(self._rooms.settings.state_dir, task.name, who=this_user(), why=why) as handle:
                return self._under_lock(task, handle, rest)
        except ReconcilerError as error:
            return self._hidden(StackOutcome(task.name, "FailedUnchanged", error.problem(f"stack/{task.name}")))

    def _under_lock(self, task: Task, handle: int, rest: Callable[[float], None]) -> StackOutcome:
        stack = task.stack or self._planned.recorded.stacks[task.name]
        coming = self._coming(task.stack) if task.stack else frozenset()
        self._rooms.store.begin(stack, coming, self._commit)
        listener = Veiled(self._rooms.listener, self._planned.redactor.text)
        hands = Hands(self._rooms, task, stack.project, handle, listener)
        work = Work(task, hands.look, hands.perform, listener, rest)
        return self._prove(task, self._hidden(work.run()))

    def _coming(self, stack: DesiredStack) -> frozenset[ObjectRef]:
        """Name all that may be ours from now on: what will be made, and what is ours or adopted as it stands."""
        facts = index_facts(self._planned.observed)
        own = own_containers(stack, self._planned.recorded.stacks.get(stack.name), facts)
        return expected_inventory(stack) | exact_inventory(stack, own, self._planned.observed)

    def _prove(self, task: Task, outcome: StackOutcome) -> StackOutcome:
        """Look again: only a second plan that is empty makes a stack applied."""
        second, problem = self._second_look(task) if outcome.result in GOOD else (None, None)
        if problem is not None:
            result: Result = "FailedPartial" if task.actions else "FailedUnchanged"
            outcome = self._hidden(replace(outcome, result=result, problem=problem))
        if second is None or problem is not None:
            self._rooms.store.finish(outcome, run=self._run)
        elif task.stack is None:
            self._taken_away(task.name, outcome)
        else:
            self._write_down(task.stack, outcome, second)
        return outcome

    def _second_look(self, task: Task) -> tuple[Planned | None, Problem | None]:
        """Plan once more; say what is left to do, or why that cannot be told."""
        target = f"stack/{task.name}"
        try:
            second = self._look_again(frozenset({task.name}))
        except ReconcilerError as error:
            return None, error.problem(target)
        left = [action for action in second.plan.actions if action.stack == task.name]
        return second, self._unwell(task, second) or not_converged(target, left) if left else None

    def _unwell(self, task: Task, second: Planned) -> Problem | None:
        """Say what is wrong with what was just made: a container that has crashed since tells more than a new plan."""
        if task.stack is None:
            return None
        recorded = second.recorded.stacks.get(task.name)
        health = judge_stack(task.stack, own_containers(task.stack, recorded, index_facts(second.observed)))
        return health.problem if health.health == "Degraded" else None

    def _write_down(self, stack: DesiredStack, outcome: StackOutcome, second: Planned) -> None:
        recorded = second.recorded.stacks.get(stack.name)
        containers = own_containers(stack, recorded, index_facts(second.observed))
        self._rooms.store.finish(
            outcome,
            run=self._run,
            applied=applied(second, stack, containers),
            inventory=exact_inventory(stack, containers, second.observed),
            defaults=frozen(stack, containers, second.recorded.defaults),
            settings=(stack.settings.prune, stack.settings.depends_on),
        )

    def _taken_away(self, name: str, outcome: StackOutcome) -> None:
        recorded = self._planned.recorded.stacks[name]
        stays = take_away(recorded.folder, recorded.files)
        remove_env_file(self._rooms.settings.state_dir, name)
        self._rooms.store.finish(outcome, run=self._run)
        self._rooms.store.forget(name, stays)

    # ── small change ─────────────────────────────────────────────────────────────────────────────

    def _look_again(self, scope: frozenset[str] | None) -> Planned:
        return self._rooms.plan_again(self._planned, scope)

    def _hidden(self, outcome: StackOutcome) -> StackOutcome:
        """Mask what is secret in the words of others."""
        return veiled_outcome(outcome, self._planned.redactor.text)

    def _remember(self, *, converged: bool) -> None:
        """Write down what was reached, and on which device; a device that changed is not believed before a person says so."""
        desired, plan, store = self._planned.desired, self._planned.plan, self._rooms.store
        if self._planned.scope is not None:
            return
        if converged:
            store.applied(self._commit)
        if not desired.problems and all(problem.reason != "DeviceChanged" for problem in plan.blocked):
            store.device(desired.device, self._planned.observed.machine_id, has_folder=desired.has_device_folder)

    def _unwell_untouched(self, outcomes: Sequence[StackOutcome]) -> Iterator[Problem]:
        """Find the stacks that are not well although there was nothing to do for them."""
        told = {outcome.stack for outcome in outcomes if outcome.result != "NoChange"}
        told |= {problem.target.split("/")[1] for problem in self._planned.plan.blocked if "/" in problem.target}
        facts, scope = index_facts(self._planned.observed), self._planned.scope
        for stack in self._planned.desired.stacks:
            if stack.name not in told and (scope is None or stack.name in scope):
                own = own_containers(stack, self._planned.recorded.stacks.get(stack.name), facts)
                health = judge_stack(stack, own)
                if health.health == "Degraded" and health.problem is not None:
                    yield health.problem


def _total(outcomes: Sequence[StackOutcome]) -> Result:
    results = {outcome.result for outcome in outcomes}
    return next((worst for worst in _WORST_FIRST if worst in results), "NoChange")
