"""The C library's heap, tuned for one process with many short threads.

Loop; imports nothing of ours.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress

_M_TRIM_THRESHOLD, _M_ARENA_MAX = -1, -8
"""Of malloc.h."""
_KEPT = 64 * 1024
"""Bytes at the heap's end above which they are given back."""


def share_one_arena() -> None:
    """Let all threads share one arena, and give back what is free at its end.

    Each thread would get its own otherwise, most of it idle: several MB, for nothing where one thread runs at a time. Does
    nothing where the C library knows no arenas.
    """
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_TRIM_THRESHOLD, _KEPT)
