"""Times as people write them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from reconciler.cli.moments import local_time, moment

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)


@pytest.fixture(params=["Asia/Shanghai"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Stand in another time zone."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("90s", "2026-11-24T12:31:30"),
        ("2h", "2026-11-24T14:30:00"),
        ("7d", "2026-12-01T12:30:00"),
        ("20:31", "2026-11-24T12:31:00"),
        ("20:30", "2026-11-25T12:30:00"),
        ("08:00", "2026-11-25T00:00:00"),
        ("8:00", "2026-11-25T00:00:00"),
        ("2026-12-01T08:00", "2026-12-01T00:00:00"),
        ("2026-12-01", "2026-11-30T16:00:00"),
        ("2026-12-01T08:00Z", "2026-12-01T08:00:00"),
        ("2026-12-01T08:00+01:00", "2026-12-01T07:00:00"),
    ],
)
def test_a_time_is_that_of_the_wall_clock(zone, words, expected):
    """Durations from now, the next time the clock shows it, dates in this zone unless they name one; UTC comes out."""
    assert moment(words, NOW).isoformat() == f"{expected}+00:00"


@pytest.mark.parametrize("zone", ["Europe/Berlin"], indirect=True)
def test_a_night_with_a_change_of_the_clock_is_as_long_as_it_is(zone):
    """When clocks go back, eight in the morning is an hour further away; two hours are two hours."""
    evening = datetime(2026, 10, 24, 20, 0, tzinfo=UTC)

    assert moment("08:00", evening) == datetime(2026, 10, 25, 7, 0, tzinfo=UTC)
    assert moment("12h", evening) == datetime(2026, 10, 25, 8, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "words", ["", "tomorrow", "25:00", "2 h", "2w", "0s", "2026-13-01", "2026-11-24T12:00Z", "-2h"]
)
def test_what_is_no_time_or_past_is_refused(words):
    """What cannot be meant is said, not guessed."""
    with pytest.raises(ValueError, match=r"no time|past"):
        moment(words, NOW)


def test_a_moment_is_shown_in_this_zone(zone):
    """People read the time that their clock shows."""
    assert local_time("2026-11-24T12:30:00Z") == "2026-11-24 20:30:00"
    assert local_time("never") == "never"


def test_the_end_of_time(zone: str) -> None:
    """What no zone can write any more is refused, and shown as it came."""
    assert zone
    with pytest.raises(ValueError, match="further away"):
        moment("9999-12-31T23:59-14:00", NOW)
    assert local_time("9999-12-31T23:59:59+00:00") == "9999-12-31T23:59:59+00:00"
