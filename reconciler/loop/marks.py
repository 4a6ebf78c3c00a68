"""What an event of the engine means: which stacks to look at and when, and what somebody stopped on purpose.

Loop; may import the engine's events, and the plan's words and spelling of images. It decides, and does nothing itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from reconciler.loop.belongings import Belongings
from reconciler.loop.running import DAEMON, EVERYTHING
from reconciler.observed.events import EngineEvent, Gap
from reconciler.observed.stops import ends
from reconciler.plan.normal_images import canonical
from reconciler.plan.texts import waiting_text

QUIET, LONGEST_QUIET = 2.0, 60.0
"""Seconds without an event after which whoever runs compose by hand counts as done; and when we wait no longer."""

_SETTLING = 0.1
"""Seconds: who kills a container may be about to remove it or start it again, and nothing is done about a stop at once."""
_LATE = 5.0
"""Seconds in which the events of our own last action have come for sure."""


@dataclass(frozen=True, slots=True)
class Marked:
    """What an event means: names to look at in so many seconds, containers that somebody stopped, and that no longer are."""

    wake: Mapping[str, float] = field(default_factory=dict)
    stopped: Mapping[str, datetime] = field(default_factory=dict)
    started: tuple[str, ...] = ()


@dataclass(slots=True)
class _Window:
    opened: float
    until: float


_NOTHING = Marked()


class Marks:
    """Turns events into names; one thread feeds it, others tell it what passes do. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known = Belongings()
        self._made: dict[str, str] = {}
        """Containers that were made since, with their stacks."""
        self._stopped: set[str] = set()
        self._busy: dict[str, dict[tuple[str, str], datetime]] = {}
        """By stack that is worked on, when each kind of event came last."""
        self._looked: dict[str, tuple[datetime, float]] = {}
        """By stack, up to when all is known to a pass, and how long on our clock that matters."""
        self._windows: dict[str, _Window] = {}

    def learn(self, known: Belongings) -> None:
        """Take up whose is what, as the latest plan has it."""
        with self._lock:
            self._known = known
            self._made = {one: stack for one, stack in self._made.items() if one not in known.containers}

    def heard(self, item: EngineEvent | Gap) -> Marked:
        """Say what an event means; one that is nobody's of ours costs a glance."""
        if isinstance(item, Gap):
            with self._lock:
                self._made.clear()  # they may be gone; the look at everything finds them
                self._stopped.clear()
            return Marked({EVERYTHING: 0.0})
        stacks = self._concerned(item)
        if not stacks:
            return _NOTHING
        with self._lock:
            return self._marked(item, stacks)

    def began(self, names: Iterable[str]) -> None:
        """Hear that a pass works on these: what happens to them may be its own doing."""
        with self._lock:
            for name in names:
                self._busy.setdefault(name, {})
                self._windows.pop(name, None)

    def ended(self, names: Collection[str], looked_at: datetime) -> Mapping[str, float]:
        """Hear that it no longer does, and when it began its last look; return what to look at again, in so many seconds."""
        with self._lock:
            self._looked |= dict.fromkeys(names, (looked_at, self._clock() + _LATE))
            kept = {name: self._busy.pop(name, {}) for name in names}
            return {
                name: self._delay(name, is_create=times.get(("container", "create"), looked_at) > looked_at)
                for name, times in kept.items()
                if any(at > looked_at for at in times.values())
            }

    def quiet_in(self, name: str) -> float:
        """Return how many seconds a stack is to be left to whoever runs compose on it; 0 when nobody does."""
        with self._lock:
            window = self._windows.get(name)
            return 0.0 if window is None else max(window.until - self._clock(), 0.0)

    def quiet(self) -> Mapping[str, float]:
        """Return all stacks that are to be left to whoever runs compose on them, and for how many seconds."""
        with self._lock:
            names = tuple(self._windows)
        return {name: seconds for name in names if (seconds := self.quiet_in(name))}

    def says(self, name: str) -> str | None:
        """Say what a stack waits for, if it does."""
        return f"waits for {waiting_text('compose-by-hand', {})}" if self.quiet_in(name) else None

    # ── how ──────────────────────────────────────────────────────────────────────────────────────

    def _concerned(self, event: EngineEvent) -> Iterable[str]:
        known = self._known
        if event.kind == "container":
            stack = known.projects.get(event.project or "")
            return (stack,) if stack else ()
        if event.kind == "network":
            if event.action not in ("connect", "disconnect"):
                return known.networks.get(event.name, ())
            container = event.args.get("container", "")
            stack = known.containers.get(container) or self._made.get(container)
            return (stack,) if stack else ()
        if event.kind == "volume":
            return known.volumes.get(event.name, ())
        return (DAEMON,) if event.kind == "daemon" else self._users(event)

    def _users(self, event: EngineEvent) -> Iterable[str]:
        """Name the stacks of an image; which references a loaded archive brought, nobody says."""
        images = self._known.images
        if event.action == "load":
            return frozenset().union(*images.values())
        return images.get(canonical(event.id if event.action == "pull" else event.name), ())

    def _marked(self, event: EngineEvent, stacks: Iterable[str]) -> Marked:
        news = [name for name in stacks if self._is_news(name, event)]
        if event.kind != "container":
            return Marked(self._woken(event, news))
        if event.action in ("start", "unpause", "destroy"):
            self._stopped.discard(event.id)
            if event.action == "destroy":
                self._made.pop(event.id, None)
            return Marked(self._woken(event, news), started=(event.id,))
        if event.action == "create":
            self._made[event.id] = next(iter(stacks))
        if news and _stops(event):
            self._stopped.add(event.id)
            return Marked(self._woken(event, news), stopped={event.id: event.at})
        return Marked(self._woken(event, news))

    def _is_news(self, name: str, event: EngineEvent) -> bool:
        """Tell whether no pass knows of an event, nor may have caused it; keep it where one may have."""
        looked_at, matters_until = self._looked.get(name, (event.at, 0.0))
        if event.at <= looked_at and self._clock() < matters_until:
            return False
        kept = self._busy.get(name)
        if kept is not None:
            kept[event.kind, event.action] = event.at
        return kept is None

    def _woken(self, event: EngineEvent, names: Iterable[str]) -> Mapping[str, float]:
        if event.action == "kill":  # it has not ended yet, and may not
            return {}
        container = event.id if event.kind == "container" else event.args.get("container")
        least = _SETTLING if container in self._stopped else 0.0
        is_create = event.kind == "container" and event.action == "create"
        return {name: max(self._delay(name, is_create=is_create), least) for name in names}

    def _delay(self, name: str, *, is_create: bool) -> float:
        now, window = self._clock(), self._windows.get(name)
        if window is None or window.until + QUIET < now:
            if not is_create:
                return 0.0
            window = self._windows[name] = _Window(now, now)
        window.until = min(now + QUIET, window.opened + LONGEST_QUIET)
        return max(window.until - now, 0.0)


def _stops(event: EngineEvent) -> bool:
    return event.action in ("stop", "pause") or (event.action == "kill" and ends(event.args.get("signal")))
