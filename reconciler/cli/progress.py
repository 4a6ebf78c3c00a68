"""What `apply` shows while it works, as a listener of the pipeline: plain lines, or a table that updates itself.

Face; imports model, and rich for the table. The pipeline calls a listener from up to four threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from reconciler.cli.inert import inert
from reconciler.cli.words import warn_about
from reconciler.model import Action, Outcome, SourceState, StackOutcome, Step
from reconciler.pipeline.listening import Silent
from reconciler.plan.texts import problem_text

Mark: TypeAlias = Literal["working", "done", "failed"]
GLYPHS: Mapping[Mark, str] = {"working": "…", "done": "✓", "failed": "✗"}
STYLES: Mapping[Mark, str] = {"working": "cyan", "done": "green", "failed": "bold red"}


def step_text(step: Step) -> str:
    """Say what a step does, in a few words."""
    services = ", ".join(inert(name) for name in step.services)
    texts: Mapping[str, str] = {
        "files": "put files in place",
        "pull": f"pull {services}",
        "build": f"build {services}",
        "repair-names": "look for what an interrupted run left",
        "up": f"{'recreate' if step.force else 'create'} {services}",
        "call": ", ".join(action_text(action) for action in step.actions),
        "wait": f"wait for {services}" if services else "wait until ready",
        "settled": "done",
    }
    return texts[step.kind].rstrip()


def action_text(action: Action) -> str:
    """Name an action by its kind and the object it is about."""
    return f"{action.kind} {inert(action.object or action.target)}"


def seconds(value: float) -> str:
    """Write a duration as people read it."""
    return f"{value:.1f} s" if value < 60 else f"{int(value // 60)} min {int(value % 60)} s"


def count(number: int, noun: str) -> str:
    """Write a number of things."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


class Progress(Silent):
    """What shows a pass, however: what is wrong with the source is said at once."""

    def refreshed(self, source: SourceState) -> None:
        warn_about(source)


class Lines(Progress):
    """Print a line when a stack begins another step, when an action has an outcome, and when a stack is settled.

    Where nothing is done nothing is said; what compose prints is left out, its last lines come with the error if there is one.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._last: dict[str, str] = {}

    def step(self, step: Step) -> None:
        text = step_text(step)
        if (step.actions or step.kind == "wait") and self._last.get(step.stack) != text:
            self._last[step.stack] = text
            self._write(f"{inert(step.stack)}: {text}")

    def outcome(self, outcome: Outcome) -> None:
        if outcome.problem:
            self._write(f"{inert(outcome.action.target)}: failed: {inert(problem_text(outcome.problem))}")
        else:
            self._write(
                f"{inert(outcome.action.target)}: {action_text(outcome.action)}: ok ({seconds(outcome.seconds)})"
            )

    def settled(self, outcome: StackOutcome) -> None:
        if outcome.outcomes or outcome.problem:
            self._write(f"{inert(outcome.stack)}: {outcome.result} ({seconds(outcome.seconds)})")


@dataclass(frozen=True, slots=True)
class Row:
    """What the table knows about a stack. `outcome` is set once it is settled."""

    doing: str = ""
    services: Mapping[str, Mark] = field(default_factory=dict)
    line: str = ""
    outcome: StackOutcome | None = None

    def marked(self, actions: tuple[Action, ...], mark: Mark) -> Row:
        """Mark the services that these actions are about."""
        changed: dict[str, Mark] = {action.service: mark for action in actions if action.service}
        return replace(self, services={**self.services, **changed})
