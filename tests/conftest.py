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
from reconciler import compose
from reconciler.engine import EngineClient
from reconciler.process import run
from reconciler.tools import find_compose

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
def compose_up(dockerd: PrivateDockerd, api: docker.APIClient, tmp_path: Path) -> Iterator[Callable[[str, str], Path]]:
    """Deploy a compose file on the shared dockerd as a person would: (project, text) → its folder; removed at the end."""
    program = find_compose(None).path
    projects: list[str] = []

    def up(project: str, text: str) -> Path:
        projects.append(project)
        folder = tmp_path / project
        folder.mkdir(exist_ok=True)
        (folder / "compose.yaml").write_text(text)
        command = [program, "--project-directory", str(folder), "-p", project, "up", "-d", "--quiet-pull"]
        done = run(command, env=compose.environment(dockerd.host, None), cwd=folder, timeout=60)
        assert done.code == 0, done.tail
        return folder

    yield up
    for project in projects:
        chosen = {"label": f"com.docker.compose.project={project}"}
        for container in api.containers(all=True, filters=chosen):
            api.remove_container(container["Id"], force=True, v=True)
        for network in api.networks(filters=chosen):
            api.remove_network(network["Id"])


@pytest.fixture
def unique() -> Callable[[str], str]:
    """Make a name that no other test of this process uses, such as `web7`."""
    return lambda word: f"{word}{next(_counter)}"
