"""The description of the API is true, and current."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from pydantic import BaseModel

from reconciler.api import documents
from reconciler.api.events import Told, source_document
from reconciler.api.openapi import description, page
from reconciler.api.problems import error_document
from reconciler.api.routes import ROUTES
from reconciler.errors import PlanStale
from reconciler.model import Document
from reconciler.pipeline import Report, Wish
from reconciler.pipeline.report_document import report_document
from reconciler.plan.document import plan_document
from tests.api.fake import PLAN, SOURCE, FakeDesk
from tests.pipeline.test_report_document import REPORTS
from tests.plan.nouns import sent

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_the_written_description_is_current() -> None:
    """docs/openapi.json is what the program says; made anew by `python -m reconciler.api.openapi`."""
    done = subprocess.run([sys.executable, "-m", "reconciler.api.openapi"], capture_output=True, text=True, check=True)

    assert done.stdout == page() == (DOCS / "openapi.json").read_text()


def test_every_route_is_in_the_text() -> None:
    """docs/api.md has a line for each route, and names every event."""
    text = (DOCS / "api.md").read_text()

    assert [route.path for route in ROUTES if f"`{route.method} {route.path}" not in text] == []
    events = documents.Event.model_json_schema()["properties"]["event"]["enum"]
    assert [event for event in events if f"`{event}`" not in text] == []


def test_every_reference_leads_somewhere() -> None:
    """What is pointed to is there, and nothing else is."""
    said = description()
    schemas = said["components"]["schemas"]

    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*map(references, value.values()))
        return set().union(*map(references, value)) if isinstance(value, list) else set()

    assert references(said) == {f"#/components/schemas/{name}" for name in schemas}


@given(REPORTS)
def test_passes_look_as_described(report: Report) -> None:
    """A real report has exactly the keys and types that are described; with it plans, outcomes and problems."""
    fits(documents.Report, report_document(report))


def test_answers_look_as_described() -> None:
    """So have the answers to a plan and an error."""
    fits(documents.Planned, {"schema": 1, "source": source_document(SOURCE), "plan": plan_document(PLAN)})
    fits(documents.Refusal, {"schema": 1, "error": error_document(PlanStale("plan-stale"))})


def test_events_look_as_described() -> None:
    """So have all events of a pass."""
    events: list[Document] = []
    FakeDesk().apply(Wish(), Told(lambda make: events.append(make())))

    for event in events:
        fits(documents.Event, {**event, "pass": {"trigger": "push", "who": "", "scope": None}})
    assert len(events) == 6


def test_a_wrong_document_does_not_fit() -> None:
    """The check above can fail."""
    with pytest.raises(ValueError, match="surprise"):
        fits(documents.Plan, {**plan_document(PLAN), "surprise": 1})


def fits(model: type[BaseModel], document: Document) -> None:
    model.model_validate(sent(document))
