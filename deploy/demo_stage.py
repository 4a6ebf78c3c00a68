"""What the demo plays with: a private dockerd, images, a repository seeded from `desired/`, and settings."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
from docker.errors import DockerException

from deploy.demo_agent import DemoAgent
from deploy.images import make_image
from deploy.private_dockerd import PrivateDockerd
from reconciler.errors import ReconcilerError

_REPOSITORY = Path(__file__).resolve().parent.parent
_IMAGES = ("store", "api", "site", "clock")
OWNED = ["kept-by=the-system"]
"""The value of the daemon key `labels`, which belongs to the system in the demo."""


class NotSeen(Exception):
    """A step of the tour did not show what it should."""


@dataclass(frozen=True)
class Stage:
    """The things of the demo, and hands to move them."""

    folder: Path
    dockerd: PrivateDockerd
    engine: Any
    agent: DemoAgent

    @property
    def settings(self) -> Path:
        return self.folder / "config.yaml"

    @property
    def copy(self) -> Path:
        """The working copy whose pushes reach the followed repository."""
        return self.folder / "work"

    def reconciler(self, *arguments: str, expect: int) -> None:
        """Run the command line and show what it prints. Raises NotSeen on another exit code."""
        print(f"   $ reconciler {' '.join(arguments)}", flush=True)
        with subprocess.Popen(
            self._command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as run:
            assert run.stdout is not None
            for line in run.stdout:
                print(f"     {line}", end="", flush=True)
        if run.returncode != expect:
            raise NotSeen(f"exit code {expect}; it was {run.returncode}")

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "reconciler", "--config", str(self.settings), *arguments]

    def push(self, message: str) -> float:
        """Commit what changed in the working copy, and push it; return when, in seconds since 1970."""
        git(self.copy, "add", "-A")
        git(self.copy, "commit", "-q", "-m", message)
        begun = time.time()
        git(self.copy, "push", "-q", "origin", "main")
        return begun

    def status(self) -> Any:
        """Ask the agent how the host stands."""
        return self.agent.desk.status()

    def containers(self) -> dict[str, Mapping[str, Any]]:
        """Ask the engine for every container, by name."""
        listed = self.engine.containers(all=True)
        return {each["Names"][0].lstrip("/"): self.engine.inspect_container(each["Id"]) for each in listed}

    def lives(self) -> dict[str, tuple[str, str]]:
        """Ask for what changes when a container is made again or restarted: its id and when it started."""
        return {name: (each["Id"], each["State"]["StartedAt"]) for name, each in self.containers().items()}

    def greeting(self) -> str:
        """Ask the site what the service behind it says."""
        with urllib.request.urlopen("http://127.0.0.1:8080/cgi-bin/greeting", timeout=10) as answer:
            return str(answer.read().decode().strip())

    def advice(self) -> str:
        """Say where everything is, and what to try."""
        program = Path(sys.executable).parent
        return f"""
The agent goes on until Ctrl-C.
  socket      {self.agent.socket}
  repository  {self.folder / "home.git"}, with a working copy: {self.copy}
  its log     {self.agent.log}
A shell that sees it all, in another terminal, as root:
  {" ".join(_inside())} env PATH={program}:$PATH RECONCILER_CONFIG={self.settings} DOCKER_HOST={self.dockerd.host} bash
Four things to try, in that shell:
  push a change     cd {self.copy}; sed -i 's/GREETING: .*/GREETING: salut/' stacks/web/compose.yaml
                    git commit -qam Salut; git push -q; sleep 3; reconciler why web/api
  break something   docker rm -f web-site-1; sleep 3; reconciler why web-site-1
  stop something    docker stop store-server-1; reconciler why store/server; reconciler apply
  kill the agent    kill -9 $(cat {self.folder}/state/agent.lock); reconciler history"""


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Set everything up, and take it away at the end."""
    folder = Path(tempfile.mkdtemp(prefix="demo", dir="/tmp"))  # short: unix sockets live below it
    print("Starting a private dockerd and making the images ...", flush=True)
    # All files are below the dockerd's folder: its guard removes that even when this process is killed.
    with PrivateDockerd(folder, name="demo") as dockerd:
        for name in _IMAGES:
            make_image(dockerd.host, f"local/{name}:1")
        seed(folder)
        write_settings(folder, dockerd)
        engine, agent = docker.APIClient(base_url=dockerd.host, version="auto"), DemoAgent(folder)
        try:
            yield Stage(folder, dockerd, engine, agent)
        finally:
            agent.stop()
            engine.close()


def seed(folder: Path) -> None:
    """Make a bare repository that holds `desired/`, and a working copy of it."""
    git(folder, "init", "-q", "--bare", "-b", "main", "home.git")
    shutil.copytree(_REPOSITORY / "desired", folder / "work")
    work = folder / "work"
    git(work, "init", "-q", "-b", "main")
    for key, value in {"user.name": "demo", "user.email": "demo@localhost"}.items():
        git(work, "config", key, value)
    git(work, "remote", "add", "origin", str(folder / "home.git"))
    git(work, "add", "-A")
    git(work, "commit", "-q", "-m", "The example repository")
    git(work, "push", "-q", "-u", "origin", "main")


def write_settings(folder: Path, dockerd: PrivateDockerd) -> None:
    """Write the agent's settings for the private dockerd. JSON is YAML too."""
    settings = {
        "device": "living-room",
        "source": {"url": str(folder / "home.git")},
        "docker": {"host": dockerd.host, "config": str(folder / "docker-config")},
        "state_dir": str(folder / "state"),
        "daemon": {
            "config_file": str(dockerd.config_file),
            "control": {"kind": "pidfile", "pidfile": str(dockerd.pidfile), "start": [*_inside(), *dockerd.command]},
            "owned": {"labels": OWNED},
        },
    }
    (folder / "config.yaml").write_text(json.dumps(settings, indent=2))
    (folder / "config.yaml").chmod(0o600)


def _inside() -> list[str]:
    """Return what a command begins with that is to run in the demo's own network, whoever runs it."""
    return ["nsenter", f"--net=/proc/{os.getpid()}/ns/net"]


def git(folder: Path, *arguments: str) -> None:
    """Run git without anybody's configuration."""
    alone = {"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    subprocess.run(["git", *arguments], cwd=folder, env=alone, check=True)


def wait_until(seen: Callable[[], object], timeout: float = 60.0) -> bool:
    """Ask until it is so; `timeout` in seconds. An engine that is away for a moment shows nothing."""
    deadline = time.monotonic() + timeout
    while True:
        with suppress(OSError, DockerException, ReconcilerError):
            if seen():
                return True
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
