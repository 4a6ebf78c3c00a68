"""Disks that are full or cannot be written: small ones of our own."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 256 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "small", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def read_only(small_disk: Path) -> Callable[[], None]:
    """Make the small disk read-only."""

    def lock() -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    return lock
