"""What answers look like, for those who read the API's description; a test holds real answers against them.

Api; nothing is made with these, the documents themselves are made where their nouns are known.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from reconciler.model import Because, Kind, Result, StepKind

Schema = Literal[1]
Time = Annotated[str, Field(description="UTC, as 2026-12-01T08:00:00Z.")]
Args = Annotated[dict[str, str], Field(description="What fills the text of `code`.")]


class Answer(BaseModel):
    """A document of exactly these keys."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Problem(Answer):
    """Why something cannot go on: as data, and in words."""

    target: str
    reason: Annotated[str, Field(description="A `blocked by` word, or empty.")]
    code: str
    args: Args
    text: str
    hint: str
    file: str | None
    line: int | None


class Error(Problem):
    """Why a question could not be answered."""

    kind: Annotated[str, Field(description="The class of the error, such as PlanStale.")]


class Refusal(Answer):
    """The body of every answer that is none."""

    schema_: Annotated[Schema, Field(alias="schema")]
    error: Error


class Fieldwise(Answer):
    """One differing field; null = not known or absent. Secrets are masked."""

    path: str
    desired: Any
    applied: Any
    observed: Any


class Cause(Answer):
    """Why an action is planned."""

    code: str
    args: Args
    file: str | None
    line: int | None
    commit: str | None
    text: str


class Action(Answer):
    """One thing to do."""

    id: str
    target: str
    object: str
    kind: Kind
    because: Because
    cause: Cause
    fields: list[Fieldwise]
    risks: list[str]
    after: list[str]


class Held(Answer):
    """Seen, but not acted on."""

    target: str
    fields: list[Fieldwise]
    why: str
    until: Time | None
    note: str | None


class Plan(Answer):
    """What would be done, what cannot be, and what is left alone on purpose (`plan --json`)."""

    schema_: Annotated[Schema, Field(alias="schema")]
    device: str
    agent: str
    created: Time
    source: str
    revision: str
    index: str
    actions: list[Action]
    blocked: list[Problem]
    held: list[Held]
    notes: list[Problem]
    summary: dict[str, int]


class Revision(Answer):
    """One commit of the followed source."""

    commit: str
    subject: str
    author: str


class Source(Answer):
    """How the last look at git went."""

    url: str
    revision: Revision | None
    problem: Problem | None


class Planned(Answer):
    """A plan, and how git was when it was made."""

    schema_: Annotated[Schema, Field(alias="schema")]
    source: Source
    plan: Plan


class Outcome(Answer):
    """What became of an action."""

    id: str
    ok: bool
    seconds: float
    problem: Problem | None
    action: Action


class Settled(Answer):
    """What became of a stack, or of the daemon's settings."""

    result: Result
    seconds: float
    problem: Problem | None
    actions: list[Outcome]


class Report(Answer):
    """What a pass did (`apply --json`)."""

    schema_: Annotated[Schema, Field(alias="schema")]
    device: str
    revision: str
    converged: bool
    plan: Plan
    stacks: dict[str, Settled]
    unwell: list[Problem]


class Step(Answer):
    """What a stack begins to do."""

    kind: StepKind
    stack: str
    services: list[str]
    force: bool
    actions: list[Action]
    result: Result | None
    problem: Problem | None


class Pass(Answer):
    """Which pass an event belongs to; `scope` null: everything."""

    trigger: str
    who: str
    scope: list[str] | None


class Event(Answer):
    """One thing that happened: `event` says what, and with it which of the other keys are there (docs/api.md)."""

    event: Literal[
        "begins", "refreshed", "planned", "step", "outcome", "settled", "output", "ended", "report", "error", "cut-off"
    ]
    pass_: Annotated[Pass | None, Field(alias="pass", description="Only in the stream of everything.")] = None
    source: Source | None = None
    plan: Plan | None = None
    stacks: list[str] | None = None
    step: Step | None = None
    outcome: Outcome | Settled | None = None
    stack: str | None = None
    line: str | None = None
    report: Report | None = None
    error: Error | None = None


class Version(Answer):
    """Who answers."""

    schema_: Annotated[Schema, Field(alias="schema")]
    agent: str


class Status(BaseModel):
    """How this host stands to what git says: the document of `status --json`, docs/settings.md."""

    schema_: Annotated[Schema, Field(alias="schema")]


class History(BaseModel):
    """The last runs with what they did, newest first: the document of `history --json`."""

    schema_: Annotated[Schema, Field(alias="schema")]
    runs: list[dict[str, Any]]


class Why(BaseModel):
    """Why something is as it is: the document of `why --json`."""

    schema_: Annotated[Schema, Field(alias="schema")]
    target: str
