"""Find the compose program and know its version without starting it again.

Below the rooms; imports process, compose and errors.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler import compose, process
from reconciler.errors import MissingTool, ProgramFailed

PLACES = (
    "~/.docker/cli-plugins/docker-compose",
    "/usr/local/lib/docker/cli-plugins/docker-compose",
    "/usr/local/libexec/docker/cli-plugins/docker-compose",
    "/usr/lib/docker/cli-plugins/docker-compose",
    "/usr/libexec/docker/cli-plugins/docker-compose",
    "/usr/local/bin/docker-compose",
    "/usr/bin/docker-compose",
)
"""The CLI's own plugin folders in its order, then where a stand-alone program is put."""

_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.\d+)?")


@dataclass(frozen=True, slots=True)
class ComposeTool:
    """A compose program that will do: the plugin file and what it calls its version (`2.26.1-4`)."""

    path: str
    version: str


def find_compose(state_dir: Path | None, places: Sequence[str] = PLACES) -> ComposeTool:
    """Find the first compose that is new enough; versions seen before are remembered in `state_dir`.

    Raises MissingTool when there is none, or only older ones.
    """
    memory = _Memory(state_dir / "tools.json" if state_dir else None)
    found = []
    for path in _programs(places):
        tool = ComposeTool(path, memory.version(path))
        if _number(tool.version) >= compose.FLOOR:
            return tool
        found.append(tool)
    if found:
        raise MissingTool("compose-too-old", path=found[0].path, version=found[0].version or "unknown")
    raise MissingTool("compose-missing")


def _programs(places: Sequence[str]) -> Iterator[str]:
    for place in places:
        # these never raise: a home may be unknown, or not ours to look into
        path = os.path.expanduser(place)  # noqa: PTH111
        if os.path.isfile(path) and os.access(path, os.X_OK):  # noqa: PTH113
            yield path


def _number(version: str) -> tuple[int, int]:
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


class _Memory:
    """Versions by file identity, kept on disk, so that a warm pass starts no program."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def version(self, path: str) -> str:
        status = Path(path).stat()
        identity = f"{path}:{status.st_mtime_ns}:{status.st_size}"
        known = self._load()
        if identity in known:
            return known[identity]
        if answer := _ask(path):
            self._save(dict([(identity, answer), *known.items()][:8]))
        return answer

    def _load(self) -> dict[str, str]:
        with suppress(OSError, ValueError):
            known = json.loads(self._file.read_text()) if self._file else {}
            return {str(key): str(value) for key, value in known.items()}
        return {}

    def _save(self, known: dict[str, str]) -> None:
        if self._file is None:
            return
        temporary = self._file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # only a shortcut: the next pass asks again
            temporary.write_text(json.dumps(known))
            temporary.replace(self._file)


def _ask(path: str) -> str:
    with suppress(ProgramFailed, MissingTool):
        done = process.run(compose.version(path), env=compose.environment(None, None), timeout=20)
        return done.stdout.strip() if done.code == 0 else ""
    return ""
