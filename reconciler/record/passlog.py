"""What passes have to say in the log: a line for each stack that changed or failed, and one for the pass that did something.

Room 5 (record); may import model. The words for causes and problems arrive as functions; only text with secrets masked arrives.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog
from structlog.typing import FilteringBoundLogger

from reconciler.model import GOOD, Action, Cause, Outcome, Plan, Problem, SourceState, StackOutcome, Step
from reconciler.record.current import RUN

_log = structlog.get_logger()

_WHOLE = "*"
"""What passes as a whole are kept under; no stack is called so."""

_Kind: TypeAlias = "tuple[str, str, str, str | None, int | None]"


@dataclass(frozen=True, slots=True)
class Words:
    """How causes and problems are said."""

    cause: Callable[[Cause], str]
    problem: Callable[[Problem], str]


class AgentLog:
    """Writes what passes do; remembers what was said, so that what stays as it is, is said once."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self._lock = threading.Lock()
        self._said: dict[str, _Kind] = {}
        self._blocked: frozenset[_Kind] = frozenset()

    def begins(self, trigger: str, who: str, *, wide: bool) -> PassLog:
        """Begin the log of a pass, which covers everything or not; call it in the thread of the pass."""
        RUN.set(None)  # the thread may have carried out another
        return PassLog(self, trigger, who, wide=wide)

    def source(self, problem: Problem | None) -> None:
        """Say what is wrong with the source, unless that was said before."""
        if self.is_new("source", problem) and problem is not None:
            _log.warning("source is not followed", why=self.words.problem(problem))

    def is_new(self, about: str, problem: Problem | None) -> bool:
        """Remember what is wrong with a stack or the source (None: nothing), and tell whether that was not said yet."""
        with self._lock:
            before = self._said.pop(about, None)
            if problem is not None:
                self._said[about] = _kind(problem)
            return problem is not None and _kind(problem) != before

    def is_over(self, about: str) -> bool:
        """Forget what was wrong, and tell whether something was."""
        with self._lock:
            return self._said.pop(about, None) is not None

    def new_blocks(self, blocked: Sequence[Problem], *, wide: bool) -> list[Problem]:
        """Remember what is blocked, and return what was not said yet; what a wide plan does not name any more is forgotten."""
        with self._lock:
            before, now = self._blocked, frozenset(map(_kind, blocked))
            self._blocked = now if wide else before | now
        return [problem for problem in blocked if _kind(problem) not in before]


class PassLog:
    """Hears one pass and writes a line for each stack that changed or failed, and one for the pass that did something."""

    def __init__(self, log: AgentLog, trigger: str, who: str, *, wide: bool) -> None:
        self._agent = log
        self._log: FilteringBoundLogger = structlog.get_logger()
        self._trigger, self._who, self._wide = trigger, who or None, wide
        self._begun = time.monotonic()
        self._stacks = 0
        self._actions = 0

    def broke(self, problem: Problem) -> None:
        """Say that the pass could not be made, or broke off, unless the one before did for the same reason."""
        if self._agent.is_new(_WHOLE, problem):
            self._log.warning("no pass could be made", why=self._agent.words.problem(problem))

    def refreshed(self, source: SourceState) -> None:
        self._agent.source(source.problem)

    def planned(self, plan: Plan, stacks: frozenset[str]) -> None:
        self._log = self._log.bind(revision=plan.revision.commit[:12])
        if self._agent.is_over(_WHOLE):
            self._log.info("passes can be made again")
        self._log.debug("planned", actions=len(plan.actions), stacks=len(stacks))
        for problem in self._agent.new_blocks(plan.blocked, wide=self._wide):
            why = self._agent.words.problem(problem)
            self._log.warning("blocked", target=problem.target, reason=problem.reason, why=why, where=_where(problem))

    def step(self, step: Step) -> None:
        self._log.debug("step", stack=step.stack, kind=step.kind, services=",".join(step.services) or None)

    def outcome(self, outcome: Outcome) -> None:
        action = outcome.action
        self._log.debug(
            action.kind, target=action.target, object=action.object, ok=outcome.ok, seconds=_round(outcome.seconds)
        )

    def settled(self, outcome: StackOutcome) -> None:
        done = [each.action for each in outcome.outcomes if each.ok]
        self._actions += len(done)
        self._stacks += bool(done)
        cut = outcome.problem is not None and outcome.problem.code == "cut"  # no failure: the next pass goes on with it
        is_new = not cut and self._agent.is_new(outcome.stack, outcome.problem)
        failed = outcome.result not in GOOD and not cut
        log = self._log.warning if failed and (is_new or done) else self._log.info if done else self._log.debug
        log(
            "stack failed" if failed else "stack cut short" if cut else "stack applied" if done else "stack unchanged",
            stack=outcome.stack,
            result=outcome.result,
            seconds=_round(outcome.seconds),
            did=_deeds(done),
            because=self._reasons(done),
            why=self._agent.words.problem(outcome.problem) if outcome.problem else None,
            where=_where(outcome.problem) if outcome.problem else None,
        )

    def output(self, stack: str, line: str) -> None:
        self._log.debug("compose says", stack=stack, line=line)

    def ended(self, *, converged: bool, next_look: str | None = None) -> None:
        """Write how the pass ended, when it did something; `next_look` says when all is looked at again."""
        log = self._log.info if self._actions else self._log.debug
        log(
            "pass ended",
            trigger=self._trigger,
            who=self._who,
            seconds=_round(time.monotonic() - self._begun),
            stacks=self._stacks,
            actions=self._actions,
            converged=converged,
            next=next_look,
        )

    def _reasons(self, done: list[Action]) -> str | None:
        said = dict.fromkeys(f"{each.because}: {self._agent.words.cause(each.cause)}" for each in done)
        return "; ".join(said) or None


def _kind(problem: Problem) -> _Kind:
    """Return what makes a problem the same as before; its numbers may differ."""
    return problem.target, problem.reason, problem.code, problem.file, problem.line


def _deeds(done: list[Action]) -> str | None:
    return ", ".join(f"{each.kind} {each.object or each.target}" for each in done) or None


def _where(problem: Problem) -> str | None:
    return f"{problem.file}:{problem.line}" if problem.file and problem.line else problem.file


def _round(seconds: float) -> float:
    return round(seconds, 2)
