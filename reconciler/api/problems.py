"""Errors on the wire: the problem document with its kind, so that the other end raises the same; and the HTTP status of each.

Api; may import errors, model and plan's documents.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from reconciler import errors
from reconciler.errors import ReconcilerError
from reconciler.model import Document
from reconciler.plan.document import problem_document

_STATUS: tuple[tuple[type[ReconcilerError], HTTPStatus], ...] = (
    (errors.WrongRequest, HTTPStatus.BAD_REQUEST),
    (errors.UnknownTarget, HTTPStatus.NOT_FOUND),
    (errors.StoreUnusable, HTTPStatus.INTERNAL_SERVER_ERROR),
    (errors.MissingTool, HTTPStatus.INTERNAL_SERVER_ERROR),
    (errors.Locked, HTTPStatus.CONFLICT),
    (errors.Retry, HTTPStatus.SERVICE_UNAVAILABLE),
)
"""The first that fits counts; for all others something stands in the way of what was asked: 409."""


def status_of(error: ReconcilerError) -> HTTPStatus:
    """Return the HTTP status for an error of ours."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), HTTPStatus.CONFLICT)


def error_document(error: ReconcilerError) -> Document:
    """Return an error as data and in words."""
    return {"kind": type(error).__name__, **problem_document(error.problem(""))}


def read_error(entry: Any) -> ReconcilerError:
    """Return the error that a document of ours says."""
    kind: type[ReconcilerError] = getattr(errors, entry["kind"])
    return kind(entry["code"], file=entry["file"], line=entry["line"], **entry["args"])
