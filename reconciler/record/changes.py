"""The last change of each service, network, volume and daemon key, kept whatever was repaired since and however long ago.

Room 5 (record); may import model. A change is what git brought; what somebody else did and we put right is none.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from reconciler.model import Action, AppliedStack, Cause, Document, FieldDiff, StackOutcome
from reconciler.record import rows
from reconciler.record.history import KEPT_RUNS, RUN, RUN_COLUMNS, Run, load_run

_CHANGES = frozenset({"change", "input", "removed"})
_ASIDE = frozenset({"pull", "build"})
"""Kinds that only prepare a change."""


@dataclass(frozen=True, slots=True)
class Change:
    """The last change of a target: in which run, from which commit on (`before`, None: there was nothing).

    `kind`, `object`, `because` and `cause` are those of the action that brought it; all None where none is known to have
    been needed: whoever carried it out was killed before it could be written down.
    """

    target: str
    run: Run
    at: datetime
    before: str | None
    kind: str | None
    object: str | None
    because: str | None
    cause: Cause | None
    fields: tuple[FieldDiff, ...]


def note_changes(db: sqlite3.Connection, run: str, outcome: StackOutcome, applied: AppliedStack | None = None) -> None:
    """Write down what changed; to be called before `applied`, which a second look has proved, replaces what was."""
    found = db.execute("SELECT applied FROM stack WHERE name = ?", (outcome.stack,)).fetchone()
    then = rows.load_applied(found[0]) if found else None
    pen = _Pen(db, run, outcome, then.revision if then else None)
    noted = pen.note_actions()
    if applied is None:
        return
    was, now = _parts(outcome.stack, then), _parts(outcome.stack, applied)
    if pen.before != applied.revision:
        changed = [target for target, part in now.items() if was.get(target) != part]
        pen.note_differences(was, now, sorted(set(changed) - noted - pen.targets("NOT proved")))
    db.execute("UPDATE change SET proved = 1 WHERE stack = ?", (outcome.stack,))
    long_gone = sorted(pen.targets("run < ?", int(run) - KEPT_RUNS) - now.keys())
    db.executemany("DELETE FROM change WHERE stack = ? AND target = ?", [(outcome.stack, one) for one in long_gone])


def read_changes(db: sqlite3.Connection, stack: str) -> Mapping[str, Change]:
    """Read the last change of each target of a stack, or of the daemon part."""
    query = (
        f"SELECT {RUN}, target, at, before, kind, object, because, cause, fields "  # noqa: S608 - our own words
        "FROM change JOIN run ON run.id = change.run WHERE stack = ? ORDER BY target"
    )
    return {change.target: change for change in map(_change, db.execute(query, (stack,)))}


@dataclass(frozen=True, slots=True)
class _Pen:
    """Writes the changes of one stack in one run; `before` is the revision that was applied until then."""

    db: sqlite3.Connection
    run: str
    outcome: StackOutcome
    before: str | None

    def targets(self, where: str, *values: object) -> set[str]:
        query = f"SELECT target FROM change WHERE stack = ? AND {where}"  # noqa: S608 - our own words
        return {target for (target,) in self.db.execute(query, (self.outcome.stack, *values))}

    def note_actions(self) -> set[str]:
        """Write down what was done for the sake of a change, proved or not; return the targets."""
        known = self.targets("because IS NOT 'removed'")  # what git took away and brings back is new
        of: dict[str, list[Action]] = {}
        for one in self.outcome.outcomes:
            if one.ok and self._is_change(one.action, known):
                of.setdefault(one.action.target, []).append(one.action)
        for target, actions in of.items():
            self._write(target, actions[0], [diff for action in actions for diff in action.fields])
        return set(of)

    def note_differences(
        self, was: Mapping[str, Document], now: Mapping[str, Document], targets: Iterable[str]
    ) -> None:
        """Write down what is proved to be another thing than before, whatever action brought it."""
        made = {one.action.target: one.action for one in reversed(self.outcome.outcomes) if one.ok}
        for target in targets:
            self._write(target, made.get(target), list(_differences(was.get(target), now[target])))

    def _is_change(self, action: Action, known: Collection[str]) -> bool:
        if action.kind in _ASIDE:
            return False
        first = action.because == "missing" and self.before is None and action.target not in known
        forced = action.because == "cascade" and any(one.action.because in _CHANGES for one in self.outcome.outcomes)
        return first or forced or action.because in _CHANGES

    def _write(self, target: str, action: Action | None, fields: Sequence[FieldDiff]) -> None:
        why = (action.kind, action.object, action.because, rows.dump_cause(action.cause)) if action else (None,) * 4
        at = datetime.now(UTC).isoformat()
        values = (self.outcome.stack, target, int(self.run), at, self.before, *why, rows.dump_fields(fields))
        self.db.execute("INSERT OR REPLACE INTO change VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)", values)


def _parts(stack: str, applied: AppliedStack | None) -> Mapping[str, Document]:
    """Return, by target, what is compared from one apply to the next."""
    if applied is None:
        return {}
    services = {f"service/{name}": {**one.document, **one.inputs} for name, one in applied.services.items()}
    objects = {f"network/{key}": document for key, document in applied.networks.items()}
    objects |= {f"volume/{key}": document for key, document in applied.volumes.items()}
    return {f"stack/{stack}/{rest}": document for rest, document in (services | objects).items()}


def _differences(was: Document | None, now: Document) -> Iterator[FieldDiff]:
    """Name the fields of a thing that was there before; of a new one there is nothing to compare."""
    if was is not None:
        for path in sorted(was.keys() | now.keys()):
            if was.get(path) != now.get(path):
                yield FieldDiff(path, now.get(path), was.get(path), was.get(path))


def _change(row: Sequence[Any]) -> Change:
    target, at, before, kind, thing, because, cause, fields = row[RUN_COLUMNS:]
    why = rows.load_cause(cause) if cause else None
    when, diffs = datetime.fromisoformat(at), rows.load_fields(fields)
    return Change(target, load_run(row[:RUN_COLUMNS]), when, before, kind, thing, because, why, diffs)
