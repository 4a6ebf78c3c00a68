"""Git repositories and folders to read the desired state from."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from reconciler.desired.load import Context, load
from reconciler.desired.tree import folder_tree
from reconciler.model import Desired, DesiredStack

IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
}
COMPOSE = "services:\n  app:\n    image: busybox\n"


class Source:
    """A repository with a work tree, to commit to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "-q", "-b", "main")

    def git(self, *words: str) -> str:
        argv = ["git", "-C", str(self.folder), *words]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder.parent), **IDENTITY}
        return subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self, files: Mapping[str, str], message: str = "change") -> str:
        write(self.folder, files)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def back_to(self, commit: str) -> None:
        self.git("reset", "-q", "--hard", commit)


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write texts below a folder."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def wanted(folder: Path, files: Mapping[str, str], device: str = "attic", **context: object) -> Desired:
    """Load these files for a device; nothing is rendered."""
    write(folder / "tree", files)
    given = {"stacks_dir": Path("/srv/stacks"), "state_dir": folder / "state", **context}
    return load(folder_tree(folder / "tree"), Context(device, **given))  # type: ignore[arg-type]


def stack(desired: Desired, name: str = "web") -> DesiredStack:
    """Pick a stack."""
    return next(stack for stack in desired.stacks if stack.name == name)


def codes(desired: Desired) -> list[tuple[str, str, str | None, int | None]]:
    """List all problems: target, code, file and line."""
    found = [*desired.problems, *(problem for stack in desired.stacks for problem in stack.problems)]
    found += desired.daemon.problems if desired.daemon else ()
    return [(problem.target, problem.code, problem.file, problem.line) for problem in found]
