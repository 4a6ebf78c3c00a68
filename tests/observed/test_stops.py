"""Events, and what was remembered of them, tell who stopped a container and when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.model import Container
from reconciler.observed.stops import judged


def at(minute: int) -> datetime:
    return datetime(2026, 5, 1, 12, minute, tzinfo=UTC)


def history(words: str) -> list[dict[str, Any]]:
    """Read `start kill:15 die` as events, one a minute from the first on."""
    events = []
    for minute, word in enumerate(words.split()):
        action, _, signal = word.partition(":")
        actor = {"Attributes": {"signal": signal} if signal else {}}
        events.append({"Action": action, "Actor": actor, "timeNano": int(at(minute).timestamp()) * 10**9})
    return events


def judge(state, events, started=0, reigns_since=None, remembered=None):
    document = {"State": {"StartedAt": at(started).isoformat()}}
    one = Container("1", "web-app-1", state, "app:1", "sha256:1", document=document)
    found = judged(one, history(events), at(reigns_since or 0), None if remembered is None else at(remembered))
    return found.stopped_by_hand, found.stopped_at and found.stopped_at.minute


@pytest.mark.parametrize(
    ("events", "by_hand", "minute"),
    [
        ("start die", False, None),
        ("die", False, None),
        ("start kill:15 die stop", True, 3),
        ("start kill:15 kill:9 stop die", True, 3),
        ("start kill:9 die", True, 1),
        ("start kill:1 die", False, None),
        ("start kill:28 die stop", True, 3),
        ("start kill:15 die stop start die", False, None),
        ("start die start kill:15 stop die", True, 4),
        ("", None, None),
        ("start", None, None),
        ("start kill:15", None, None),
    ],
)
def test_who_ended_it(events, by_hand, minute):
    """A kill or stop of the last run is a person's; a signal to go on is not; an unknown end is unknown."""
    assert judge("exited", events) == (by_hand, minute)


@pytest.mark.parametrize(("events", "minute"), [("start pause", 1), ("start pause unpause pause", 3), ("start", None)])
def test_who_paused_it(events, minute):
    """A pause is always a person's; when it was may be forgotten."""
    assert judge("paused", events) == (True, minute)


@pytest.mark.parametrize(
    ("state", "events", "remembered", "expected"),
    [
        ("exited", "", 7, (True, 7)),
        ("exited", "", 5, (True, 5)),
        ("exited", "", 4, (None, None)),
        ("exited", "die", 7, (True, 7)),
        ("exited", "die", 4, (False, None)),
        ("exited", "start kill:9 die", 7, (True, 1)),
        ("paused", "", 7, (True, 7)),
        ("paused", "", 4, (True, None)),
        ("paused", "start pause", 7, (True, 1)),
    ],
)
def test_what_the_engine_forgot_is_remembered(state, events, remembered, expected):
    """A stop that was seen counts where the history lacks it, but not one from before the container's last start."""
    assert judge(state, events, started=5, remembered=remembered) == expected


@pytest.mark.parametrize(
    ("events", "expected"), [("kill:15 kill:9 stop die", (False, 2)), ("", (False, 8)), ("start", (False, 8))]
)
def test_an_engine_that_came_up_since_is_no_person(events, expected):
    """Whatever is told or remembered of a container that the engine's start or end took down is the engine's doing."""
    assert judge("exited", events, started=5, reigns_since=6, remembered=8) == expected
    assert judge("exited", "stop die", started=6, reigns_since=6)[0] is True
