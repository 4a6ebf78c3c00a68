"""Say how this host stands to what git says: the status document, also where git or the engine cannot be asked.

Pipeline; may import every room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from reconciler import __version__
from reconciler.errors import EngineUnreachable
from reconciler.model import Desired, Document, Problem, Revision, SourceState
from reconciler.observed import host
from reconciler.observed.look import look
from reconciler.pipeline.order import Order
from reconciler.plan.ask import ask
from reconciler.plan.document import plan_document, problem_document
from reconciler.plan.health import judge_stack
from reconciler.plan.jobs import believed_jobs
from reconciler.plan.scene import index_facts, own_containers
from reconciler.plan.texts import problem_hint, problem_text
from reconciler.record.status import Facts, Live, Verdict, states, status_document
from reconciler.redact import Redactor

if TYPE_CHECKING:
    from reconciler.pipeline.rooms import Planned, Rooms


_NOTHING: Mapping[str, Live] = {}
ENGINE_SECONDS = 5.0
"""How long each answer of the engine is waited for: who asks how things are wants to hear that it hangs."""


def report_status(
    rooms: Rooms,
    source: SourceState | None,
    problem: Problem | None = None,
    *,
    live: Mapping[str, Live] = _NOTHING,
    notes: Sequence[str] = (),
    patient: bool = False,
) -> Document:
    """Look, and return the status document of formats.md §4.

    Args:
        rooms: What there is to look at.
        source: None when there is no revision to compare with; `problem` then says why.
        problem: What is wrong with the source.
        live: What the agent does with each stack, with `daemon` and with `source`.
        notes: What the agent has to say beside that.
        patient: As in `Order`: what is to be done is shown as an agent will do it.
    """
    facts = replace(gather_facts(rooms, source, problem, patient=patient), live=live, notes=notes)
    since = rooms.store.noted(states(facts), facts.now)
    return status_document(facts, since)


def gather_facts(rooms: Rooms, source: SourceState | None, problem: Problem | None, *, patient: bool = False) -> Facts:
    """Look, and return what can be told of this host; arguments as for `report_status`."""
    revisions = rooms.store.revisions()
    problem = problem or (source.problem if source else None)
    facts = Facts(
        device=rooms.settings.device,
        device_id=host.machine_id(),
        agent=__version__,
        compose=rooms.tool.version,
        now=datetime.now(UTC),
        recorded=rooms.store.recorded(),
        revisions=(revisions.wanted, revisions.attempted, revisions.applied),
        mask=Redactor(rooms.store.key(), frozenset()).mask,
        left_behind=rooms.store.left_behind(),
    )
    facts = _with_source(facts, problem) if problem else facts
    if source is None or source.revision is None:
        return _from_record(rooms, facts)
    desired = rooms.load(source.revision)
    if desired.problems:
        return _from_record(rooms, _with_source(facts, desired.problems[0]))
    try:
        planned = rooms.plan_for(desired, source.url, Order(patient=patient, engine_seconds=ENGINE_SECONDS))
    except EngineUnreachable as error:
        return replace(facts, desired=desired, engine_reason=_reason(error))
    return replace(
        facts,
        desired=desired,
        observed=planned.observed,
        plan=_with_failures(plan_document(planned.plan), _unfinished(planned)),
        verdicts=_verdicts(planned),
        mask=planned.redactor.mask,
    )


def _with_source(facts: Facts, problem: Problem) -> Facts:
    place = f"{problem.file}:{problem.line}: " if problem.file and problem.line else ""
    state = "unreachable" if problem.reason == "SourceUnreachable" else "unusable"
    reason = f"{place}{problem_text(problem)}"
    return replace(facts, source_state=state, source_reason=reason, source_hint=problem_hint(problem))


def _from_record(rooms: Rooms, facts: Facts) -> Facts:
    """Look at what the record alone says is ours; without a revision nobody knows which words in a log are secret."""
    nothing = Desired(facts.device, Revision(""))
    try:
        observed = look(rooms.engine(ENGINE_SECONDS), ask(nothing, facts.recorded), None)
    except EngineUnreachable as error:
        return replace(facts, engine_reason=_reason(error))
    silent = tuple(replace(container, log_tail=()) for container in observed.containers)
    return replace(facts, observed=replace(observed, containers=silent))


def _reason(error: EngineUnreachable) -> str:
    return problem_text(error.problem("engine"))


def _unfinished(planned: Planned) -> Mapping[str, Problem]:
    """Return by stack what the last attempt failed with; health is looked at anew, once nothing else is left to do."""
    waiting = {action.stack for action in planned.plan.actions}
    failures = {name: stack.problem for name, stack in planned.recorded.stacks.items() if stack.problem}
    return {name: p for name, p in failures.items() if name in waiting or p.reason != "HealthFailed"}


def _with_failures(plan: Document, failures: Mapping[str, Problem]) -> Document:
    """Add to what is blocked the pulls that failed: a plan cannot know them."""
    failed = [problem_document(problem) for problem in failures.values() if problem.reason == "PullFailed"]
    return {**plan, "blocked": [*cast("Sequence[Document]", plan["blocked"]), *failed]}


def _verdicts(planned: Planned) -> Mapping[str, Verdict]:
    verdicts, found, failures = {}, index_facts(planned.observed), _unfinished(planned)
    for stack in planned.desired.stacks:
        if not stack.problems:
            own = own_containers(stack, planned.recorded.stacks.get(stack.name), found)
            health = judge_stack(stack, own)
            problem = _telling(health.problem, failures.get(stack.name))
            reason = planned.redactor.text(problem_text(problem)) if problem else None
            verdicts[stack.name] = Verdict(health.health, reason, health.services, believed_jobs(stack, own))
    return verdicts


def _telling(seen: Problem | None, failed: Problem | None) -> Problem | None:
    """Choose what says more: that a container is missing says less than why it could not be made."""
    return failed if failed and (seen is None or seen.code == "service-missing") else seen
