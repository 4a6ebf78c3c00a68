"""Disks that are full or cannot be written."""

from tests.disks import read_only, small_disk

__all__ = ["read_only", "small_disk"]
