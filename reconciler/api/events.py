"""What happens in a pass, as event documents (docs/api.md), and told again to a listener at the other end.

Api; may import model, plan's documents and the pipeline's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias

from reconciler.model import Document, Outcome, Plan, Revision, SourceState, StackOutcome, Step
from reconciler.pipeline.report_document import outcome_document, read_outcome, read_settled, settled_document
from reconciler.plan.document import (
    action_document,
    maybe_problem_document,
    plan_document,
    read_action,
    read_maybe_problem,
    read_plan,
)

if TYPE_CHECKING:
    from reconciler.pipeline import Listener

Say: TypeAlias = Callable[[Callable[[], Document]], None]
"""Takes how an event is made, so that one that nobody hears is not."""


class Told:
    """A listener of the pipeline that says what it hears as event documents."""

    def __init__(self, say: Say) -> None:
        self._say = say

    def refreshed(self, source: SourceState) -> None:
        self._say(lambda: {"event": "refreshed", "source": source_document(source)})

    def planned(self, plan: Plan, stacks: frozenset[str]) -> None:
        self._say(lambda: {"event": "planned", "plan": plan_document(plan), "stacks": sorted(stacks)})

    def step(self, step: Step) -> None:
        self._say(lambda: {"event": "step", "step": _step_document(step)})

    def outcome(self, outcome: Outcome) -> None:
        self._say(lambda: {"event": "outcome", "outcome": outcome_document(outcome)})

    def settled(self, outcome: StackOutcome) -> None:
        self._say(lambda: {"event": "settled", "stack": outcome.stack, "outcome": settled_document(outcome)})

    def output(self, stack: str, line: str) -> None:
        self._say(lambda: {"event": "output", "stack": stack, "line": line})


def tell(listener: Listener, event: Any) -> None:
    """Tell a listener what an event document says; one of another kind is passed over."""
    match event["event"]:
        case "refreshed":
            listener.refreshed(read_source(event["source"]))
        case "planned":
            listener.planned(read_plan(event["plan"]), frozenset(event["stacks"]))
        case "step":
            listener.step(_read_step(event["step"]))
        case "outcome":
            listener.outcome(read_outcome(event["outcome"]))
        case "settled":
            listener.settled(read_settled(event["stack"], event["outcome"]))
        case "output":
            listener.output(event["stack"], event["line"])


def source_document(source: SourceState) -> Document:
    """Return how the last look at git went."""
    revision = source.revision
    said = {"commit": revision.commit, "subject": revision.subject, "author": revision.author} if revision else None
    return {"url": source.url, "revision": said, "problem": maybe_problem_document(source.problem)}


def read_source(entry: Any) -> SourceState:
    """Return what `source_document` said."""
    said = entry["revision"]
    revision = Revision(said["commit"], said["subject"], said["author"]) if said else None
    return SourceState(entry["url"], revision, read_maybe_problem(entry["problem"]))


def _step_document(step: Step) -> Document:
    return {
        "kind": step.kind,
        "stack": step.stack,
        "services": list(step.services),
        "force": step.force,
        "actions": [action_document(action) for action in step.actions],
        "result": step.result,
        "problem": maybe_problem_document(step.problem),
    }


def _read_step(entry: Any) -> Step:
    return Step(
        entry["kind"],
        entry["stack"],
        tuple(map(read_action, entry["actions"])),
        tuple(entry["services"]),
        force=entry["force"],
        result=entry["result"],
        problem=read_maybe_problem(entry["problem"]),
    )
