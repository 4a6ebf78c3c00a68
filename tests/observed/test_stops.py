"""Events tell who ended a container."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.observed.stops import ended_by_hand


def history(words: str) -> list[dict[str, Any]]:
    """Read `start kill:15 die` as events."""
    events = []
    for word in words.split():
        action, _, signal = word.partition(":")
        events.append({"Action": action, "Actor": {"Attributes": {"signal": signal} if signal else {}}})
    return events


@pytest.mark.parametrize(
    ("events", "by_hand"),
    [
        ("start die", False),
        ("die", False),
        ("start kill:15 die stop", True),
        ("start kill:15 kill:9 stop die", True),
        ("start kill:9 die", True),
        ("start kill:1 die", False),
        ("start kill:28 die stop", True),
        ("start kill:15 die stop start die", False),
        ("start die start kill:15 stop die", True),
        ("", None),
        ("start", None),
        ("start kill:15", None),
    ],
)
def test_who_ended_it(events, by_hand):
    """A kill or stop of the last run is a person's; a signal to go on is not; an unknown end is unknown."""
    assert ended_by_hand(history(events)) is by_hand
