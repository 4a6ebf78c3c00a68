"""Follow what happens at the engine, over restarts and crashes of it.

Room 2 (observed); may import engine, errors and model.
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias

from reconciler.engine import EngineClient, EventStream
from reconciler.errors import EngineRefused, EngineUnreachable
from reconciler.model import Document

Kind: TypeAlias = Literal["container", "network", "volume", "image", "daemon"]

_ASKED = {
    "type": ("container", "network", "volume", "image", "daemon"),
    "event": (
        *("create", "start", "die", "stop", "kill", "pause", "unpause", "destroy", "rename", "update", "oom"),
        *("health_status", "connect", "disconnect"),
        *("tag", "untag", "delete", "import", "load", "pull"),
        "reload",
    ),
}
"""What may matter; the engine keeps the rest to itself, above all the two events of every health check."""
_ANSWERS_WITHIN = 10.0
"""Seconds in which an engine has to begin to answer; one that is coming up lets us wait, and answers when it is there."""
_SHORTEST, _LONGEST = 0.1, 10.0
_SHARE = 0.05
"""The wait between two tries, as a share of the outage so far: who comes back soon is found soon, who is away is let alone."""
_PROVED = 1.0
"""Seconds after which a stream was a real one: who answers and hangs up at once is called ever more seldom."""
_KEPT = 256
"""Events that the engine itself keeps: no more can come twice."""


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """One event of the engine, of any project.

    `action` is without its detail (`health_status`). `id` is the object's: for a volume its name, for a pulled image the
    reference. `project` and `service` are compose's labels. `args` are the engine's attributes, labels among them.
    """

    kind: Kind
    action: str
    id: str
    name: str
    project: str | None
    service: str | None
    at: datetime
    args: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Gap:
    """The stream begins, or was lost meanwhile: look at everything. `reason`: `start`, or an error's code."""

    reason: str


def follow(host: str, stop: threading.Event) -> Iterator[EngineEvent | Gap]:
    """Yield what happens at the engine at `host` until `stop` is set, also while it waits for the next.

    Each time the engine is reached a Gap comes first; then what happened since the last event, as far as the engine still
    knows, and what happens.
    """
    line = _Line(host)
    threading.Thread(target=line.hang_up_on, args=(stop,), name="events-end", daemon=True).start()
    try:
        while not stop.is_set():
            with suppress(EngineUnreachable, EngineRefused):
                yield from line.call()
            stop.wait(line.pause())
    finally:
        line.is_done.set()


class _Line:
    """The connection to the engine's events: what came over it last, and since when it is broken."""

    def __init__(self, host: str) -> None:
        self.is_done = threading.Event()
        self._client = EngineClient(host, timeout=_ANSWERS_WITHIN)
        self._stream: EventStream | None = None
        self._since = time.time_ns()
        self._recent: deque[tuple[str, str, int]] = deque(maxlen=_KEPT)
        self._broken_since = time.monotonic()
        self._reason = "start"

    def call(self) -> Iterator[EngineEvent | Gap]:
        """Connect once; yield a Gap and all that is new, until the stream ends. Raises when there is none."""
        # The engine answers first and subscribes us then: what happens in between comes by `since`.
        since = f"{self._since // 10**9}.{self._since % 10**9:09d}"
        with closing(self._client.event_stream(since=since, filters=_ASKED)) as stream:
            self._stream = stream
            stream.open()
            opened = time.monotonic()
            yield Gap(self._reason)
            try:
                yield from self._new(stream)
            except EngineUnreachable as error:
                self._reason = error.code
            if time.monotonic() - opened > _PROVED:
                self._broken_since = time.monotonic()

    def pause(self) -> float:
        """Return how many seconds to wait before the next call."""
        outage = time.monotonic() - self._broken_since
        return min(max(_SHORTEST, outage * _SHARE), _LONGEST) * random.uniform(0.8, 1.2)  # noqa: S311 - no secret

    def hang_up_on(self, stop: threading.Event) -> None:
        """Wait for `stop`; then end whatever wait the other thread is in, or comes to."""
        stop.wait()
        while not self.is_done.is_set():
            if self._stream is not None:
                self._stream.interrupt()
            self.is_done.wait(0.02)

    def _new(self, documents: Iterable[Document]) -> Iterator[EngineEvent]:
        repeated = frozenset(self._recent)
        for document in documents:
            try:
                event, key = _read(document)
            except (KeyError, TypeError, AttributeError) as error:
                raise EngineUnreachable("engine-lost", host=self._client.host, words="that was no event") from error
            if key not in repeated:
                self._recent.append(key)
                self._since = key[-1]
                yield event


def _read(document: Mapping[str, Any]) -> tuple[EngineEvent, tuple[str, str, int]]:
    actor, action, nanoseconds = document["Actor"], document["Action"], document["timeNano"]
    args: Mapping[str, str] = actor.get("Attributes") or {}
    event = EngineEvent(
        kind=document["Type"],
        action=action.partition(":")[0],
        id=actor["ID"],
        name=args.get("name") or actor["ID"],
        project=args.get("com.docker.compose.project"),
        service=args.get("com.docker.compose.service"),
        at=datetime.fromtimestamp(nanoseconds / 1e9, UTC),
        args=args,
    )
    return event, (event.id, action, nanoseconds)
