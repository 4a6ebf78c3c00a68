"""Write daemon.json and make dockerd take it.

Room 4 (apply); may import settings, errors and model. Keys that no action names stay as they are, in their order. Which keys
are live is the plan's to say: an action with the risk `engine-restart` needs a restart.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.apply import control
from reconciler.apply.folders import explained, folder_handle, make_folder, put_in_place, write_beside
from reconciler.errors import DaemonRejected, EngineUnreachable, Retry
from reconciler.model import Action, Document, Json, ObservedDaemon
from reconciler.settings import DaemonSettings


def apply_daemon(
    settings: DaemonSettings, seen: ObservedDaemon, actions: Sequence[Action], host: str, log: Path | None = None
) -> None:
    """Carry out `set`, `put-back` and `unset`: write the file, then reload dockerd, or restart it where one needs that.

    When dockerd does not take it, the old file is put back, and dockerd with it. `host` is its address; `log` gets the output
    of a dockerd that we start. Raises DaemonRejected, NoSpace, EngineUnreachable; Retry when the file is not as `seen`.
    """
    old = write_config(settings.config_file, seen.values, actions)
    needs_restart = any("engine-restart" in action.risks for action in actions)
    try:
        _take(settings, host, log, needs_restart=needs_restart)
    except (DaemonRejected, EngineUnreachable) as error:
        _replace(settings.config_file, old)
        # a bad authorization plugin ends a dockerd that only reloads
        if needs_restart or isinstance(error, EngineUnreachable):
            control.restart(settings.control, host, log)
        raise


@dataclass(frozen=True, slots=True)
class OldFile:
    """What stood in the config file before, None when there was none."""

    content: bytes | None
    mode: int = 0o644
    owner: tuple[int, int] | None = None


def write_config(path: Path, seen: Document | None, actions: Sequence[Action]) -> OldFile:
    """Merge the actions' values into the file at `path`, written whole or not at all; return what was there.

    A link stays a link: its target is written. Mode and owner stay. Raises Retry when it no longer holds what was `seen`.
    """
    old = _read(path)
    values = _parse(path, old)
    if values != (dict(seen) if seen is not None else None):
        raise Retry("daemon-file-changed", path=str(path))
    for action in actions:
        if action.kind == "unset":
            values.pop(action.object, None)
        else:
            values[action.object] = action.params["value"]
    content = json.dumps(values, indent=2, ensure_ascii=False) + "\n"
    _replace(path, OldFile(content.encode(), old.mode, old.owner))
    return old


def _take(settings: DaemonSettings, host: str, log: Path | None, *, needs_restart: bool) -> None:
    if needs_restart:
        control.restart(settings.control, host, log)
    else:
        control.reload(settings.control, host)


def _read(path: Path) -> OldFile:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            return OldFile(file.read(), stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid))
    except FileNotFoundError:
        return OldFile(None)


def _parse(path: Path, old: OldFile) -> dict[str, Json]:
    if old.content is None:
        return {}
    try:
        # as the engine reads it: a byte order mark, nothing at all and `null` are fine
        text = old.content.decode("utf-8-sig")
        values = json.loads(text) if text.strip() else None
    except ValueError:
        raise Retry("daemon-file-changed", path=str(path)) from None
    if not isinstance(values, dict | None):
        raise Retry("daemon-file-changed", path=str(path))
    return values or {}


def _replace(path: Path, wanted: OldFile) -> None:
    real = path.resolve()
    with explained(str(real)):
        if wanted.content is None:
            real.unlink(missing_ok=True)
            return
        make_folder(real.parent)
        with folder_handle(real.parent, "") as handle:
            put_in_place(handle, write_beside(handle, real.name, wanted.content, wanted.mode, wanted.owner), real.name)
