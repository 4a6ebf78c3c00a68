"""The option `status --watch`: the status, kept up to date until Ctrl-C.

Face; imports what reaches a desk, and rich for a terminal.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from reconciler import settings
from reconciler.address import local_path
from reconciler.cli.inert import json_text
from reconciler.cli.reach import opened
from reconciler.cli.status import exit_code
from reconciler.cli.statusview import overview
from reconciler.cli.streams import console, say
from reconciler.errors import NoAgent, ReconcilerError
from reconciler.model import Document
from reconciler.record.status import summary as summarised

if TYPE_CHECKING:
    from reconciler.pipeline.desk import Desk

_EVERY = 2.0
"""Seconds between two looks without an agent."""
_AT_LEAST_EVERY = 30.0
"""Seconds between two looks although the agent tells of nothing."""
_CALM = 0.3
"""Seconds in which several events make one look."""
_NEWS = frozenset({"planned", "step", "settled", "ended", "refreshed", "begins", "cut-off"})

Show: TypeAlias = Callable[[Document], None]


def run(config: Path | None, *, as_json: bool, summary: bool, screen: bool = True) -> int:
    """Show the status until Ctrl-C; return the exit code of the last one. Raises ReconcilerError.

    A terminal is used whole, and as it was before in the end; without `screen`, only below what it shows.
    """
    code = 0
    with _shown(as_json=as_json, screen=screen) as show:
        try:
            while True:
                for document in _statuses(config):
                    code = exit_code(document)
                    show(summarised(document) if summary else document)
        except KeyboardInterrupt:
            return code


def _statuses(config: Path | None) -> Iterator[Document]:
    """Yield the status when there may be something new in it, until somebody else may have to be asked."""
    with opened(config) as desk:
        news = News(desk, _pause(config))
        while news.alive:
            try:
                document = desk.status()
            except NoAgent:
                time.sleep(_EVERY)
                return
            yield document
            news.wait()


def _pause(config: Path | None) -> float:
    """Return how long to wait between two looks without an agent: a git server is asked no more often than it is polled."""
    source = settings.load(config).source
    return _EVERY if local_path(source.url) else max(_EVERY, source.poll)


class News:
    """Tells when to look again: when the agent says that something happened; without one after `pause` seconds."""

    def __init__(self, desk: Desk, pause: float) -> None:
        self.alive = True
        self._pause = pause
        self._happened = threading.Event()
        try:
            self._events: Iterator[Document] | None = desk.follow()
        except NoAgent:
            self._events = None
        else:
            threading.Thread(target=self._listen, args=(self._events,), name="news", daemon=True).start()

    def wait(self) -> None:
        """Wait until there may be something new to see; `alive` then tells whether the same desk knows."""
        if self._events is None:
            time.sleep(self._pause)
            self.alive = False  # an agent may run by now
        elif self._happened.wait(_AT_LEAST_EVERY) and self.alive:
            time.sleep(_CALM)
        self._happened.clear()

    def _listen(self, events: Iterator[Document]) -> None:
        with suppress(ReconcilerError):  # the agent ends, or we were too slow
            for event in events:
                if event.get("event") in _NEWS:
                    self._happened.set()
        self.alive = False
        self._happened.set()


@contextmanager
def _shown(*, as_json: bool, screen: bool) -> Iterator[Show]:
    """Open what shows a status: a picture that changes, or lines whenever something else is to be said."""
    if as_json or not sys.stdout.isatty():
        yield _Lines(json_text if as_json else overview)
        return
    from rich.live import Live

    from reconciler.cli.paint import paint_status

    with Live(console=console(sys.stdout), auto_refresh=False, screen=screen) as live:
        yield lambda document: live.update(paint_status(document), refresh=True)


class _Lines:
    """Prints a status that says something else than the one before; when it was looked at says nothing."""

    def __init__(self, words: Callable[[Document], str]) -> None:
        self._words = words
        self._last: Document | None = None

    def __call__(self, document: Document) -> None:
        lasting = {key: value for key, value in document.items() if key != "observed_at"}
        if lasting != self._last:
            say(self._words(document) + "\n")
            self._last = lasting
