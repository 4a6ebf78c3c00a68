"""Keep in memory what was wanted last: an agent asks for the same revision time and again.

Room 1 (desired); may import the room's front door and its repository, errors and model.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from reconciler.desired.load import Context, load
from reconciler.desired.repo import Repository
from reconciler.model import Desired

_Mark: TypeAlias = "tuple[str, tuple[int, ...]]"
"""A file's path, and what is never the same again once its content was written anew."""


@dataclass(frozen=True, slots=True)
class _Origin:
    """All that a desired state is made from; `files` are those that git does not hold."""

    repository: Repository
    commit: str
    context: Context
    files: tuple[_Mark, ...] | None


class Kept:
    """The desired state that was loaded last; any thread may load, and who comes second waits for the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: tuple[_Origin, Desired] | None = None

    def load(
        self, repository: Repository, commit: str, context: Context, meanwhile: Callable[[], object] = bool
    ) -> Desired:
        """Return what a commit wants; the same object as before, as long as nothing it was made from has changed.

        `meanwhile` is called while compose works, if it has to. Raises what `Repository.tree` and `desired.load.load` raise.
        """
        with self._lock:
            # before anything is read: what is written meanwhile makes a difference the next time
            origin = _Origin(repository, commit, context, _marks(context))
            if self._known is not None and self._known[0] == origin and repository.keep(commit):
                return self._known[1]
            desired = load(repository.tree(commit), context, meanwhile)
            self._known = (origin, desired) if origin.files is not None and _is_sound(desired) else None
            return desired


def _is_sound(desired: Desired) -> bool:
    """Tell whether nothing is wrong with it: what is may pass, and is asked for again."""
    wrong = desired.problems or (desired.daemon is not None and desired.daemon.problems)
    return not wrong and not any(stack.problems for stack in desired.stacks)


def _marks(context: Context) -> tuple[_Mark, ...] | None:
    """Look at the env files of the device, root's own and those that were written last; read none. None: no telling."""
    folders = [folder for folder in (context.env_dir, context.state_dir / "env") if folder is not None]
    try:
        return tuple(mark for folder in folders for mark in _env_files(folder))
    except OSError:
        return None


def _env_files(folder: Path) -> list[_Mark]:
    try:
        found = os.scandir(folder)
    except FileNotFoundError:
        return []
    with found:
        return sorted((file.path, _mark(file.stat())) for file in found if file.name.endswith(".env"))


def _mark(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
