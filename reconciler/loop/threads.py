"""Threads of the agent's own.

Loop; may import errors.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import structlog

from reconciler.errors import ReconcilerError

_MOST = 64

_log = structlog.get_logger()


class Threads:
    """Lets things be done beside each other; `is_ending` tells that nothing more need begin."""

    def __init__(self, is_ending: Callable[[], bool]) -> None:
        self._is_ending = is_ending
        self._pool = ThreadPoolExecutor(_MOST, "agent")

    def spawn(self, work: Callable[..., object], *arguments: object) -> None:
        """Let something be done; a bug in it is told, and ends nothing else. Raises RuntimeError when no thread can be had."""
        try:
            self._pool.submit(work, *arguments).add_done_callback(_admit_bug)
        except RuntimeError:
            if not self._is_ending():
                raise

    def begin(self, work: Callable[[], None]) -> Future[None]:
        """Let something be done whose end, and bugs, the caller minds."""
        return self._pool.submit(work)

    def close(self) -> None:
        """Wait until all have ended."""
        self._pool.shutdown()


def _admit_bug(future: Future[object]) -> None:
    error = None if future.cancelled() else future.exception()
    if error is not None and not isinstance(error, ReconcilerError):  # those are told by who follows
        _log.error("a bug; please report it", exc_info=error)
