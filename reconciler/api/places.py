"""Serve connections in threads, so many at once and no more.

Api; imports only the standard library.
"""

from __future__ import annotations

import threading
from socketserver import ThreadingMixIn
from typing import Any


class Places(ThreadingMixIn):
    """Lets go whoever comes when `most` are there: each holds a thread and an open file, of which there are only so many."""

    daemon_threads = True
    most: int

    def __init__(self, *words: Any) -> None:
        self._free = threading.BoundedSemaphore(self.most)
        super().__init__(*words)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve in a thread of its own, if there is a place."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)  # type: ignore[attr-defined] # of the server that this is mixed into
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread to be had
            self._free.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve, and make room."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()
