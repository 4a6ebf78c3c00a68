"""How git is called: fixed options, an environment that we choose, one repository of ours to stand in.

Room 1 (desired); may import address, process and errors.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from reconciler import process
from reconciler.address import local_path
from reconciler.errors import MissingTool
from reconciler.process import Completed

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

_OPTIONS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "core.symlinks=true",
    "protocol.allow=never",
    "protocol.file.allow=always",
    "protocol.https.allow=always",
    "protocol.ssh.allow=always",
    "fetch.recurseSubmodules=false",
    "gc.autoDetach=false",
    "maintenance.autoDetach=false",
)


def git(
    folder: Path,
    config: Path,
    words: Sequence[str],
    *,
    timeout: float,
    env: Mapping[str, str] | None = None,
    cut: threading.Event | None = None,
) -> Completed:
    """Run one git command in the bare repository `folder`; `env` comes on top, `cut` ends it.

    Raises ProgramFailed after `timeout` seconds, Cut, MissingTool where there is no git.
    """
    options = [word for option in _OPTIONS for word in ("-c", option)]
    environment = {**_environment(config), "GIT_DIR": str(folder), **(env or {})}
    try:
        return process.run(["git", *options, *words], env=environment, timeout=timeout, cwd=folder, cut=cut)
    except MissingTool as error:
        raise MissingTool("git-missing") from error


def _environment(config: Path) -> Mapping[str, str]:
    """Return all that git gets: nothing of ours but HOME and SSH_AUTH_SOCK, and no way to ask anybody."""
    agent = os.environ.get("SSH_AUTH_SOCK")
    return {
        "PATH": PATH,
        "HOME": str(_home()),
        "LC_ALL": "C",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(config),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "true",
        "SSH_ASKPASS": "true",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_NO_REPLACE_OBJECTS": "1",
        **({"SSH_AUTH_SOCK": agent} if agent else {}),
    }


def _home() -> Path:
    return Path(os.environ.get("HOME") or "~").expanduser()


def private_config(url: str) -> str:
    """Return the text of git's global configuration for one source.

    The user's own comes last, so that their keys, helpers and proxies work. A local repository may belong to another
    user: exactly its own paths are declared safe.
    """
    path = local_path(url)
    safe = _spellings(path) if path else ()
    lines = [
        "[core]",
        "\tsshCommand = ssh -oBatchMode=yes -oConnectTimeout=10 -oServerAliveInterval=15 -oServerAliveCountMax=2",
        "[http]\n\tlowSpeedLimit = 100\n\tlowSpeedTime = 30",
        "[safe]",
        *(f"\tdirectory = {_quoted(folder)}" for folder in safe),
        "[include]",
        *(f"\tpath = {_quoted(str(_home() / name))}" for name in (".config/git/config", ".gitconfig")),
    ]
    return "\n".join(lines) + "\n"


def _spellings(path: str) -> Sequence[str]:
    """Return the names under which git may check a folder: it follows links and adds `.git` on either side."""
    plain = path.rstrip("/") or "/"
    names = {plain, os.path.realpath(plain)}
    return sorted({name + suffix for name in names for suffix in ("", "/.git", ".git")})


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
