"""Say a plan as the JSON document that others read (formats.md §3).

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from reconciler.model import Action, Document, FieldDiff, Held, Plan, Problem
from reconciler.plan.texts import cause_text, problem_hint, problem_text

SCHEMA = 1


def plan_document(plan: Plan) -> Document:
    """Return the plan as a document of plain JSON values; times are UTC."""
    return {
        "schema": SCHEMA,
        "device": plan.device,
        "agent": plan.agent,
        "created": _time(plan.created),
        "source": plan.source,
        "revision": plan.revision.commit,
        "index": plan.index,
        "actions": [_action(action) for action in plan.actions],
        "blocked": [problem_document(problem) for problem in plan.blocked],
        "held": [held_document(held) for held in plan.held],
        "notes": [problem_document(note) for note in plan.notes],
        "summary": summary(plan),
    }


def summary(plan: Plan) -> dict[str, int]:
    """Count actions by kind, and what is blocked and held; what there is none of is left out."""
    counts: dict[str, int] = dict(sorted(Counter(action.kind for action in plan.actions).items()))
    more = {"blocked": len(plan.blocked), "held": len(plan.held)}
    return {**counts, **{word: count for word, count in more.items() if count}}


def problem_document(problem: Problem) -> Document:
    """Return an entry of `blocked`, with its words."""
    return {
        "target": problem.target,
        "reason": problem.reason,
        "code": problem.code,
        "args": dict(problem.args),
        "text": problem_text(problem),
        "hint": problem_hint(problem),
        "file": problem.file,
        "line": problem.line,
    }


def held_document(held: Held) -> Document:
    """Return an entry of `held`."""
    return {
        "target": held.target,
        "fields": [_field(diff) for diff in held.fields],
        "why": held.why,
        "until": _time(held.until) if held.until else None,
        "note": held.note,
    }


def _action(action: Action) -> Document:
    cause = action.cause
    return {
        "id": action.id,
        "target": action.target,
        "object": action.object,
        "kind": action.kind,
        "because": action.because,
        "cause": {
            "code": cause.code,
            "args": dict(cause.args),
            "file": cause.file,
            "line": cause.line,
            "commit": cause.commit,
            "text": cause_text(cause),
        },
        "fields": [_field(diff) for diff in action.fields],
        "risks": list(action.risks),
        "after": list(action.after),
    }


def _field(diff: FieldDiff) -> Document:
    return {"path": diff.path, "desired": diff.desired, "applied": diff.applied, "observed": diff.observed}


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
