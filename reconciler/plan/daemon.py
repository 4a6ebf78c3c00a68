"""Plan the dockerd settings: the system's keys over git's over what stands in the file.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.model import (
    Action,
    Because,
    Cause,
    DaemonKey,
    Desired,
    DesiredDaemon,
    Document,
    FieldDiff,
    Json,
    Kind,
    Mask,
    Observed,
    ObservedDaemon,
    Problem,
    Recorded,
)
from reconciler.plan.daemon_checks import check_keys
from reconciler.plan.daemon_keys import is_live
from reconciler.plan.findings import same
from reconciler.plan.ourselves import without_restarts
from reconciler.plan.scene import Draft


def plan_daemon(desired: Desired, observed: Observed, recorded: Recorded, mask: Mask) -> Draft:
    """Plan every key of daemon.json that differs.

    What git says is rejected as a whole where something is wrong with it; the system's keys are enforced all the same.
    """
    if desired.daemon is None:
        return Draft()
    wrong = check_keys(desired.daemon, observed.engine.version)
    problems = (*desired.daemon.problems, *wrong)
    if observed.daemon is None:
        return Draft(blocked=(*problems, Problem("daemon", "DaemonRejected", "daemon-unread")))
    if observed.daemon.values is None:
        return Draft(blocked=(*problems, observed.daemon.problem or _unreadable(observed.daemon)))
    pen = _Pen(observed.daemon, recorded, observed.engine.version, mask, desired.revision.commit)
    keys, rejected = _usable(desired.daemon, wrong)
    wanted = {key.name for key in keys}
    written = [pen.write(key) for key in keys if not pen.stands(key) or pen.is_unread(key)]
    ours = frozenset() if rejected else recorded.daemon_applied.keys() | recorded.daemon_begun.keys()
    dropped = [pen.drop(name) for name in sorted(ours - wanted) if pen.is_still_ours(name)]
    return without_restarts(Draft((*written, *dropped), problems), observed, keys)


def _usable(desired: DesiredDaemon, wrong: Sequence[Problem]) -> tuple[list[DaemonKey], bool]:
    """Return the keys that can be set, sorted, and whether git's are rejected: all of them, whichever is wrong."""
    bad = {problem.target for problem in wrong}
    good = [key for key in desired.keys if f"daemon/{key.name}" not in bad]
    rejected = bool(desired.problems) or any(key.owner == "git" for key in desired.keys if key not in good)
    usable = [key for key in good if not (rejected and key.owner == "git")]
    return sorted(usable, key=lambda key: key.name), rejected


@dataclass(frozen=True, slots=True)
class _Pen:
    seen: ObservedDaemon
    recorded: Recorded
    engine: str
    mask: Mask
    commit: str

    @property
    def values(self) -> Document:
        return self.seen.values or {}

    def stands(self, key: DaemonKey) -> bool:
        """Tell whether a key is in the file as it is wanted."""
        return key.name in self.values and same(self.values[key.name], key.value)

    def is_unread(self, key: DaemonKey) -> bool:
        """Tell whether dockerd may not have read a key yet: who wrote it was ended, and the engine does not show it."""
        effective = self.seen.effective
        shown = key.name in effective and same(effective[key.name], key.value)
        return key.name in self.recorded.daemon_begun and not shown

    def write(self, key: DaemonKey) -> Action:
        """Plan to set a key, or to put it back where somebody else changed it."""
        because, code = self._why(key)
        place = key.position
        cause = Cause(
            code,
            {"key": key.name, "owner": key.owner},
            commit=self.commit if because == "change" and key.owner == "git" else None,
        ).at(place)
        return self._action(key.name, "put-back" if because == "drift" else "set", because, cause, key.value)

    def drop(self, name: str) -> Action:
        """Plan to take out a key that git set once and no longer names."""
        cause = Cause("daemon-key-gone", {"key": name}, commit=self.commit)
        return self._action(name, "unset", "removed", cause, None)

    def is_still_ours(self, name: str) -> bool:
        """Tell whether a key has the value that git gave it: another one is somebody else's by now."""
        begun = self.recorded.daemon_begun
        if name not in self.values:
            return name in begun and begun[name] is None  # taken out of the file, and dockerd may not know
        return any(self._is_as(name, self.values[name], known) for known in (self.recorded.daemon_applied, begun))

    def _why(self, key: DaemonKey) -> tuple[Because, str]:
        if self.stands(key):
            return "change", "daemon-not-told"
        if key.owner == "system":
            return ("drift", "daemon-edited") if key.name in self.values else ("missing", "daemon-owned")
        if self._is_as(key.name, key.value, self.recorded.daemon_applied):
            return "drift", "daemon-edited"
        return "change", "daemon-changed"

    def _is_as(self, name: str, value: Json, known: Document) -> bool:
        return name in known and same(self._masked(name, value), self._masked(name, known[name]))

    def _action(self, name: str, kind: Kind, because: Because, cause: Cause, value: Json) -> Action:
        live = is_live(name, self.engine, unset=kind == "unset")
        there = self.seen.effective if cause.code == "daemon-not-told" else self.values
        known, seen = self.recorded.daemon_applied.get(name), there.get(name)
        diff = FieldDiff(name, self._masked(name, value), self._masked(name, known), self._masked(name, seen))
        return Action(
            target=f"daemon/{name}",
            kind=kind,
            because=because,
            cause=cause,
            object=name,
            params={"value": value, "live": live},
            fields=(diff,),
            risks=() if live else ("engine-restart",),
        )

    def _masked(self, name: str, value: Json) -> Json:
        return self.mask(f"daemon.{name}", value)


def _unreadable(daemon: ObservedDaemon) -> Problem:
    return Problem("daemon", "DaemonRejected", "daemon-not-json", {"path": daemon.path})
