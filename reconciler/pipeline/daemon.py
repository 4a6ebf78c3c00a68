"""Carry out the daemon's part of a plan, and prove it by a second look.

Pipeline; may import every room.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.apply.daemon import apply_daemon
from reconciler.errors import ReconcilerError
from reconciler.model import GOOD, Action, Document, Outcome, Problem, Result, StackOutcome

if TYPE_CHECKING:
    from reconciler.pipeline.rooms import Planned
    from reconciler.settings import Settings

DAEMON = "daemon"


@dataclass(frozen=True, slots=True)
class DaemonPart:
    """The daemon's part of a plan."""

    planned: Planned
    settings: Settings
    look_again: Callable[[frozenset[str]], Planned]

    @property
    def actions(self) -> tuple[Action, ...]:
        """Return its actions."""
        return tuple(action for action in self.planned.plan.actions if action.target.startswith("daemon/"))

    @property
    def rejected(self) -> Problem | None:
        """Return why nothing is done, if that is so; of several keys some may be refused, and the others set."""
        return None if self.actions else next(iter(self._blocked), None)

    @property
    def _blocked(self) -> Sequence[Problem]:
        return [p for p in self.planned.plan.blocked if p.target.split("/")[0] == DAEMON]

    @property
    def _git_refused(self) -> Problem | None:
        """Return why nothing of git's settings is used, if that is so."""
        return next((problem for problem in self._blocked if problem.reason == "DaemonRejected"), None)

    @property
    def restarts(self) -> bool:
        """Tell whether the engine has to be restarted: it may end containers."""
        return any("engine-restart" in action.risks for action in self.actions)

    @property
    def is_wanted(self) -> bool:
        """Tell whether there is something to do, to refuse, or to write down."""
        in_scope = self.planned.scope is None or DAEMON in self.planned.scope
        known = dict(self.planned.recorded.daemon_applied)
        return in_scope and (self._is_to_be_refused or bool(self.actions) or self.git_keys != known)

    @property
    def _is_to_be_refused(self) -> bool:
        """Tell whether git's settings are to be refused: a person hears it each time, else it is written down once."""
        told = self.planned.recorded.daemon_result == "Rejected" and self.planned.order.trigger != "command"
        return self.rejected is not None and not told

    @property
    def git_keys(self) -> Document:
        """Return the keys that git sets, secrets masked; those that are refused stay as they were."""
        daemon, mask = self.planned.desired.daemon, self.planned.redactor.mask
        keys = {key.name: key.value for key in daemon.keys if key.owner == "git"} if daemon else {}
        wanted = {name: mask(f"daemon.{name}", value) for name, value in keys.items()}
        known = self.planned.recorded.daemon_applied
        if self._git_refused is not None:
            return known
        refused = {problem.target.partition("/")[2] for problem in self._blocked}
        as_they_were = {name: known[name] for name in refused if name in known}
        return {name: value for name, value in wanted.items() if name not in refused} | as_they_were

    @property
    def begins(self) -> Document:
        """Return the keys that are to be written, secrets masked; null for one that is to be taken out."""
        mask = self.planned.redactor.mask
        return {one.object: mask(one.target.replace("/", "."), one.params["value"]) for one in self.actions}

    def carry_out(self) -> StackOutcome:
        """Write the file and make dockerd take it; errors of ours end in the outcome."""
        if self.rejected is not None:
            return StackOutcome(DAEMON, "Rejected", self.rejected)
        if not self.actions:
            return StackOutcome(DAEMON, "NoChange")
        begun = time.monotonic()
        result, problem = self._carried_out()
        seconds = time.monotonic() - begun
        outcomes = tuple(Outcome(action, problem is None, problem, seconds) for action in self.actions)
        if problem is None and self._git_refused is not None:
            result, problem = "Rejected", self._git_refused  # what belongs to the system was put in order all the same
        return StackOutcome(DAEMON, result, problem, outcomes, seconds)

    def _carried_out(self) -> tuple[Result, Problem | None]:
        try:
            self._apply()
        except ReconcilerError as error:
            return "FailedUnchanged", error.problem(DAEMON)
        problem = self._left_to_do()
        return ("FailedPartial", problem) if problem else ("Applied", None)

    def _apply(self) -> None:
        daemon, seen = self.settings.daemon, self.planned.observed.daemon
        assert daemon is not None
        assert seen is not None
        apply_daemon(daemon, seen, self.actions, self.settings.docker.host, self.settings.state_dir / "dockerd.log")

    def _left_to_do(self) -> Problem | None:
        try:
            second = self.look_again(frozenset({DAEMON}))
        except ReconcilerError as error:
            return error.problem(DAEMON)
        planned = {action.target for action in self.actions}  # what was refused before may be possible by now
        left = [action for action in second.plan.actions if action.target in planned]
        return not_converged(DAEMON, left) if left else None


def applied_keys(part: DaemonPart, outcome: StackOutcome) -> Document | None:
    """Return the keys to be written down as set by git, None when nothing was proved."""
    return part.git_keys if outcome.result in GOOD else None


def not_converged(target: str, left: Sequence[Action]) -> Problem:
    """Say that a second look still finds something to do."""
    still = ", ".join(f"{action.kind} {action.object or action.target}" for action in left)
    return Problem(target, "", "not-converged", {"left": still})
