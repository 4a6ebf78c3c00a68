"""Tell those who follow, and never wait for them.

Api; may import the pipeline and `events.py`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from reconciler.api.events import Told, source_document
from reconciler.api.problems import error_document
from reconciler.model import Document
from reconciler.pipeline.report_document import report_document

if TYPE_CHECKING:
    from reconciler.errors import ReconcilerError
    from reconciler.model import SourceState
    from reconciler.pipeline import Listener, Report
    from reconciler.pipeline.order import Order

HEARTBEAT: Document = {"event": "heartbeat"}
CUT_OFF: Document = {"event": "cut-off"}
BEAT_SECONDS = 15.0
_WAITING = 2000
"""Events that may wait for a slow reader; with one more it is cut off."""


class Follower(Iterator[Document]):
    """The events for one reader, in order; a heartbeat whenever there was none for a while.

    Whoever tells never waits. A reader that is too slow gets what has waited for it, then `CUT_OFF`, and no more.
    """

    def __init__(self, waiting: int = _WAITING, beat: float = BEAT_SECONDS) -> None:
        self._most = waiting
        self._beat = beat
        self._events: deque[Document] = deque()
        self._ended = False
        self._changed = threading.Condition()

    def tell(self, event: Document) -> None:
        """Add an event; after the end nobody hears it."""
        with self._changed:
            if self._ended:
                return
            if len(self._events) >= self._most:
                event, self._ended = CUT_OFF, True
            self._events.append(event)
            self._changed.notify()

    def hear(self, make: Callable[[], Document]) -> None:
        """Add an event, made only if somebody still reads."""
        if not self._ended:
            self.tell(make())

    def close(self) -> None:
        """Add no more; what is there can still be read."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    @property
    def ended(self) -> bool:
        """Tell whether more is of no use."""
        return self._ended

    def __next__(self) -> Document:
        with self._changed:
            self._changed.wait_for(lambda: self._events or self._ended, self._beat)
            if self._events:
                return self._events.popleft()
            if self._ended:
                raise StopIteration
            return HEARTBEAT


class Feed:
    """Everything that happens, for any number of followers; a watcher of the agent's passes."""

    def __init__(self) -> None:
        self._followers: tuple[Follower, ...] = ()
        self._lock = threading.Lock()

    def follow(self) -> Follower:
        """Return what happens from now on."""
        follower = Follower()
        with self._lock:
            self._followers = (*(one for one in self._followers if not one.ended), follower)
        return follower

    def fetched(self, source: SourceState) -> None:
        """Say what became of asking git."""
        self._tell(lambda: {"event": "refreshed", "source": source_document(source)})

    def begins(self, order: Order) -> Listener:
        """Say that a pass begins; return who hears the rest of it."""
        self._publish(order, lambda: {"event": "begins"})
        return Told(lambda make: self._publish(order, make))

    def ended(self, order: Order, report: Report) -> None:
        """Say what a pass came to."""
        self._publish(order, lambda: {"event": "ended", "report": report_document(report)})

    def broke(self, order: Order, error: ReconcilerError) -> None:
        """Say that a pass could not be made, or broke off."""
        self._publish(order, lambda: {"event": "error", "error": error_document(error)})

    def close(self) -> None:
        """Let all followers come to their end."""
        for follower in self._followers:
            follower.close()

    def _publish(self, order: Order, make: Callable[[], Document]) -> None:
        self._tell(lambda: {**make(), "pass": _pass_document(order)})

    def _tell(self, make: Callable[[], Document]) -> None:
        followers = [one for one in self._followers if not one.ended]
        if followers:
            event = make()
            for follower in followers:
                follower.tell(event)


def _pass_document(order: Order) -> Document:
    scope = None if order.scope is None else sorted(order.scope)
    return {"trigger": order.trigger, "who": order.who, "scope": scope}
