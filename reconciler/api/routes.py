"""What can be asked, as one table: the server answers by it, and `openapi.py` describes it.

Api; may import the pipeline, record's summary, and the modules beside it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel

from reconciler import __version__
from reconciler.api import documents as said
from reconciler.api import shapes as asked
from reconciler.api.events import Told, source_document
from reconciler.api.feed import Feed, Follower
from reconciler.api.problems import error_document
from reconciler.errors import ReconcilerError
from reconciler.model import Document
from reconciler.pipeline.desk import Desk, Wish
from reconciler.pipeline.report_document import report_document
from reconciler.plan.document import plan_document
from reconciler.record.status import summary
from reconciler.shape import Shape

Answer: TypeAlias = "Document | Follower | None"
"""A document, events to be followed, or nothing to say."""


@dataclass(frozen=True, slots=True)
class Route:
    """One question: `asks` is its query (GET) or body (POST), `says` its answer, None for nothing to say."""

    method: Literal["GET", "POST"]
    path: str
    summary: str
    answer: Callable[[Desk, Feed, Any], Answer]
    asks: type[Shape] = asked.Nothing
    says: type[BaseModel] | None = None
    streams: bool = False
    status_of_nothing: HTTPStatus = HTTPStatus.NO_CONTENT


def _version(_desk: Desk, _feed: Feed, _ask: asked.Nothing) -> Document:
    return {"schema": 1, "agent": __version__}


def _openapi(_desk: Desk, _feed: Feed, _ask: asked.Nothing) -> Document:
    from reconciler.api.openapi import description  # noqa: PLC0415 - which reads this table

    return description()


def _status(desk: Desk, _feed: Feed, ask: asked.StatusQuery) -> Document:
    document = desk.status()
    return summary(document) if ask.summary else document


def _plan(desk: Desk, _feed: Feed, ask: asked.PlanBody) -> Document:
    source, plan = desk.plan(confirm_prune=ask.confirm_prune)
    return {"schema": 1, "source": source_document(source), "plan": plan_document(plan)}


def _apply(desk: Desk, _feed: Feed, ask: asked.ApplyBody) -> Answer:
    wish = Wish(ask.accept_rewrite, ask.confirm_prune, ask.index)
    if not ask.wait:
        desk.begin(wish)
        return None
    follower = Follower()
    # in a thread of its own: the pass goes on whatever becomes of whoever asked for it
    threading.Thread(target=_carry_out, args=(desk, wish, follower), name="apply", daemon=True).start()
    return follower


def _carry_out(desk: Desk, wish: Wish, follower: Follower) -> None:
    try:
        report = desk.apply(wish, Told(follower.hear))
    except ReconcilerError as error:
        follower.tell({"event": "error", "error": error_document(error)})
    else:
        follower.tell({"event": "report", "report": report_document(report)})
    finally:
        follower.close()


def _history(desk: Desk, _feed: Feed, ask: asked.HistoryQuery) -> Document:
    return desk.history(ask.stack, ask.limit)


def _why(desk: Desk, _feed: Feed, ask: asked.WhyQuery) -> Document:
    return desk.why(ask.target)


def _suspend(desk: Desk, _feed: Feed, ask: asked.SuspendBody) -> None:
    desk.suspend(ask.stack, ask.reason, ask.until)


def _resume(desk: Desk, _feed: Feed, ask: asked.ResumeBody) -> None:
    desk.resume(ask.stack)


def _events(_desk: Desk, feed: Feed, _ask: asked.Nothing) -> Follower:
    return feed.follow()


ROUTES: tuple[Route, ...] = (
    Route("GET", "/v1/version", "Who answers.", _version, says=said.Version),
    Route("GET", "/v1/openapi.json", "This description.", _openapi),
    Route(
        "GET", "/v1/status", "How this host stands to what git says.", _status, asked.StatusQuery, said.Status
    ),
    Route(
        "POST", "/v1/plan", "Fetch, and say what an apply would do. Changes nothing.", _plan, asked.PlanBody, said.Planned
    ),
    Route(
        "POST", "/v1/apply", "Fetch, and do what has to be done, before anything that is queued.", _apply,
        asked.ApplyBody, said.Event, streams=True, status_of_nothing=HTTPStatus.ACCEPTED,
    ),
    Route("GET", "/v1/history", "The last runs with what they did, newest first.", _history, asked.HistoryQuery, said.History),
    Route("GET", "/v1/why", "Why something is as it is.", _why, asked.WhyQuery, said.Why),
    Route("POST", "/v1/suspend", "Leave a stack alone, whatever happens.", _suspend, asked.SuspendBody),
    Route("POST", "/v1/resume", "Look after a stack again.", _resume, asked.ResumeBody),
    Route("GET", "/v1/events", "Everything that happens from now on.", _events, says=said.Event, streams=True),
)  # fmt: skip
