"""Say how this host stands to what git says: the status document, also where git or the engine cannot be asked.

Pipeline; may import every room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from reconciler import __version__
from reconciler.errors import EngineUnreachable
from reconciler.model import Desired, Document, Observed, Problem, Recorded, SourceState
from reconciler.observed import host
from reconciler.plan.document import plan_document
from reconciler.plan.health import judge_stack
from reconciler.plan.scene import index_facts, own_containers
from reconciler.plan.texts import error_problem, problem_text
from reconciler.record.status import Facts, Verdict, states, status_document
from reconciler.redact import Redactor

if TYPE_CHECKING:
    from reconciler.pipeline.passes import Pipeline


def report_status(pipeline: Pipeline, source: SourceState | None, problem: Problem | None = None) -> Document:
    """Look, and return the status document of formats.md §4.

    `source` is None when there is no revision to compare with; `problem` then says why.
    """
    facts = _facts(pipeline, source, problem)
    since = pipeline.store.noted(states(facts), facts.now)
    return status_document(facts, since)


def _facts(pipeline: Pipeline, source: SourceState | None, problem: Problem | None) -> Facts:
    revisions = pipeline.store.revisions()
    problem = problem or (source.problem if source else None)
    facts = Facts(
        device=pipeline.settings.device,
        device_id=host.machine_id(),
        agent=__version__,
        compose=pipeline.tool.version,
        now=datetime.now(UTC),
        recorded=pipeline.store.recorded(),
        revisions=(revisions.wanted, revisions.attempted, revisions.applied),
        mask=Redactor(pipeline.store.key(), frozenset()).mask,
        source_reason=problem_text(problem) if problem else None,
        left_behind=pipeline.store.left_behind(),
    )
    if source is None or source.revision is None:
        return facts
    desired = pipeline.load(source.revision)
    try:
        planned = pipeline.plan_for(desired, source.url)
    except EngineUnreachable as error:
        reason = problem_text(error_problem(error, "engine"))
        return replace(facts, desired=desired, engine_reason=reason)
    return replace(
        facts,
        desired=desired,
        observed=planned.observed,
        plan=plan_document(planned.plan),
        verdicts=_verdicts(desired, planned.observed, planned.recorded, planned.redactor),
        mask=planned.redactor.mask,
    )


def _verdicts(desired: Desired, observed: Observed, recorded: Recorded, redactor: Redactor) -> Mapping[str, Verdict]:
    verdicts, found = {}, index_facts(observed)
    for stack in desired.stacks:
        if not stack.problems:
            health = judge_stack(stack, own_containers(stack, recorded.stacks.get(stack.name), found))
            reason = redactor.text(problem_text(health.problem)) if health.problem else None
            verdicts[stack.name] = Verdict(health.health, reason, health.services)
    return verdicts
