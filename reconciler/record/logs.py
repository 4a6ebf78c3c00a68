"""The form of the log: one line for what happened, as its reader wants it.

Room 5 (record); may import its own room. How foreign text is made harmless arrives as a function; secrets are masked before.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Literal, TextIO, TypeAlias

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from reconciler.record.current import RUN

Form: TypeAlias = Literal["journal", "text", "json"]

_PRIORITY: Mapping[str, int] = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
"""The levels of syslog, by which journald knows them."""


def form_for(stream: TextIO, journal_stream: str | None) -> Form:
    """Choose `journal` when the stream is the one that systemd says leads there (JOURNAL_STREAM), else `text`."""
    with suppress(OSError, ValueError):
        status = os.fstat(stream.fileno())
        if journal_stream == f"{status.st_dev}:{status.st_ino}":
            return "journal"
    return "text"


def configure(stream: TextIO, form: Form, clean: Callable[[str], str], *, debug: bool = False) -> None:
    """Let all logs, those of libraries too, go to one stream as lines; call it once.

    `clean` makes foreign text harmless to look at. A line that cannot be written is dropped: a full disk ends nothing.
    """
    stamped: list[Processor] = [] if form == "journal" else [structlog.processors.TimeStamper("iso", utc=True)]
    renderer = _json if form == "json" else _Text(clean, prioritised=form == "journal")
    structlog.configure(
        processors=[_with_run, structlog.processors.add_log_level, *stamped,
                    structlog.processors.format_exc_info, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(logging.DEBUG if debug else logging.INFO),
        logger_factory=lambda *_: sink,
        cache_logger_on_first_use=False,
    )  # fmt: skip
    sink = _Sink(stream)
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)


class _Sink:
    """Writes whole lines, from any thread."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def msg(self, line: str) -> None:
        with self._lock, suppress(OSError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


class _Libraries(logging.Handler):
    """Hands on what libraries log."""

    def emit(self, record: logging.LogRecord) -> None:
        level = min(record.levelno // 10 * 10, logging.CRITICAL)
        structlog.get_logger().log(level, record.getMessage(), library=record.name, exc_info=record.exc_info)


def _with_run(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    event["run"] = RUN.get()
    return event


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    return json.dumps({"at": event.pop("timestamp"), "level": event.pop("level"), **event}, default=str)


class _Text:
    """Renders `event key=value …`, with a time stamp for people, or with a priority for journald, which has the time."""

    def __init__(self, clean: Callable[[str], str], *, prioritised: bool) -> None:
        self._clean = clean
        self._prioritised = prioritised

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> str:
        level, what = event.pop("level"), event.pop("event")
        lead = f"<{_PRIORITY[level]}>" if self._prioritised else f"{event.pop('timestamp')[:19]}Z {level:7} "
        pairs = [f"{key}={_quoted(value)}" for key, value in event.items() if value is not None]
        return lead + self._clean("  ".join([str(what), *([" ".join(pairs)] if pairs else [])]))


def _quoted(value: object) -> str:
    text = str(value)
    plain = text and not any(letter.isspace() or letter in "\"'=" for letter in text)
    return text if plain else json.dumps(text, ensure_ascii=False)
