"""The error tree. Every error knows its disposition: what has to happen before another try makes sense.

    ReconcilerError
    ├── Retry      time heals it: try again after a delay
    │   ├── SourceUnreachable    git cannot be reached (or refuses the credentials)
    │   ├── EngineUnreachable    dockerd does not answer
    │   ├── Locked               somebody else works on this stack
    │   ├── PullFailed           an image cannot be fetched
    │   ├── Cut                  ended on purpose, to make way for something newer
    │   └── NoSpace              disk full, or a folder that cannot be written
    ├── Stalled    a commit or a person has to act
    │   ├── InvalidSource        what git holds cannot be used
    │   ├── NotFastForward       the history was rewritten
    │   ├── EngineRefused        dockerd answered, with an error
    │   ├── ProgramFailed        a program we ran ended with an error
    │   └── DaemonRejected       dockerd does not take its new settings
    └── Refused    policy: we will not do it as things are
        ├── PathRefused          a link or something else stands where we would write
        ├── InvalidSettings      the agent's own settings cannot be used
        ├── StoreUnusable        the state database is corrupt, or newer than this agent
        ├── MissingTool          a program is missing or too old
        ├── PlanStale            the saved plan is not what would be done now
        ├── WrongRequest         the agent was asked something that it does not understand
        ├── NoAgent              only a running agent can do this, and none answers
        ├── AgentRuns            another agent holds this state folder
        ├── UnknownTarget        nothing here has that name
        └── NotSuspended         there is nothing to resume

An error is data: `code` names a row in `plan/texts.py`, `args` fill it, `file` and `line` say where.
Anything else that is raised is a bug.
"""

from __future__ import annotations

from typing import ClassVar

from reconciler.model import Problem


class ReconcilerError(Exception):
    """Say what went wrong as data; the faces turn it into words."""

    reason: ClassVar[str] = ""
    """The `blocked by` word of formats.md this error stands for; empty if none."""

    def __init__(self, code: str, *, file: str | None = None, line: int | None = None, **args: str) -> None:
        super().__init__(code, args)
        self.code = code
        self.arguments: dict[str, str] = args
        self.file = file
        self.line = line

    def problem(self, target: str, reason: str | None = None) -> Problem:
        """Say it of a target (`stack/web`, `source`); `reason` where it stands for another `blocked by` word there."""
        return Problem(
            target, self.reason if reason is None else reason, self.code, self.arguments, self.file, self.line
        )

    def __str__(self) -> str:
        where = f" ({self.file}{f':{self.line}' if self.line else ''})" if self.file else ""
        return f"{self.code}: {', '.join(f'{k}={v}' for k, v in sorted(self.arguments.items()))}{where}"


class Retry(ReconcilerError):
    """Time heals it; `after` seconds is a fair first delay."""

    after: ClassVar[float] = 5.0


class Stalled(ReconcilerError):
    """A commit or a person has to act first."""


class Refused(ReconcilerError):
    """Policy: not as things are."""


class SourceUnreachable(Retry):
    """Git cannot be reached, or refuses the credentials."""

    reason = "SourceUnreachable"


class EngineUnreachable(Retry):
    """The docker daemon does not answer."""

    reason = "EngineUnreachable"


class Locked(Retry):
    """Somebody else works on this stack right now."""

    reason = "Locked"


class PullFailed(Retry):
    """An image cannot be fetched; `args['words']` holds the tail of what compose said."""

    reason = "PullFailed"


class Cut(Retry):
    """Ended on purpose, to make way for a newer revision, a person's wish or the agent's end."""


class NoSpace(Retry):
    """The disk is full, or a folder cannot be written."""


class InvalidSource(Stalled):
    """What git holds cannot be used as it is."""

    reason = "InvalidSource"


class NotFastForward(Stalled):
    """The followed ref no longer contains the revision that was applied."""

    reason = "NotFastForward"


class EngineRefused(Stalled):
    """The docker daemon answered with an error; `args['words']` holds its words."""


class ProgramFailed(Stalled):
    """A program ended with an error; `args['words']` holds the tail of its output."""


class DaemonRejected(Stalled):
    """The docker daemon does not take its new settings, or does not come back with them."""

    reason = "DaemonRejected"


class PathRefused(Refused):
    """A link, or something else that is not ours, stands where we would write."""

    reason = "PolicyDenied"


class InvalidSettings(Refused):
    """The agent's settings file cannot be used."""


class StoreUnusable(Refused):
    """The state database is corrupt, or written by a newer agent."""


class MissingTool(Refused):
    """A program we need is missing or too old."""


class PlanStale(Refused):
    """A saved plan differs from what would be done now."""

    reason = "PlanStale"


class WrongRequest(Refused):
    """The agent was asked something that it does not understand; `args['key']` names the field, where it is one."""


class NoAgent(Refused):
    """Only a running agent can do this, and none answers at its socket."""


class AgentRuns(Refused):
    """Another agent holds this state folder; `args['pid']` is its process."""


class UnknownTarget(Refused):
    """Nothing here has that name; `args['known']` says what there is."""


class NotSuspended(Refused):
    """There is nothing to resume."""
