"""Git, driven thinly: GitPython builds the call, `gitcall.py` makes it.

Room 1 (desired); may import gitcall and process. The only module that knows GitPython, which takes long to load:
import this one only where it is needed.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.desired import gitcall
from reconciler.process import Completed

# When it is imported, GitPython asks the program for its version, with our whole environment: it is to find none.
os.environ |= {"GIT_PYTHON_GIT_EXECUTABLE": os.devnull, "GIT_PYTHON_REFRESH": "quiet"}

from git.cmd import Git


class Driver(Git):
    """Git commands in one bare repository: `driver.ls_tree("-r", …)`; each returns how the program ended."""

    def __init__(self, folder: Path, config: Path, cut: threading.Event | None = None) -> None:
        super().__init__(folder)
        self.folder = folder
        self._config, self._cut = config, cut

    def execute(  # type: ignore[override] # the one way all commands take; GitPython's own would add our environment
        self,
        command: Sequence[str],
        *,
        kill_after_timeout: float = 60.0,
        env: Mapping[str, str] | None = None,
        **_: Any,
    ) -> Completed:
        """Run one git command; `env` comes on top. Raises ProgramFailed after `kill_after_timeout` seconds, Cut."""
        return gitcall.git(self.folder, self._config, command[1:], timeout=kill_after_timeout, env=env, cut=self._cut)
