"""Scenarios on a private dockerd; the fixtures are those of all tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.private_dockerd import PrivateDockerd
from tests.e2e.host import Host


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this folder as e2e."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture
def host(tmp_path: Path, dockerd: PrivateDockerd, unique: Callable[[str], str]) -> Host:
    """A host of its own on the shared dockerd; scenarios name their stacks with `unique`."""
    return Host(tmp_path, dockerd)
