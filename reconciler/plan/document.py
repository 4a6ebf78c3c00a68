"""Say a plan as the JSON document that others read (formats.md §3), and read one back.

Room 3 (plan); may import only model, errors and its own room. What is read back prints the same text; what only `apply/` needs
(`params`, `object_id`, `level`) is not part of the document.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from reconciler.model import Action, Cause, Document, FieldDiff, Held, Plan, Problem, Revision
from reconciler.plan.texts import cause_text, problem_hint, problem_text

SCHEMA = 1


def plan_document(plan: Plan) -> Document:
    """Return the plan as a document of plain JSON values; times are UTC."""
    return {
        "schema": SCHEMA,
        "device": plan.device,
        "agent": plan.agent,
        "created": time_text(plan.created),
        "source": plan.source,
        "revision": plan.revision.commit,
        "index": plan.index,
        "actions": [action_document(action) for action in plan.actions],
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
        "until": time_text(held.until),
        "note": held.note,
    }


def action_document(action: Action) -> Document:
    """Return an entry of `actions`."""
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


def maybe_problem_document(problem: Problem | None) -> Document | None:
    """Return a problem, if there is one."""
    return problem_document(problem) if problem else None


def time_text(moment: datetime | None) -> str | None:
    """Return a moment in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None


# ── and back ─────────────────────────────────────────────────────────────────────────────────────


def read_plan(document: Any) -> Plan:
    """Return the plan that a document of ours says."""
    return Plan(
        device=document["device"],
        agent=document["agent"],
        created=datetime.fromisoformat(document["created"]),
        source=document["source"],
        revision=Revision(document["revision"]),
        index=document["index"],
        actions=tuple(map(read_action, document["actions"])),
        blocked=tuple(map(read_problem, document["blocked"])),
        held=tuple(map(_read_held, document["held"])),
        notes=tuple(map(read_problem, document["notes"])),
    )


def read_action(entry: Any) -> Action:
    """Return the action that an entry of `actions` says; its stack and service follow from the target."""
    cause = entry["cause"]
    room, stack, kind, name = (*entry["target"].split("/"), "", "", "")[:4]
    return Action(
        target=entry["target"],
        kind=entry["kind"],
        because=entry["because"],
        cause=Cause(cause["code"], cause["args"], cause["file"], cause["line"], cause["commit"]),
        object=entry["object"],
        id=entry["id"],
        stack=stack if room == "stack" else None,
        service=name if (room, kind) == ("stack", "service") else None,
        fields=_read_fields(entry["fields"]),
        risks=tuple(entry["risks"]),
        after=tuple(entry["after"]),
    )


def read_problem(entry: Any) -> Problem:
    """Return the problem that an entry of `blocked` says."""
    return Problem(entry["target"], entry["reason"], entry["code"], entry["args"], entry["file"], entry["line"])


def read_maybe_problem(entry: Any) -> Problem | None:
    """Return what `maybe_problem_document` said."""
    return read_problem(entry) if entry else None


def _read_held(entry: Any) -> Held:
    until = datetime.fromisoformat(entry["until"]) if entry["until"] else None
    return Held(entry["target"], entry["why"], _read_fields(entry["fields"]), until, entry["note"])


def _read_fields(entries: Any) -> tuple[FieldDiff, ...]:
    return tuple(FieldDiff(one["path"], one["desired"], one["applied"], one["observed"]) for one in entries)
