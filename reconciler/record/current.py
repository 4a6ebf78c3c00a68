"""Which run this thread carries out, for whoever logs meanwhile.

Room 5 (record); imports nothing of ours, and not the log: a command without an agent need not load it.
"""

from __future__ import annotations

from contextvars import ContextVar

RUN: ContextVar[str | None] = ContextVar("run", default=None)
"""The id that `Store.start_run` returned."""
