"""Whoever follows never holds up whoever tells."""

from __future__ import annotations

from itertools import islice

import pytest

from reconciler.api.feed import CUT_OFF, HEARTBEAT, Feed, Follower
from reconciler.model import Document
from reconciler.pipeline import Order
from tests.api.fake import OUTCOME, REPORT


def test_a_slow_reader_is_cut_off() -> None:
    """It gets what waited for it, then that it was cut off; what comes later is not kept."""
    follower = Follower(waiting=3)
    events: list[Document] = [{"event": "output", "line": str(number)} for number in range(9)]

    for event in events:
        follower.tell(event)

    assert list(follower) == [*events[:3], CUT_OFF]


def test_who_waits_hears_a_heartbeat() -> None:
    """Where nothing happens, something is said all the same."""
    assert list(islice(Follower(beat=0.01), 2)) == [HEARTBEAT, HEARTBEAT]


def test_what_is_there_is_read_after_the_end() -> None:
    """An end loses nothing; what is told after it is not heard."""
    follower = Follower()
    follower.tell({"event": "report"})
    follower.close()
    follower.tell({"event": "late"})

    assert list(follower) == [{"event": "report"}]


def test_all_followers_hear_every_pass() -> None:
    """Events name the pass they belong to."""
    feed, order = Feed(), Order(trigger="push", who="ada")
    followers = [feed.follow(), feed.follow()]

    feed.begins(order).outcome(OUTCOME)
    feed.ended(order, REPORT)
    feed.close()

    heard = [list(follower) for follower in followers]
    assert heard[0] == heard[1]
    assert [event["event"] for event in heard[0]] == ["begins", "outcome", "ended"]
    assert {str(event["pass"]) for event in heard[0]} == {"{'trigger': 'push', 'who': 'ada', 'scope': None}"}


def test_what_nobody_hears_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass costs nothing more while nobody follows, nor after the last follower has gone."""
    feed = Feed()
    feed.follow().close()
    monkeypatch.setattr("reconciler.api.events.outcome_document", lambda _: pytest.fail("made"))

    feed.begins(Order()).outcome(OUTCOME)


def test_those_who_went_are_forgotten() -> None:
    """Nothing grows however often somebody comes and goes."""
    feed = Feed()

    for _ in range(10):
        feed.follow().close()

    assert len(feed._followers) == 1
