"""Carry one plan out: the daemon's settings first, then stacks side by side, each proved by a second look.

Pipeline; may import every room.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reconciler.apply.files import remove_env_file, take_away
from reconciler.apply.lock import stack_lock
from reconciler.errors import ReconcilerError
from reconciler.model import GOOD, Desired, DesiredStack, ObjectRef, Plan, Problem, Recorded, Result, StackOutcome
from reconciler.pipeline.crew import carry_out
from reconciler.pipeline.daemon import DAEMON, DaemonPart, applied_keys, not_converged
from reconciler.pipeline.hands import Hands
from reconciler.pipeline.inventory import exact_inventory, expected_inventory, frozen
from reconciler.pipeline.listening import Listener
from reconciler.pipeline.person import this_user
from reconciler.pipeline.tasks import applied, choose_tasks, is_reached, still_proved, waiting_for
from reconciler.pipeline.veil import Veiled, veiled_outcome
from reconciler.pipeline.work import Task, Work
from reconciler.plan.health import judge_stack
from reconciler.plan.patience import STOP_GRACE
from reconciler.plan.scene import index_facts, own_containers
from reconciler.plan.suspended import SUSPENDED, suspensions
from reconciler.record.current import RUN

if TYPE_CHECKING:
    from reconciler.pipeline.rooms import Planned, Rooms

_WORST_FIRST: tuple[Result, ...] = ("FailedPartial", "FailedUnchanged", "Rejected", "Applied")


@dataclass(frozen=True, slots=True)
class Report:
    """What a pass did; `unwell` says what is wrong with stacks that it had no reason to touch, and with the record."""

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

    def __init__(self, rooms: Rooms, planned: Planned, listener: Listener) -> None:
        self._rooms = rooms
        self._planned = planned
        self._order = planned.order
        self._listener = listener
        self._commit = planned.desired.revision.commit
        self._who = planned.order.who or this_user()
        self._run = ""

    def run(self) -> Report:
        """Carry the plan out; failures end in the outcomes. No run is written where there is nothing to do and nobody asked."""
        daemon, tasks = self._daemon_part(), choose_tasks(self._planned)
        self._announce(tasks, daemon)
        begins = self._order.trigger == "command" or bool(tasks) or daemon.is_wanted
        if begins:
            self._run = self._rooms.store.start_run(self._order.trigger, self._who, self._planned.desired.revision)
            RUN.set(self._run)
        plan, outcomes = self._planned.plan, self._daemon(daemon)
        if daemon.restarts:
            # The engine may have ended containers meanwhile: what to do about the stacks is asked anew.
            self._planned = self._look_again(self._planned.scope)
            tasks = choose_tasks(self._planned)
            self._announce(tasks)
        outcomes = (*outcomes, *self._stacks(tasks))
        return self._written_down(Report(plan, outcomes, tuple(self._unwell_untouched(outcomes))))

    def _written_down(self, report: Report) -> Report:
        """Close the pass in the record; where that cannot be, what was done is told all the same."""
        try:
            self._remember(converged=report.converged)
            if self._run:
                self._rooms.store.end_run(self._run, _total(report.outcomes))
        except ReconcilerError as error:
            return replace(report, unwell=(*report.unwell, error.problem("record")))
        return report

    def _daemon_part(self) -> DaemonPart:
        return DaemonPart(self._planned, self._rooms.settings, self._look_at_daemon)

    def _announce(self, tasks: Collection[str], daemon: DaemonPart | None = None) -> None:
        parts = {DAEMON} if daemon and daemon.is_wanted else set()
        self._listener.planned(self._planned.plan, frozenset(parts.union(tasks)))

    def _daemon(self, part: DaemonPart) -> tuple[StackOutcome, ...]:
        if not part.is_wanted:
            return ()
        if part.actions:
            self._rooms.store.begin_daemon(part.begins)
        outcome = self._hidden(part.carry_out())
        self._rooms.store.finish_daemon(outcome, run=self._run, applied=applied_keys(part, outcome))
        for one in outcome.outcomes:
            self._listener.outcome(one)
        self._listener.settled(outcome)
        return (outcome,)

    def _stacks(self, tasks: Mapping[str, Task]) -> tuple[StackOutcome, ...]:
        self._rooms.store.proved_again(still_proved(self._planned, tasks), self._commit)
        return carry_out(
            tasks, waiting_for(self._planned, tasks), self._carry, self._listener.settled, self._order.cut.wait
        )

    # ── one stack ────────────────────────────────────────────────────────────────────────────────

    def _carry(self, task: Task, rest: Callable[[float], None]) -> StackOutcome:
        why = f"apply {self._commit[:12]}"
        if self._order.cut.is_set():
            return StackOutcome(task.name, "FailedUnchanged", Problem(f"stack/{task.name}", "", "cut"))
        try:
            with stack_lock(self._rooms.settings.state_dir, task.name, who=self._who, why=why) as handle:
                return self._under_lock(task, handle, rest)
        except ReconcilerError as error:
            return self._hidden(StackOutcome(task.name, "FailedUnchanged", error.problem(f"stack/{task.name}")))

    def _under_lock(self, task: Task, handle: int, rest: Callable[[float], None]) -> StackOutcome:
        stack = task.stack or self._planned.recorded.stacks[task.name]
        coming = self._coming(task.stack) if task.stack else frozenset()
        self._rooms.store.begin(stack, coming, self._commit)
        listener = Veiled(self._listener, self._planned.redactor.text)
        hands = Hands(self._rooms, task, stack.project, handle, listener, self._order.cut)
        work = Work(task, hands.look, hands.perform, listener, rest, self._order.cut.is_set)
        with self._rooms.measures.room("apply"):
            done = work.run()
        outcome = self._hidden(done)
        try:
            return self._prove(task, outcome)
        except ReconcilerError as error:  # most likely the record: what was touched stays touched
            touched = outcome.result in ("Applied", "FailedPartial")
            problem = outcome.problem or error.problem(f"stack/{task.name}")
            return self._hidden(
                replace(outcome, result="FailedPartial" if touched else "FailedUnchanged", problem=problem)
            )

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
        if second is not None:
            outcome = replace(outcome, looked_at=second.plan.created)
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

    def _look_at_daemon(self, scope: frozenset[str]) -> Planned:
        """Look again at dockerd, which has read its file."""
        self._rooms.store.begin_daemon({})
        return self._look_again(scope)

    def _look_again(self, scope: frozenset[str] | None) -> Planned:
        return self._rooms.plan_again(self._planned, scope)

    def _hidden(self, outcome: StackOutcome) -> StackOutcome:
        """Mask what is secret in the words of others."""
        return veiled_outcome(outcome, self._planned.redactor.text)

    def _remember(self, *, converged: bool) -> None:
        """Write down what was reached, and on which device; a device that changed is not believed before a person says so."""
        planned, store = self._planned, self._rooms.store
        known = store.revisions()
        if planned.scope is not None:
            if converged and known.applied != self._commit and is_reached(planned.desired, store.recorded()):
                store.applied(self._commit)
            return
        if known.attempted != self._commit:
            store.attempted(self._commit)
        whole = converged and all(held.why != SUSPENDED for held in planned.plan.held)
        if whole and known.applied != self._commit:
            store.applied(self._commit)
        if over := planned.recorded.stops.keys() - {container.id for container in planned.observed.containers}:
            store.not_stopped(over)
        if not planned.desired.problems and all(problem.reason != "DeviceChanged" for problem in planned.plan.blocked):
            self._remember_device(planned.desired, planned.observed.machine_id, planned.recorded)

    def _remember_device(self, desired: Desired, machine_id: str, known: Recorded) -> None:
        now = (desired.device, machine_id, desired.has_device_folder)
        if now != (known.device, known.machine_id, known.had_device_folder):
            self._rooms.store.device(desired.device, machine_id, has_folder=desired.has_device_folder)

    def _unwell_untouched(self, outcomes: Sequence[StackOutcome]) -> Iterator[Problem]:
        """Find the stacks that are not well although there was nothing to do for them, and nobody wanted them so."""
        plan, suspended = self._planned.plan, suspensions(self._planned.recorded, self._planned.plan.created)
        told = {outcome.stack for outcome in outcomes if outcome.result != "NoChange"} | suspended.keys()
        told |= {problem.target.split("/")[1] for problem in plan.blocked if "/" in problem.target}
        told |= {held.target.split("/")[1] for held in plan.held if held.why == STOP_GRACE}
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
