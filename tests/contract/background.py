"""A program in the background, for tests that interrupt it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager


@contextmanager
def started(argv: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Start a program, and make sure that it is gone afterwards."""
    quiet = subprocess.DEVNULL
    with subprocess.Popen(
        argv, env=environment, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    ) as program:
        try:
            yield program
        finally:
            program.kill()
