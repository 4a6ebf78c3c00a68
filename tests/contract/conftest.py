"""What the contract tests share: a project of its own on a private dockerd, driven as we drive compose.

Set RECONCILER_TEST_COMPOSE to another compose program to see at once whether it keeps the contract.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest

from deploy.private_dockerd import PrivateDockerd
from reconciler import compose, process
from tests.compose_program import under_test


@dataclass(frozen=True)
class Stack:
    """A compose project in a folder, and the engine it lives on."""

    folder: Path
    name: str
    host: str
    api: Any

    @property
    def project(self) -> compose.Project:
        """The call that every command begins with."""
        files = tuple(name for name in ("compose.yaml", "compose.override.yaml") if (self.folder / name).exists())
        return compose.Project(under_test().path, self.name, str(self.folder), files, str(self.folder.parent / "env"))

    @property
    def environment(self) -> dict[str, str]:
        """What compose gets: a client configuration that does not exist is fine."""
        return compose.environment(self.host, str(self.folder.parent / "no-config"))

    def write(self, text: str, **variables: str) -> None:
        """Write the compose file and the env file."""
        (self.folder / "compose.yaml").write_text(text)
        (self.folder.parent / "env").write_text("".join(f"{name}={value}\n" for name, value in variables.items()))

    def run(self, argv: Sequence[str]) -> process.Completed:
        """Run compose as we do."""
        return process.run(argv, env=self.environment, timeout=60, cwd=self.folder)

    def up(self, *services: str, recreate: bool = False) -> None:
        """Make services; it must succeed."""
        self.run(compose.up(self.project, services, recreate=recreate)).require()

    def containers(self) -> dict[str, Mapping[str, Any]]:
        """Return the project's containers as inspect shows them, by name."""
        label = f"com.docker.compose.project={self.name}"
        found = self.api.containers(all=True, filters={"label": label})
        shown = (self.api.inspect_container(item["Id"]) for item in found)
        return {item["Name"].removeprefix(f"/{self.name}-"): item for item in shown}

    def times(self, container: str, event: str) -> list[float]:
        """Return when an event befell a container, in seconds."""
        filters = {"container": container, "event": event}
        until = f"{time.time():.9f}"
        return [one["timeNano"] / 1e9 for one in self.api.events(since=0, until=until, filters=filters, decode=True)]

    def ids(self) -> dict[str, str]:
        """Return the ids by name."""
        return {name: item["Id"] for name, item in self.containers().items()}

    def exit_code(self, name: str) -> int:
        """Wait for the end of a container."""
        return int(self.api.wait(f"{self.name}-{name}", timeout=30)["StatusCode"])


@pytest.fixture
def stack(dockerd: PrivateDockerd, tmp_path: Path, unique: Callable[[str], str]) -> Stack:
    """A fresh project; the image `app:1` is there."""
    name = unique("contract")
    folder = tmp_path / name
    folder.mkdir()
    return Stack(folder, name, dockerd.host, docker.APIClient(base_url=dockerd.host, version="auto"))
