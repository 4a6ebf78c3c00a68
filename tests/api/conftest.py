"""A server on a socket of its own, with a desk that can be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.api.client import RemoteDesk
from reconciler.api.server import Server
from tests.api.fake import FakeDesk


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.sock"


@pytest.fixture
def server(path: Path, desk: FakeDesk) -> Iterator[Server]:
    def desk_for(who: str) -> FakeDesk:
        desk.who = who
        return desk

    server = Server(path, desk_for)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def remote(server: Server, path: Path) -> RemoteDesk:
    return RemoteDesk(path)
