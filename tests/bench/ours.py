"""Our command line as people start it: a process of its own, its bytecode compiled before."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.host import Host

_PROGRAM = Path(sys.executable).with_name("reconciler")
_PATIENCE = 600.0
"""Seconds; a busy machine is slow, and to fail is not what a bench is for."""


def run(host: Host, *words: str) -> None:
    """Run a command on a host and insist on exit code 0."""
    environment = _environment() | {"RECONCILER_CONFIG": str(host.config)}
    done = subprocess.run(
        [_PROGRAM, *words],
        check=False,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
    )
    assert done.returncode == 0, done


def import_all(modules: Sequence[str]) -> None:
    """Start Python and import, nothing else."""
    subprocess.run([sys.executable, "-c", f"import {', '.join(modules)}"], env=_environment(), check=True)


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONDONTWRITEBYTECODE": "",
    }  # an installed program has its bytecode, whatever the shell says
