"""What was inspected, kept until the engine says that it is no longer so.

Room 2 (observed); may import model and its own room. Only as good as the events it is told: whoever has none looks without it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from reconciler.model import Container, Document, Engine, Network, Volume
from reconciler.observed.containers import aged, health_of
from reconciler.observed.events import EngineEvent

_T = TypeVar("_T")

_Known: TypeAlias = "tuple[tuple[Document, datetime | None], Container]"
"""What was said of a container, and what it was found to be then."""

_NO_STOPS: Mapping[str, datetime] = {}
_NETWORKS, _VOLUMES, _IMAGES, _ENGINE = "networks", "volumes", "images", "engine"
_PARTS: Mapping[str, str] = {"network": _NETWORKS, "volume": _VOLUMES, "image": _IMAGES, "daemon": _ENGINE}


class Memory:
    """What looks have learned; any thread may look or forget.

    What is forgotten while a look is under way is not kept by it either: it may have been read before the event.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._containers: dict[str, _Known] = {}
        self._images: dict[str, Document | None] = {}
        self._parts: dict[str, Any] = {}
        self._looks: list[Look] = []

    @contextmanager
    def looking(self, stops: Mapping[str, datetime] = _NO_STOPS) -> Iterator[Look]:
        """Lend what is known to one look, and keep what it learned; `stops` as in `Ask`."""
        with self._lock:
            look = Look(dict(self._containers), dict(self._images), dict(self._parts), stops)
            self._looks.append(look)
        try:
            yield look
        finally:
            with self._lock:
                self._looks.remove(look)
                self._keep(look)

    def forget(self, event: EngineEvent) -> None:
        """Forget what an event may have changed."""
        container = event.id if event.kind == "container" else event.args.get("container")
        with self._lock:
            for looking in self._looks:
                looking.forgotten.add(container or _PARTS[event.kind])
            if container:
                self._containers.pop(container, None)
            else:
                self._drop(_PARTS[event.kind])

    def forget_projects(self, projects: Collection[str]) -> None:
        """Forget what our own work on compose projects may have changed: its events may still be on their way."""
        with self._lock:
            self._containers = {
                id_: known for id_, known in self._containers.items() if known[1].project not in projects
            }
            self._images = {name: image for name, image in self._images.items() if name.startswith("sha256:")}
            self._drop(_NETWORKS)
            self._drop(_VOLUMES)
            self._let_none_keep()

    def forget_all(self) -> None:
        """Forget everything."""
        with self._lock:
            self._containers.clear()
            for part in _PARTS.values():
                self._drop(part)
            self._let_none_keep()

    def _let_none_keep(self) -> None:
        for looking in self._looks:
            looking.keeps_nothing = True

    def _drop(self, part: str) -> None:
        if part == _IMAGES:
            self._images.clear()
        self._parts.pop(part, None)

    def _keep(self, look: Look) -> None:
        if look.keeps_nothing:
            return
        known = {**self._containers, **look.learned}
        self._containers = {one: known[one] for one in look.listed if one in known and one not in look.forgotten}
        self._parts |= {name: value for name, value in look.parts.items() if name not in look.forgotten}
        if _IMAGES not in look.forgotten:
            self._images |= look.images


@dataclass
class Look:
    """What one look knows, learns, and must not keep."""

    containers: Mapping[str, _Known]
    images: dict[str, Document | None]
    parts: dict[str, Any]
    stops: Mapping[str, datetime]
    listed: set[str] = field(default_factory=set)
    learned: dict[str, _Known] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    keeps_nothing: bool = False

    def container(self, listed: Document) -> Container | None:
        """Return a container as it was inspected, if the listing shows it as it was then."""
        name = str(listed["Id"])
        self.listed.add(name)
        known, one = self.containers.get(name, (None, None))
        return aged(one) if one is not None and known == self._lasting(listed) else None

    def learn(self, listed: Document, one: Container) -> None:
        """Take up what an inspect of a listed container made of it."""
        if one.health != "unhealthy":  # its log goes on, and no event says so
            self.learned[one.id] = (self._lasting(listed), one)

    def image(self, name: str, inspect: Callable[[str], Document | None]) -> Document | None:
        """Return an image by reference or id, asked for once."""
        if name not in self.images:
            self.images[name] = inspect(name)
        return self.images[name]

    def networks(self, ask: Callable[[], tuple[Network, ...]]) -> tuple[Network, ...]:
        """Return all networks."""
        return self._part(_NETWORKS, ask)

    def volumes(self, ask: Callable[[], tuple[Volume, ...]]) -> tuple[Volume, ...]:
        """Return all volumes."""
        return self._part(_VOLUMES, ask)

    def engine(self, ask: Callable[[], Engine]) -> Engine:
        """Return the engine itself: to describe itself it starts programs, time and again."""
        return self._part(_ENGINE, ask)

    def _part(self, name: str, ask: Callable[[], _T]) -> _T:
        if name not in self.parts:
            self.parts[name] = ask()
        found: _T = self.parts[name]
        return found

    def _lasting(self, listed: Document) -> tuple[Document, datetime | None]:
        """Leave out of a listing's entry how long ago something was; add what the record knows of the container."""
        return {**listed, "Status": health_of(listed)}, self.stops.get(str(listed["Id"]))
