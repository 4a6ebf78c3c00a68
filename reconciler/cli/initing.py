"""The verb `init`: a repository to start from, and settings that follow it.

Face; imports process to call git, settings to check what was written. Nothing that is there is ever overwritten.
"""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

import click

from reconciler.address import allowed_url
from reconciler.cli.inert import inert
from reconciler.cli.starter import REPOSITORY, SETTINGS
from reconciler.cli.streams import say
from reconciler.errors import MissingTool, NoSpace, PathRefused
from reconciler.process import Completed
from reconciler.process import run as run_program
from reconciler.settings import DEFAULT_FILE

EXAMPLE = "config.example.yaml"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_SECONDS = 30.0


def run(folder: Path, device: str | None, config: Path | None) -> int:
    """Write everything, and say what to do next; return the exit code. Raises PathRefused, NoSpace, MissingTool."""
    name = _device(device)
    home = Path(os.path.abspath(folder))  # noqa: PTH100 - the words of the person, links and all
    _refuse_names(home, config)
    _refuse_what_is_there(home)
    values = {
        "device": name,
        "repository": str(home),
        "url": json.dumps(str(home), ensure_ascii=False),
        "config": str(config or DEFAULT_FILE),
    }
    for path, text in _files(values).items():
        _write(home / path, text, 0o644)
    commit = _commit(home)
    say(f"Wrote {inert(str(home))}: a repository with one stack, for the device {name}.")
    say(f"Committed as {commit}." if commit else _HOW_TO_COMMIT.format(home=inert(str(home))))
    written = config is not None and _write_settings(config, Template(SETTINGS).substitute(values))
    for line in _next_steps(home, config, written=written):
        say(line)
    return 0


def _device(wanted: str | None) -> str:
    """Return the device's name: the one that is wanted, else the host's, as far as it can be one."""
    if wanted is not None:
        if not _NAME.fullmatch(wanted):
            raise click.UsageError("--device: a name is letters, digits, `.`, `_`, `-`, at most 63 of them.")
        return wanted
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname().partition(".")[0])[:63].lstrip("._-")
    return host or "box"


def _refuse_names(home: Path, config: Path | None) -> None:
    """Refuse what the written files could not say: a line break in a name would be read as a setting."""
    if not allowed_url(str(home)):
        raise click.UsageError(f"{home}: the settings cannot name such a folder as the source; choose another name.")
    if config is not None and inert(str(config)) != str(config):
        raise click.UsageError(f"--config {config}: a name that cannot be shown as it is; choose another.")


def _refuse_what_is_there(home: Path) -> None:
    try:
        if home.is_dir() and any(home.iterdir()):
            raise PathRefused("init-not-empty", path=str(home))
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NoSpace("cannot-write", path=str(home), words=error.strerror or "") from None


def _files(values: Mapping[str, str]) -> Mapping[str, str]:
    """Return path and text of each file."""
    files = {**REPOSITORY, EXAMPLE: SETTINGS}
    return {Template(path).substitute(values): Template(text).substitute(values) for path, text in files.items()}


def _write(path: Path, text: str, mode: int) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise
    except OSError as error:
        raise NoSpace("cannot-write", path=str(path), words=error.strerror or "") from None


def _write_settings(config: Path, text: str) -> bool:
    """Write the settings unless there are some; tell whether they were written."""
    try:
        _write(config, text, 0o600)
    except FileExistsError:
        say(f"{inert(str(config))} is there already and was left as it is.")
        return False
    say(f"Wrote {inert(str(config))}.")
    return True


# ── git ──────────────────────────────────────────────────────────────────────────────────────────


def _commit(home: Path) -> str | None:
    """Make it a repository that can be pushed to, with a first commit where git knows who makes it; return that."""
    _git(home, "init", "--quiet", "--initial-branch=main").require()
    # whoever pushes to it finds the files there as pushed; without this git refuses a push to the branch that is checked out
    _git(home, "config", "receive.denyCurrentBranch", "updateInstead").require()
    if _git(home, "config", "user.email").code:
        return None
    _git(home, "add", "--all").require()
    if _git(home, "commit", "--quiet", "--message", "Start").code:
        return None
    return _git(home, "rev-parse", "--short", "HEAD").require().stdout.strip()


def _git(home: Path, *words: str) -> Completed:
    known = {name: value for name, value in os.environ.items() if name in ("HOME", "XDG_CONFIG_HOME", "PATH")}
    try:
        argv = ["git", "-c", "core.hooksPath=/dev/null", *words]
        return run_program(argv, env={**known, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0"}, timeout=_SECONDS, cwd=home)
    except MissingTool as error:
        raise MissingTool("git-missing") from error


_HOW_TO_COMMIT = """Git does not know who you are, so nothing is committed yet:
  git config --global user.name "Your Name"; git config --global user.email you@example.org
  git -C {home} add --all; git -C {home} commit --message Start"""


def _next_steps(home: Path, config: Path | None, *, written: bool) -> Sequence[str]:
    file = inert(str(config or DEFAULT_FILE))
    option = "" if config in (None, DEFAULT_FILE) else f" --config {file}"
    start = f"reconciler run{option}" if option else "systemctl enable --now reconciler"
    install = () if written else (f"  install -D -m 0600 {inert(str(home / EXAMPLE))} {file}",)
    return (
        "Next, as root:",
        *install,
        f"  reconciler validate {inert(str(home))}",
        f"  reconciler plan{option}",
        f"  reconciler apply{option}",
        f"  {start}    # from now on a commit is running seconds later",
    )
