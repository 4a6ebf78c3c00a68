"""Fixtures that every test may use: private dockerds, one per test process to share, and fresh ones to stop and configure."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import docker
import pytest

from deploy.images import make_image
from deploy.private_dockerd import PrivateDockerd
from reconciler.engine import EngineClient

_counter = itertools.count(1)


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="rd", dir="/tmp"))  # short: unix sockets live below it


@pytest.fixture(scope="session")
def dockerd() -> Iterator[PrivateDockerd]:
    """One private dockerd that the tests of this process share; it has the image `app:1`. Never stop or configure it."""
    with PrivateDockerd(_folder(), name="shared") as daemon:
        make_image(daemon.host, "app:1")
        yield daemon


@pytest.fixture
def own_dockerd() -> Iterator[Callable[..., PrivateDockerd]]:
    """Make fresh private dockerds, with `app:1`, for tests that stop, kill or configure them; arguments as PrivateDockerd."""
    with ExitStack() as stack:

        def make(**options: Any) -> PrivateDockerd:
            daemon = stack.enter_context(PrivateDockerd(_folder(), **{"name": "own", **options}))
            make_image(daemon.host, "app:1")
            return daemon

        yield make


@pytest.fixture
def engine(dockerd: PrivateDockerd) -> EngineClient:
    """Our client of the shared dockerd."""
    return EngineClient.connect(dockerd.host)


@pytest.fixture
def api(dockerd: PrivateDockerd) -> Iterator[docker.APIClient]:
    """The SDK on the shared dockerd, to arrange what the code under test then finds."""
    client = docker.APIClient(dockerd.host, version="auto")
    yield client
    client.close()


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Make a name that no other test of this process uses, such as `web7`."""
    return lambda word: f"{word}{next(_counter)}"
