"""What something waits for, as the status has it."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.pipeline.waiting import waiting

SINCE, LATER = "2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z"
IDLE: dict[str, Any] = {
    "operation": "Idle",
    "since": SINCE,
    "next": None,
    "held": [],
    "blocked": [],
    "health": "Healthy",
}
WELL: dict[str, Any] = {"engine": {"state": "reachable"}, "source": {"state": "ok"}}
HELD = {"why": "stop_grace", "until": LATER}


@pytest.mark.parametrize(
    ("status", "entry", "code", "until"),
    [
        ({}, {}, None, None),
        ({}, {"operation": "Verifying"}, "verifying", None),
        ({}, {"operation": "Applying", "held": [HELD]}, "working", None),
        ({}, {"held": [HELD], "next": LATER}, "stop-grace", LATER),
        ({}, {"held": [{"why": "ignored", "until": None}]}, None, None),
        ({}, {"blocked": [{"reason": "DependencyNotReady", "text": "db"}]}, "blocked", None),
        ({}, {"blocked": [{"reason": "PortTaken", "text": "80"}]}, None, None),
        ({}, {"next": LATER, "reason": "no such image"}, "retry", None),
        ({}, {"next": LATER, "suspended": {"who": "ada"}}, None, None),
        ({"engine": {"state": "unreachable", "reason": "gone"}}, {"held": [HELD]}, "engine", None),
        ({"source": {"state": "unreachable", "reason": "no route"}}, {}, "source", None),
        ({}, {"health": "Progressing", "reason": "starting"}, "ready", None),
    ],
)
def test_what_it_waits_for(status, entry, code, until):
    """The nearest reason is told, with its times; what needs a person or a commit is no waiting."""
    found = waiting({**WELL, **status}, {**IDLE, **entry})

    assert (found and found["code"]) == code
    if found:
        assert (found["since"], found["until"], found["next"]) == (SINCE, until, entry.get("next"))
        assert found["for"]


def test_the_words_name_what_is_waited_for():
    """The engine's own words, the dependency's name."""
    found = waiting(WELL, {**IDLE, "blocked": [{"reason": "DependencyNotReady", "text": "waits for stack db"}]})

    assert found is not None
    assert found["for"] == "what is in its way: waits for stack db"
