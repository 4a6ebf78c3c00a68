"""Suspensions and stops are written down, and end when they are over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from reconciler.model import DesiredStack, ObjectRef, Suspension
from reconciler.record.store import Store

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
PAST = datetime(2020, 1, 1, tzinfo=UTC)
COPYING = Suspension("ada", "copying the data", NOW, NOW + timedelta(days=9999))


@pytest.fixture
def store(tmp_path):
    opened = Store.open(tmp_path)
    yield opened
    opened.close()


def test_a_suspension_survives(store, tmp_path):
    """Who, why, since and until are there for the next process; the last word counts."""
    store.suspend("web", Suspension("bob", "trying", NOW))
    store.suspend("web", COPYING)
    store.suspend("db", Suspension("ada", "moving", NOW))

    assert Store.open(tmp_path).recorded().suspended == {"web": COPYING, "db": Suspension("ada", "moving", NOW)}


@pytest.mark.parametrize(("until", "held"), [(None, True), (NOW + timedelta(days=9999), True), (PAST, False)])
def test_resume(store, until, held):
    """It is told whether there was anything to end; a suspension whose time is over was none."""
    store.suspend("web", Suspension("ada", "copying", PAST, until))

    assert (store.resume("web"), store.resume("web")) == (held, False)
    assert dict(store.recorded().suspended) == {}


def test_a_stack_that_went_takes_its_suspension_along(store):
    """A stack of the same name that comes later is nobody's to leave alone."""
    store.begin(DesiredStack("web", "web", "/srv/web"), frozenset({ObjectRef("container", "web-a-1")}), "c1")
    store.suspend("web", COPYING)

    store.forget("web")

    assert dict(store.recorded().suspended) == {}


def test_stops_are_remembered_until_they_are_over(store, tmp_path):
    """The engine forgets who stopped what; we do not, until the container runs again or is no more."""
    store.stopped("c1", NOW)
    store.stopped("c2", NOW)
    store.stopped("c1", NOW + timedelta(seconds=1))
    store.not_stopped(["c2", "c3"])

    assert Store.open(tmp_path).recorded().stops == {"c1": NOW + timedelta(seconds=1)}
