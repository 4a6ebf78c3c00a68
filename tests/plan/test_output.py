"""The plan as text, as JSON, and its index."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, get_args

from reconciler.model import Action, Cause, FieldDiff, Held, Kind, Problem
from reconciler.plan.document import plan_document
from reconciler.plan.plan import Options, make_plan
from reconciler.plan.text import GLYPHS, plan_text, value_text
from reconciler.plan.texts import CAUSES, PROBLEMS
from tests.plan.build import COMMIT, NOW, all_made, all_there, altered, desired, observed, plan, record, service, stack

BEFORE = stack("web", service("api", environment={"A": "1"}))
AFTER = stack("web", service("api", environment={"A": "2"}))
CHANGE = plan(desired(AFTER), all_there(BEFORE), record(BEFORE))


def test_the_document() -> None:
    """The JSON document is exactly that of formats.md."""
    assert plan_document(CHANGE) == {
        "schema": 1,
        "device": "device",
        "agent": "0.1.0",
        "created": "2026-11-24T12:00:00Z",
        "source": "/srv/git",
        "revision": COMMIT,
        "index": CHANGE.index,
        "actions": [
            {
                "id": "a1",
                "target": "stack/web/service/api",
                "object": "web-api-1",
                "kind": "recreate",
                "because": "change",
                "cause": {
                    "code": "field",
                    "args": {"fields": "environment.A"},
                    "file": "stacks/web/compose.yaml",
                    "line": 4,
                    "commit": COMMIT,
                    "text": "environment.A differs",
                },
                "fields": [{"path": "environment.A", "desired": "2", "applied": "1", "observed": "1"}],
                "risks": ["downtime"],
                "after": [],
            }
        ],
        "blocked": [],
        "held": [],
        "notes": [],
        "summary": {"recreate": 1},
    }
    json.dumps(plan_document(CHANGE))


def test_blocked_and_held_in_the_document() -> None:
    """What is blocked and held comes with its words and is counted."""
    problem = Problem("stack/x", "PortTaken", "port-taken", {"port": "80", "owner": "y", "service": "z"}, "f.yaml", 7)
    document = plan_document(
        replace(CHANGE, actions=(), blocked=(problem,), held=(Held("stack/y", "ignored", note="n"),))
    )

    assert document["summary"] == {"blocked": 1, "held": 1}
    assert document["held"] == [{"target": "stack/y", "fields": [], "why": "ignored", "until": None, "note": "n"}]
    blocked: Any = document["blocked"]
    assert {**blocked[0], "args": None} == {
        "target": "stack/x",
        "reason": "PortTaken",
        "code": "port-taken",
        "args": None,
        "text": "host port 80 is taken by y, z cannot have it",
        "hint": "Choose another port, or stop what holds it.",
        "file": "f.yaml",
        "line": 7,
    }


def test_every_kind_has_a_glyph() -> None:
    """Whatever can be done can be printed."""
    assert set(GLYPHS) == set(get_args(Kind))


def test_every_row_of_the_texts_can_be_filled() -> None:
    """A text or hint names its gaps in braces, and nothing else."""
    for code in CAUSES:
        plan_text(replace(CHANGE, actions=(Action("stack/x", "start", "drift", Cause(code)),)))
    for code in PROBLEMS:
        plan_text(replace(CHANGE, blocked=(Problem("stack/x", "", code),)))


def test_text_of_others_is_inert() -> None:
    """Control characters, line breaks and marks that turn text are printed as escapes."""
    evil = "\x1b[31m\u202eabc\nsecond\x9b"
    action = Action(
        "stack/x", "start", "drift", Cause("missing", file=evil), object=evil, fields=(FieldDiff(evil, evil),)
    )

    found = plan_text(replace(CHANGE, actions=(action,)))

    assert all(char.isprintable() or char == "\n" for char in found)
    assert len(found.splitlines()) == 3
    assert "\\x1b[31m\\u202eabc" in found


def test_other_scripts_stay_readable() -> None:
    """Only what a terminal obeys is escaped."""
    assert value_text("时区 ü") == '"时区 ü"'


def test_long_values_are_cut() -> None:
    """A long value is cut, and counted."""
    assert value_text("x" * 1000).endswith("… (1002 characters)")


def test_secrets_are_masked() -> None:
    """Every value that the plan shows has gone through the mask."""

    def mask(path: str, value: object) -> str:
        return f"…{path}" if path else str(value)

    made = make_plan(desired(AFTER), all_there(BEFORE), record(BEFORE), Options(NOW, "", ""), mask)

    assert made.actions[0].fields == (FieldDiff("environment.A", "…environment.A", "1", "…environment.A"),)


def test_the_index() -> None:
    """Same facts, same index; another commit, container or field, another one. Health and time do not count."""
    (container,) = all_made(BEFORE)
    known = record(BEFORE)

    def index(*containers: object, commit: str = COMMIT) -> str:
        wanted = desired(AFTER)
        wanted = replace(wanted, revision=replace(wanted.revision, commit=commit))
        return plan(wanted, observed(containers, BEFORE), known).index  # type: ignore[arg-type]

    assert index(replace(container, health="starting")) == CHANGE.index
    others = {
        index(container, commit="other"),
        index(replace(container, id="other")),
        index(altered(container, "Config", Env=["A=3"])),
        index(replace(container, state="exited")),
        index(),
    }
    assert len(others | {CHANGE.index}) == 6


def test_foreign_containers_do_not_change_the_index() -> None:
    """Other people's containers come and go without making a saved plan stale."""
    other = stack("other", service("x"))

    assert (
        plan(desired(AFTER), observed([*all_made(BEFORE), *all_made(other)], BEFORE), record(BEFORE)).index
        == CHANGE.index
    )
