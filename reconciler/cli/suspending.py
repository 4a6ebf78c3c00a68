"""The verbs `suspend` and `resume`: leave a stack alone, and look after it again.

Face; imports what reaches a desk.
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from reconciler.cli.inert import inert
from reconciler.cli.moments import local_time, moment
from reconciler.cli.reach import opened
from reconciler.cli.streams import say


def suspend(config: Path | None, stack: str, reason: str, until: str | None) -> int:
    """Suspend a stack; return the exit code. Raises ReconcilerError, click.UsageError for words that say no time."""
    if not reason.strip():
        raise click.UsageError("--reason: say why, for whoever wonders later.")
    end = _end(until) if until is not None else None
    with opened(config) as desk:
        desk.suspend(stack, reason.strip(), end)
    say(f"{inert(stack)} is left alone{_until(end)}. Nothing of it is changed or taken away meanwhile.")
    say(f"Look after it again: reconciler resume {inert(stack)}")
    return 0


def resume(config: Path | None, stack: str) -> int:
    """Look after a stack again; return the exit code. Raises ReconcilerError."""
    with opened(config) as desk:
        desk.resume(stack)
    say(f"{inert(stack)} is looked after again. See what is to be done: reconciler plan")
    return 0


def _end(words: str) -> datetime:
    try:
        return moment(words, datetime.now().astimezone())
    except ValueError as error:
        raise click.UsageError(f"--until: {error}") from None


def _until(end: datetime | None) -> str:
    return f" until {local_time(end.isoformat())}" if end else ""
