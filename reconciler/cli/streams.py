"""Write to standard output and standard error, and never fail because the reader went away.

Face; imports only the standard library and, for a terminal, rich.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console


_lost: list[TextIO] = []


def prepare() -> None:
    """Let any text be written, whatever the locale can encode, and whether or not there is somewhere to write to."""
    # None where it was closed; opened first, so that no database gets its number and is written into
    sys.stdout = sys.stdout or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as we live
    sys.stderr = sys.stderr or Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - for as long as we live
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def say(text: str = "") -> None:
    """Print a line of the result."""
    _write(sys.stdout, text)


def complain(text: str) -> None:
    """Print a line about the result: warnings, errors, progress beside JSON."""
    _write(sys.stderr, text)


def console(stream: TextIO) -> Console:
    """Make a rich console that takes text as it is: no markup, no emoji codes, no guessed highlights."""
    from rich.console import Console

    return Console(file=stream, markup=False, emoji=False, highlight=False)


def _write(stream: TextIO, text: str) -> None:
    # A reader that had enough (`| head`) must not stop an apply half way.
    try:
        stream.write(f"{text}\n")  # one write: lines of several threads stay whole
        stream.flush()
    except BrokenPipeError:
        silence(stream)
    except OSError as error:
        silence(stream)
        if stream is sys.stdout:
            complain(f"error: the output cannot be written: {error.strerror}\n hint: Is the disk full?")
            _lost.append(stream)


def lost_output() -> bool:
    """Tell whether something that had to be said could not be written."""
    return bool(_lost)


def silence(stream: TextIO) -> None:
    """Send what is still to come nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
