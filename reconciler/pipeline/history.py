"""Say what was done: the document of the last runs.

Pipeline; may import record and plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.errors import UnknownTarget
from reconciler.plan.document import maybe_problem_document, time_text
from reconciler.plan.texts import cause_text

if TYPE_CHECKING:
    from reconciler.model import Document, FieldDiff
    from reconciler.record.history import Done, Run, Settled, Told
    from reconciler.record.store import Store


def history_document(store: Store, stack: str | None, limit: int) -> Document:
    """Return the last runs, newest first, of one stack (or `daemon`) if named. Raises UnknownTarget for one never seen."""
    runs = store.history(limit, stack)
    if stack is not None and not runs and stack not in store.recorded().stacks and stack != "daemon":
        known = ", ".join(sorted(store.recorded().stacks)) or "nothing yet"
        raise UnknownTarget("stack-unknown", stack=stack, known=known)
    return {"schema": 1, "runs": [_told(run) for run in runs]}


def run_document(run: Run) -> dict[str, str | None]:
    """Say which run it was, for whom, of which commit."""
    return {
        "run": run.id,
        "trigger": run.trigger,
        "who": run.who,
        "revision": run.revision,
        "subject": run.subject,
        "author": run.author,
    }


def fields_document(fields: tuple[FieldDiff, ...]) -> list[Document]:
    """Say of each field what it was and what it became; null: nothing, or not known."""
    return [
        {"path": one.path, "before": one.applied if one.observed is None else one.observed, "after": one.desired}
        for one in fields
    ]


def _told(told: Told) -> Document:
    run = told.run
    return {
        **run_document(run),
        "started": time_text(run.started),
        "ended": time_text(run.ended),
        "result": run.result,
        "stacks": {one.stack: _settled(one) for one in told.settled},
        "actions": [_done(one) for one in told.done],
    }


def _settled(one: Settled) -> Document:
    return {"result": one.result, "problem": maybe_problem_document(one.problem), "seconds": round(one.seconds, 3)}


def _done(one: Done) -> Document:
    return {
        "target": one.target,
        "object": one.object,
        "kind": one.kind,
        "because": one.because,
        "text": cause_text(one.cause),
        "file": one.cause.file,
        "line": one.cause.line,
        "fields": fields_document(one.fields),
        "ok": one.ok,
        "problem": maybe_problem_document(one.problem),
        "seconds": round(one.seconds, 3),
    }
