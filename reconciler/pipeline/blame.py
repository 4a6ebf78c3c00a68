"""Find the commit that brought a change, among all that came in one pass.

Pipeline; may import model and the git mirror of desired/.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from reconciler.errors import InvalidSource, MissingTool, ProgramFailed
from reconciler.model import Revision

if TYPE_CHECKING:
    from reconciler.desired.repo import Repository
    from reconciler.pipeline.targets import Target
    from reconciler.record.changes import Change

_WILD = re.compile(r"[*?\[\\]")


class Blame:
    """Asks our copy of the repository; where that no longer knows, the revision of the run is the answer."""

    def __init__(self, repository: Repository, device: str) -> None:
        self._repository = repository
        self._device = device

    def of(self, target: Target, change: Change) -> Revision:
        """Return the newest commit of the pass that touched what the target is made of."""
        run = change.run
        whole = Revision(run.revision or "", run.subject, run.author)
        if run.revision is None:
            return whole
        try:
            found = self._repository.last_touch(run.revision, self._made_of(target), change.before)
            return found or (whole if whole.subject else self._repository.revision(run.revision))
        except (InvalidSource, MissingTool, ProgramFailed):
            return whole

    def _made_of(self, target: Target) -> Sequence[str]:
        """Return git's globs of all files that may make a stack, or the daemon's settings, what they are on this device."""
        layers = ("", "roles/*/", f"devices/{self._device}/")
        folder = _WILD.sub(r"\\\g<0>", target.stack or "")
        rest = "daemon.json" if target.kind == "daemon" else f"stacks/{folder}/**"
        return (*(layer + rest for layer in layers), f"devices/{self._device}/device.yaml")
