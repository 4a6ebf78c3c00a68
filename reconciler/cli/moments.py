"""Points of time as people say and read them: in the zone of this host.

Face; imports only the standard library.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])")
_DURATION = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def moment(words: str, now: datetime) -> datetime:
    """Read `2026-12-01T08:00`, `08:00` (the next one) or a duration such as `2h`; return it in UTC.

    Words without a zone mean this host's. Raises ValueError for what is none of these, or past.
    """
    try:
        found = (_later(words, now) or _next(words, now) or _at(words)).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{words} is further away than years are counted") from None
    if found <= now:
        raise ValueError(f"{words} is past")
    return found


def local_time(written: str) -> str:
    """Write a moment of a document in this host's zone; what is no time comes back as it is."""
    try:
        return datetime.fromisoformat(written).astimezone().strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return written


def _later(words: str, now: datetime) -> datetime | None:
    match = _DURATION.fullmatch(words)
    return now.astimezone(UTC) + timedelta(**{_UNITS[match[2]]: int(match[1])}) if match else None


def _next(words: str, now: datetime) -> datetime | None:
    """Return when a clock on the wall shows this time next; days are counted as the wall does."""
    match = _CLOCK.fullmatch(words)
    if match is None:
        return None
    wall = now.astimezone().replace(tzinfo=None)
    today = wall.replace(hour=int(match[1]), minute=int(match[2]), second=0, microsecond=0)
    return (today if today > wall else today + timedelta(days=1)).astimezone()


def _at(words: str) -> datetime:
    try:
        return datetime.fromisoformat(words).astimezone()
    except ValueError:
        raise ValueError(f"{words} is no time: write 2026-12-01T08:00, 08:00, or a duration such as 2h") from None
