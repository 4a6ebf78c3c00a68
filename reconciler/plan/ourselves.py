"""Do not end the container that the agent itself runs in.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from reconciler.model import Action, DaemonKey, Document, Observed, Problem
from reconciler.plan.scene import Draft

_ENDS = ("recreate", "restart", "stop", "remove")
_LIVE_RESTORE = "live-restore"


def ends_ourselves(draft: Draft, own: str | None) -> Iterator[Problem]:
    """Yield a problem for every action that would end our own container (its id): nobody would carry out the rest."""
    for action in draft.actions if own else ():
        if action.object_id == own and action.kind in _ENDS:
            args = {"container": action.object, "kind": action.kind, "stack": action.stack or ""}
            yield Problem(action.target, "PolicyDenied", "own-container", args, action.cause.file, action.cause.line)


def without_restarts(draft: Draft, observed: Observed, keys: Sequence[DaemonKey]) -> Draft:
    """Refuse, while we run in a container, what needs a restart of the engine, unless containers outlive that."""
    if observed.own_container is None or _outlives(draft.actions, observed, keys):
        return draft
    refused = [action for action in draft.actions if "engine-restart" in action.risks]
    problems = (
        Problem(a.target, "PolicyDenied", "restart-ends-agent", {"key": a.object}, a.cause.file, a.cause.line)
        for a in refused
    )
    kept = tuple(action for action in draft.actions if action not in refused)
    return replace(draft, actions=kept, blocked=(*draft.blocked, *problems))


def _outlives(actions: Iterable[Action], observed: Observed, keys: Iterable[DaemonKey]) -> bool:
    """Tell whether live-restore is on in the running engine, and will still be when it comes back."""
    values: Document = (observed.daemon.values if observed.daemon else None) or {}
    stands = values.get(_LIVE_RESTORE, True)  # not in the file: it is on by dockerd's own arguments
    wanted = next((key.value for key in keys if key.name == _LIVE_RESTORE), stands)
    dropped = any(action.object == _LIVE_RESTORE and action.kind == "unset" for action in actions)
    return bool(observed.engine.info.get("LiveRestoreEnabled")) and bool(wanted) and not dropped
