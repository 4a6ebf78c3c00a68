"""A host to tell scenarios on: a private dockerd, a repository, settings, and the command line as people use it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import yaml

from deploy.private_dockerd import PrivateDockerd
from reconciler import settings as agent_settings
from reconciler.pipeline import Pipeline

_GIT = {
    "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.org", "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null",
}  # fmt: skip


@dataclass(frozen=True)
class Said:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Host:
    """One device with its repository, in `folder`; `dockerd` may be shared with other hosts."""

    def __init__(self, folder: Path, dockerd: PrivateDockerd, **settings: Any) -> None:
        self.folder = folder
        self.dockerd = dockerd
        self.repository = folder / "repository"
        self.state_dir = folder / "state"
        self.stacks_dir = self.state_dir / "stacks"
        self.config = folder / "config.yaml"
        self.api = docker.APIClient(dockerd.host, version="auto")
        self._start_repository()
        self.settings: dict[str, Any] = {
            "device": "box",
            "source": {"url": str(self.repository), "ref": "main"},
            "docker": {"host": dockerd.host, "config": str(folder / "no-docker-config")},
            "state_dir": str(self.state_dir),
            **settings,
        }
        self.configure()

    # ── the repository ───────────────────────────────────────────────────────────────────────────

    def write(self, files: Mapping[str, str | None]) -> None:
        """Write files of the repository; None removes one."""
        for name, text in files.items():
            path = self.repository / name
            if text is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)

    def push(self, files: Mapping[str, str | None], message: str = "change") -> str:
        """Write files and commit; return the commit."""
        self.write(files)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")

    def git(self, *words: str) -> str:
        """Run git in the repository."""
        environment = {**os.environ, **_GIT}
        done = subprocess.run(
            ["git", *words], cwd=self.repository, env=environment, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def _start_repository(self) -> None:
        self.repository.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main")

    # ── the product ──────────────────────────────────────────────────────────────────────────────

    def configure(self, **changes: Any) -> None:
        """Write the agent's settings; None takes a key away."""
        self.settings = {key: value for key, value in {**self.settings, **changes}.items() if value is not None}
        self.config.write_text(yaml.safe_dump(self.settings))
        self.config.chmod(0o600)

    def run(self, *words: str, **environment: str) -> Said:
        """Run the command line as its own process."""
        argv = [str(Path(sys.executable).with_name("reconciler")), *words]
        done = subprocess.run(
            argv, check=False, env={**os.environ, "RECONCILER_CONFIG": str(self.config), **environment},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=110,
        )  # fmt: skip
        return Said(done.returncode, done.stdout, done.stderr)

    def plan(self) -> dict[str, Any]:
        """Return the plan as JSON."""
        said = self.run("plan", "--json")
        assert said.code in (0, 2, 3), said
        plan: dict[str, Any] = said.json()
        return plan

    def actions(self) -> list[str]:
        """Return what would be done, as `kind target` or `kind target object`."""
        return [f"{a['kind']} {a['target']}" for a in self.plan()["actions"]]

    def apply(self, *words: str, code: int = 0) -> dict[str, Any]:
        """Apply, insist on the exit code, return the report as JSON."""
        said = self.run("apply", "--json", *words)
        assert said.code == code, f"{said.code}\n{said.out}\n{said.err}"
        report: dict[str, Any] = said.json()
        return report

    def status(self) -> dict[str, Any]:
        """Return the status as JSON."""
        said = self.run("status", "--json")
        assert said.code in (0, 1, 3), said
        status: dict[str, Any] = said.json()
        return status

    def pipeline(self) -> Pipeline:
        """Open the pipeline in this process."""
        return Pipeline.open(agent_settings.load(self.config))

    # ── the engine, looked at without us ─────────────────────────────────────────────────────────

    def containers(self, project: str) -> dict[str, dict[str, Any]]:
        """Return the inspect of each container of a project by its name; one that goes meanwhile is none of them."""
        listed = self.api.containers(all=True, filters={"label": f"com.docker.compose.project={project}"})
        found = {}
        for one in listed:
            with suppress(docker.errors.NotFound):
                inspected = self.api.inspect_container(one["Id"])
                found[inspected["Name"].removeprefix("/")] = inspected
        return found

    def ids(self, project: str) -> dict[str, str]:
        """Return the id of each container of a project by its name."""
        return {name: found["Id"] for name, found in self.containers(project).items()}

    def clear(self, *projects: str) -> None:
        """Remove what the scenario left on a shared engine."""
        for project in projects:
            for container in self.ids(project).values():
                self.api.remove_container(container, force=True, v=True)
            label = {"label": f"com.docker.compose.project={project}"}
            for network in self.api.networks(filters=label):
                self.api.remove_network(network["Id"])
            for volume in self.api.volumes(filters=label)["Volumes"] or ():
                self.api.remove_volume(volume["Name"])
