"""The refs of a repository on this machine as a trigger: a push is noticed when it happens.

Loop; may import address, model and the texts of plan. Git replaces files by renaming: a loose ref, `packed-refs`, or the list
of a reftable. Only the few folders where that happens to the followed ref are watched, each by itself and never with all below
it. The poll remains: whatever is missed here is seen then.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers.api import ObservedWatch
from watchdog.observers.inotify import InotifyEmitter, InotifyObserver
from watchdog.observers.inotify_c import InotifyConstants, Mask

from reconciler.address import local_path, shown
from reconciler.model import Problem
from reconciler.plan.texts import problem_hint, problem_text

QUIET = 0.1
"""Seconds without another change after which a push is told."""
LONGEST = 0.2
"""Seconds after which it is told in any case."""

_Identity: TypeAlias = tuple[int, int]
"""Device and inode."""

_LIMITS: Mapping[int, str] = {errno.ENOSPC: "max_user_watches", errno.EMFILE: "max_user_instances"}
_EVENTS = [FileCreatedEvent, FileClosedEvent, FileDeletedEvent, DirCreatedEvent, DirDeletedEvent]
_MASK = Mask(
    InotifyConstants.IN_CREATE
    | InotifyConstants.IN_CLOSE_WRITE
    | InotifyConstants.IN_MOVED_TO
    | InotifyConstants.IN_DELETE
    | InotifyConstants.IN_DELETE_SELF
)


class RefWatch:
    """Calls `changed` soon after `ref` may have moved in the repository at `url`; does nothing for one that is elsewhere.

    `problem` says in words why only the poll notices pushes, None while nothing is wrong.
    """

    def __init__(self, url: str, ref: str, changed: Callable[[], None]) -> None:
        logging.getLogger("watchdog").setLevel(logging.CRITICAL)  # it calls the end of a watch an error
        self.problem: str | None = None
        self._url, self._changed = url, changed
        self._repository = local_path(url)
        self._names = [ref] if ref.startswith("refs/") else [f"refs/heads/{ref}", f"refs/tags/{ref}"]
        self._news = threading.Condition()
        self._heard: float | None = None
        """Monotonic moment of the last change that is not told yet."""
        self._stopping = False
        self._teller: threading.Thread | None = None
        self._lock = threading.Lock()
        self._handler = _Handler(self._hear)
        self._observer: _Observer | None = None
        self._watched: dict[str, tuple[ObservedWatch, _Identity]] = {}
        self._telling: frozenset[str] = frozenset()
        """Paths that tell of a change."""

    def start(self) -> None:
        """Begin to watch. Nothing is told of what happened before."""
        if self._repository is None:
            return
        self._follow()
        self._teller = threading.Thread(target=self._tell, name="refs", daemon=True)
        self._teller.start()

    def stop(self) -> None:
        """End; nothing is told afterwards."""
        with self._news:
            self._stopping = True
            self._news.notify_all()
        if self._teller:
            self._teller.join()
        with self._lock:
            self._end_observer()

    def check(self) -> None:
        """Watch what came to be, or came back, since the last look; to be called every few seconds."""
        if self._teller and self._follow():
            self._note()

    def _tell(self) -> None:
        while self._gathered():
            self._follow()
            self._changed()

    def _gathered(self) -> bool:
        """Wait for a change, and until it is quiet or has gone on for long; tell whether we go on."""
        with self._news:
            self._news.wait_for(lambda: self._heard or self._stopping)
            latest = time.monotonic() + LONGEST
            while self._heard and not self._stopping:
                left = min(self._heard + QUIET, latest) - time.monotonic()
                if left <= 0:
                    self._heard = None
                else:
                    self._news.wait(left)
            return not self._stopping

    def _note(self) -> None:
        with self._news:
            self._heard = time.monotonic()
            self._news.notify_all()

    # ── what is watched ──────────────────────────────────────────────────────────────────────────

    def _follow(self) -> bool:
        """Watch the folders that are there now; tell whether one of them was not watched before."""
        assert self._repository
        with self._lock:
            if self._stopping:
                return False
            try:
                folder = _git_folder(self._repository)
                self._telling = frozenset(_telling_paths(folder, self._names)) if folder else frozenset()
                fresh = self._arrange(dict(_identities(self._telling)))
            except OSError as error:
                self.problem = self._limit(error) or self.problem
                return False
            self.problem = None
            return fresh

    def _arrange(self, wanted: Mapping[str, _Identity]) -> bool:
        if self._observer is None or not self._observer.works:
            self._end_observer()
            self._observer = _Observer()
            self._observer.start()
        for path, (watch, identity) in list(self._watched.items()):
            if wanted.get(path) != identity or not self._observer.feeds(watch):
                self._observer.unschedule(watch)
                del self._watched[path]
        fresh = sorted(wanted.keys() - self._watched.keys())
        for path in fresh:
            watch = self._observer.schedule(self._handler, path, event_filter=_EVENTS)
            self._watched[path] = watch, wanted[path]
        return bool(fresh)

    def _hear(self, path: str) -> None:
        if path in self._telling:
            self._note()

    def _end_observer(self) -> None:
        if self._observer:
            self._observer.stop()
            self._observer.join()
        self._observer = None
        self._watched.clear()

    def _limit(self, error: OSError) -> str | None:
        limit = _LIMITS.get(error.errno or 0)
        if limit is None:
            return None  # it has just gone, or cannot be read; the next check sees to it
        args = {"url": shown(self._url), "words": error.strerror or "", "limit": f"fs.inotify.{limit}"}
        problem = Problem("source", "", "source-unwatched", args)
        return f"{problem_text(problem)}. {problem_hint(problem)}"


class _Handler(FileSystemEventHandler):
    def __init__(self, hear: Callable[[str], None]) -> None:
        self._hear = hear

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._hear(os.fsdecode(event.src_path))


class _Emitter(InotifyEmitter):
    """Asks the kernel for the new names alone: to pair them with the old ones, watchdog may wait for half a second."""

    def get_event_mask_from_filter(self) -> Mask:
        return _MASK


class _Observer(InotifyObserver):
    def __init__(self) -> None:
        super().__init__()
        self._emitter_class = _Emitter

    @property
    def works(self) -> bool:
        """Tell whether both of its threads live."""
        return self.is_alive() and self._inotify_fd.is_alive()

    def feeds(self, watch: ObservedWatch) -> bool:
        """Tell whether something listens for this watch: that ends when the folder is deleted."""
        return any(emitter.watch == watch and emitter.is_alive() for emitter in self.emitters)


# ── where git keeps refs ─────────────────────────────────────────────────────────────────────────


def _git_folder(repository: str) -> str | None:
    """Return the folder that holds the refs, found as git finds it; None where there is none."""
    plain = repository.rstrip("/")
    for place in (Path(f"{plain}/.git"), Path(plain or "/"), Path(f"{plain}.git/.git"), Path(f"{plain}.git")):
        folder = _pointed_at(place) if place.is_file() else place
        if folder and (folder / "HEAD").is_file():
            return os.path.realpath(_pointed_at(folder / "commondir") or folder)
    return None


def _pointed_at(file: Path) -> Path | None:
    """Return the folder that a `.git` file names, or the `commondir` file of a linked work tree."""
    try:
        return file.parent / file.read_text().removeprefix("gitdir:").strip()
    except (OSError, ValueError):
        return None


def _telling_paths(folder: str, names: list[str]) -> Iterator[str]:
    """Name what changes when one of these refs moves: its file, the folders on the way to it, packed-refs, a reftable."""
    yield folder
    yield f"{folder}/packed-refs"
    yield f"{folder}/reftable"
    yield f"{folder}/reftable/tables.list"
    for name in names:
        words = name.split("/")
        for depth in range(1, len(words) + 1):
            yield "/".join((folder, *words[:depth]))


def _identities(paths: frozenset[str]) -> Iterator[tuple[str, _Identity]]:
    """Say of each folder among these paths which one it is: another may come to stand in its place."""
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116 - asked for every few seconds
        except OSError:
            continue
        if stat.S_ISDIR(status.st_mode):
            yield path, (status.st_dev, status.st_ino)
