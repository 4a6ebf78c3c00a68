"""The command line in a process that is killed before a chosen step: `python -m tests.e2e.killable LOG STEP apply`.

A step is whatever outlives the process: a commit of the record, a name that a file gets or loses, a call that changes something
on the engine, the begin of a program that does, the same program half-way, a signal to dockerd; the last is our own end. To be
killed after a step is to be killed before the next: nothing that lasts lies between. Reading is no step. Those that were
reached are written to LOG, one a line, each with how often it has come by then (`commit made/2`); STEP is such a line.
"""

from __future__ import annotations

import functools
import os
import re
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from reconciler import process
from reconciler.cli import main
from reconciler.engine import EngineClient
from reconciler.pipeline import crew
from reconciler.record import database
from reconciler.record.store import Store

CHANGES = (
    "start", "stop", "restart", "unpause", "rename", "remove_container", "remove_network", "disconnect", "connect_network",
    "update",
)  # fmt: skip
NAMES_OF_FILES = ("link", "unlink", "remove", "rename", "replace")
HALF_WAY = 0.15
"""Seconds that a program gets before we are killed while it runs."""

_CHANGE_SOMETHING = {"config", "pull", "build", "up", "fetch", "init", "read-tree", "checkout-index"}
_PASSING = re.compile(r"/cache/staging-|/index$|/variables$")
"""Files of a folder that is gone when we are done with it; who is killed between two of them was killed in a program."""


class Steps:
    """Counts steps, and ends the process before one of them."""

    def __init__(self, log: Path, last: str) -> None:
        self._log = log.open("a")
        self._last = last
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def step(self, name: str) -> None:
        """Say that a step comes now."""
        with self._lock:
            self._counts[name] += 1
            label = f"{name}/{self._counts[name]}"
            self._log.write(f"{label}\n")
            self._log.flush()
            if label == self._last:
                os.kill(os.getpid(), signal.SIGKILL)

    def wrap(self, place: Any, name: str, say: Callable[..., str | None]) -> None:
        """Make a step of each call of a function for which there is something to say."""
        original = getattr(place, name)

        @functools.wraps(original)
        def stepped(*arguments: Any, **options: Any) -> Any:
            if (said := say(*arguments)) is not None:
                self.step(said)
            return original(*arguments, **options)

        setattr(place, name, stepped)


def instrument(steps: Steps) -> None:
    """Put steps where everything goes through. One stack after the other, so that the order is the same each time."""
    crew._BEGUN = 1
    for name in CHANGES:
        steps.wrap(EngineClient, name, functools.partial(_call_said, name))
    for name in NAMES_OF_FILES:
        steps.wrap(os, name, functools.partial(_file_said, name))
    steps.wrap(database, "_step", lambda _, number: f"migrate {number}")
    steps.wrap(signal, "pidfd_send_signal", lambda _, number, *__: f"signal {signal.Signals(number).name}")
    steps.wrap(process, "_start", functools.partial(_program_said, "begin"))
    steps.wrap(process, "_follow", _half_way)
    _wrap_transactions(steps)


def _half_way(child: subprocess.Popen[bytes], *_: object) -> str | None:
    said = _program_said("amid", child.args)  # type: ignore[arg-type] # we gave a list
    if said is not None:
        with suppress(subprocess.TimeoutExpired):
            child.wait(HALF_WAY)
    return said


def _wrap_transactions(steps: Steps) -> None:
    original = Store._transaction

    @contextmanager
    def transaction(self: Store, begin: str) -> Iterator[Any]:
        with original(self, begin) as db:
            yield db
            if begin != "BEGIN":
                steps.step(f"commit {_who_writes()}")

    Store._transaction = transaction  # type: ignore[method-assign]


def _who_writes() -> str:
    frame = sys._getframe()
    while frame.f_back and not (frame.f_code.co_filename.endswith("store.py") and frame.f_code.co_name[0] != "_"):
        frame = frame.f_back
    return frame.f_code.co_name


def _call_said(name: str, _: EngineClient, what: str, *__: object) -> str:
    return f"engine {name}"


def _file_said(name: str, *places: object) -> str | None:
    path = str(places[1] if name in ("link", "rename", "replace") else places[0])
    return None if _PASSING.search(path) else f"{name} {re.sub('[0-9a-f]{12,}|[0-9]+', '…', Path(path).name)}"


def _program_said(moment: str, argv: Sequence[str], *_: object) -> str | None:
    verb = next((word for word in argv[1:] if word in _CHANGE_SOMETHING), None)
    is_git = Path(argv[0]).name in ("git", "docker-compose")
    return f"{moment} {Path(argv[0]).name} {verb or ''}".rstrip() if verb or not is_git else None


if __name__ == "__main__":
    log, last, *words = sys.argv[1:]
    steps = Steps(Path(log), last)
    instrument(steps)
    code = main.run(words)
    steps.step("end")
    sys.exit(code)
