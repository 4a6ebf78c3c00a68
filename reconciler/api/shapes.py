"""What a question must look like; what does not fit is refused with the field named.

Api; the border, so pydantic. May import shape, yamlfile's type and errors.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any, TypeVar
from urllib.parse import parse_qsl

from pydantic import BeforeValidator, ConfigDict, Field

from reconciler.errors import WrongRequest
from reconciler.shape import Shape, complaint, fit
from reconciler.yamlfile import Path, YamlFile

S = TypeVar("S", bound=Shape)


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise complaint("a time is written 2026-12-01T08:00:00Z") from None
    if moment.tzinfo is None:
        raise complaint("a time needs its zone: 2026-12-01T08:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise complaint("in UTC this is no time that we can write") from None


Name = Annotated[str, Field(min_length=1, max_length=255)]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]


class Query(Shape):
    """What stands behind the `?`: there all is text, and is read as what is wanted."""

    model_config = ConfigDict(strict=False)


class Nothing(Query):
    """No parameters."""


class StatusQuery(Query):
    """How much of the status is wanted."""

    summary: bool = Field(False, description="At most 4 KB: counts, and the ten worst stacks.")


class HistoryQuery(Query):
    """Which runs are wanted."""

    stack: Name | None = Field(None, description="Only what concerned this stack.")
    limit: int = Field(20, ge=1, le=1000, description="At most so many runs, the newest.")


class WhyQuery(Query):
    """What is asked about."""

    target: Annotated[str, Field(min_length=1, max_length=1000)] = Field(
        description="A stack, `stack/service`, a service, a container or a daemon key."
    )


class PlanBody(Shape):
    """What the plan may contain."""

    confirm_prune: bool = Field(False, description="Allow a removal that would else be held back as too large.")


class ApplyBody(Shape):
    """What the pass may do, and whether it is followed."""

    accept_rewrite: bool = Field(False, description="Follow the source although its history was rewritten.")
    confirm_prune: bool = Field(False, description="Allow a removal that would else be held back as too large.")
    index: str | None = Field(None, description="That of a plan: what would be done must be the same, else PlanStale.")
    wait: bool = Field(True, description="Follow the pass as server-sent events; else 202 at once.")


class SuspendBody(Shape):
    """What to leave alone, why and until when."""

    stack: Name
    reason: Annotated[str, Field(min_length=1, max_length=1000)]
    until: Moment = Field(None, description="A time with its zone; null: until somebody resumes it.")


class ResumeBody(Shape):
    """What to look after again."""

    stack: Name


def read_query(shape: type[S], query: str) -> S:
    """Read what stands behind the `?`. Raises WrongRequest."""
    pairs = parse_qsl(query, keep_blank_values=True)
    values: dict[str, str] = {}
    for key, value in pairs:
        if key in values:
            raise WrongRequest("bad-value", key=key, words="it is given twice")
        values[key] = value
    return _fitted(shape, values)


def read_body(shape: type[S], body: bytes) -> S:
    """Read a request's JSON; an empty one is `{}`. Raises WrongRequest."""
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise WrongRequest("request-no-json", words=str(error)) from None
    return _fitted(shape, value)


def _fitted(shape: type[S], value: Any) -> S:
    if not isinstance(value, dict):
        raise WrongRequest("wrong-type", key="the request", wanted="an object")
    fields: dict[Path, int] = {(key,): 1 for key in value}  # `fit` names only what has a line
    found = fit(shape, YamlFile("the request", value, fields))
    if isinstance(found, tuple):
        raise WrongRequest(found[0].code, file=None, line=None, **found[0].args)
    return found
