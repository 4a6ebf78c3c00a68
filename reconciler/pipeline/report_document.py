"""Say a pass, or a part of it, as the JSON document that others read (`apply --json`), and read one back.

Pipeline; imports model, plan's documents, and the report of `attempt.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from reconciler.model import Document, Json, Outcome, StackOutcome
from reconciler.pipeline.attempt import Report
from reconciler.plan.document import (
    action_document,
    maybe_problem_document,
    plan_document,
    problem_document,
    read_action,
    read_maybe_problem,
    read_plan,
    read_problem,
)


def report_document(report: Report) -> Document:
    """Return a pass as JSON: the plan, and what became of it per stack."""
    return {
        "schema": 1,
        "device": report.plan.device,
        "revision": report.plan.revision.commit,
        "converged": report.converged,
        "plan": plan_document(report.plan),
        "stacks": {outcome.stack: settled_document(outcome) for outcome in report.outcomes},
        "unwell": [problem_document(problem) for problem in report.unwell],
    }


def settled_document(outcome: StackOutcome) -> Document:
    """Return what became of a stack; its name is not part of it."""
    actions: Sequence[Json] = [outcome_document(each) for each in outcome.outcomes]
    return {
        "result": outcome.result,
        "seconds": round(outcome.seconds, 3),
        "problem": maybe_problem_document(outcome.problem),
        "actions": actions,
    }


def outcome_document(outcome: Outcome) -> Document:
    """Return what became of an action.

    The action is there whole: after a restart of the engine the plan is made anew, and then `id` is one of another plan.
    """
    return {
        "id": outcome.action.id,
        "ok": outcome.ok,
        "seconds": round(outcome.seconds, 3),
        "problem": maybe_problem_document(outcome.problem),
        "action": action_document(outcome.action),
    }


# ── and back ─────────────────────────────────────────────────────────────────────────────────────


def read_report(document: Any) -> Report:
    """Return the pass that a document of ours says."""
    return Report(
        read_plan(document["plan"]),
        tuple(read_settled(stack, entry) for stack, entry in document["stacks"].items()),
        tuple(map(read_problem, document["unwell"])),
    )


def read_settled(stack: str, entry: Any) -> StackOutcome:
    """Return what became of a stack."""
    outcomes = tuple(map(read_outcome, entry["actions"]))
    return StackOutcome(stack, entry["result"], read_maybe_problem(entry["problem"]), outcomes, entry["seconds"])


def read_outcome(entry: Any) -> Outcome:
    """Return what became of an action."""
    return Outcome(read_action(entry["action"]), entry["ok"], read_maybe_problem(entry["problem"]), entry["seconds"])
