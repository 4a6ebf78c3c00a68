"""Say of one thing why it is as it is: what changed it, what was repaired since, what is still to do and what that waits for.

Pipeline; may import every room. Nothing is given as a reason that is not written down, or seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, cast

from reconciler.model import GOOD, Document, Json, Position, Problem, SourceState
from reconciler.pipeline.blame import Blame
from reconciler.pipeline.history import fields_document, run_document
from reconciler.pipeline.report import gather_facts
from reconciler.pipeline.targets import DAEMON, Target, all_targets, find_target, owner
from reconciler.pipeline.waiting import waiting
from reconciler.plan.document import maybe_problem_document, time_text
from reconciler.plan.texts import cause_text
from reconciler.record.status import Facts, Live, states, status_document

if TYPE_CHECKING:
    from reconciler.model import Container
    from reconciler.pipeline.rooms import Rooms
    from reconciler.record.changes import Change
    from reconciler.record.history import Done

_NOTHING: Mapping[str, Live] = {}
_ASIDE = frozenset({"pull", "build"})
"""Kinds that only prepare something."""


def why(
    rooms: Rooms,
    word: str,
    source: SourceState | None,
    problem: Problem | None = None,
    *,
    live: Mapping[str, Live] = _NOTHING,
    patient: bool = False,
) -> Document:
    """Look, and return the answer for what `word` names; all else as for `report_status`. Raises UnknownTarget."""
    facts = replace(gather_facts(rooms, source, problem, patient=patient), live=live)
    desired, recorded = facts.desired, facts.recorded
    changed = rooms.store.changed_targets()
    seen = facts.observed.containers if facts.observed else ()
    containers = [(one, owner(one, desired, recorded)) for one in seen]
    target = find_target(word, all_targets(desired, recorded, changed), containers)
    status = status_document(facts, rooms.store.noted(states(facts), facts.now))
    return Answer(rooms, facts, target, status).document()


class Answer:
    """Everything that can be said of one target."""

    def __init__(self, rooms: Rooms, facts: Facts, target: Target, status: Document) -> None:
        self._store = rooms.store
        self._facts = facts
        self._target = target
        self._status = status
        self._blame = Blame(rooms.repository, facts.device)
        self._own = self._containers()

    def document(self) -> Document:
        """Return the document of `why --json`."""
        target, entry = self._target, self._entry()
        change = self._last_change()
        pending, failed, held = self._pending(), self._failed(), self._entries(entry, "held")
        place = self._place(target.name)
        return {
            "schema": 1,
            "target": target.name,
            "kind": target.kind,
            "stack": target.stack if target.kind != DAEMON else None,
            "ours": target.stack is not None,
            "state": self._state(entry),
            "reason": entry.get("reason") if target.kind in ("stack", DAEMON) else None,
            "since": entry.get("since"),
            "file": place.file if place else None,
            "line": place.line if place else None,
            "changed": self._changed(change) if change else None,
            "repaired": self._repaired(change),
            "failed": failed,
            "pending": pending,
            "waiting": waiting(self._status, self._narrowed(entry, held, open_yet=bool(pending or failed))),
            "held": held,
            "blocked": list(cast("Sequence[Document]", entry.get("blocked") or ())),
            "suspended": entry.get("suspended"),
            "container": self._container(self._own[0]) if self._is_one() else None,
            "containers": [one.name for one in self._own],
        }

    # ── what there is ────────────────────────────────────────────────────────────────────────────

    def _entry(self) -> Document:
        """Return what the status says of the stack, or of the daemon part."""
        part = self._status.get(DAEMON) if self._target.kind == DAEMON else None
        stacks = cast("Mapping[str, Document]", self._status["stacks"])
        return cast("Document | None", part) or stacks.get(self._target.stack or "") or {}

    def _containers(self) -> Sequence[Container]:
        target, observed = self._target, self._facts.observed
        if target.container is not None:
            return (target.container,)
        if target.kind not in ("stack", "service") or observed is None:
            return ()
        own = (c for c in observed.containers if not c.oneoff)
        ours = (c for c in own if owner(c, self._facts.desired, self._facts.recorded) == target.stack)
        return tuple(c for c in ours if target.kind == "stack" or c.service == target.last)

    def _is_one(self) -> bool:
        return len(self._own) == 1 and self._target.kind != "stack"

    def _state(self, entry: Document) -> str:
        """Say in a few words how it is."""
        if self._target.kind == DAEMON:
            keys = cast("Mapping[str, Document]", entry.get("keys") or {})
            known = keys.get(self._target.last)
            return str(known["state"] if known else entry.get("sync") or "not managed")
        if self._target.kind in ("service", "container"):
            return ", ".join(dict.fromkeys(map(_condition, self._own))) or "not there"
        return ", ".join(str(entry[key]) for key in ("sync", "health") if entry.get(key)) or "not there"

    def _place(self, name: str, path: str = "") -> Position | None:
        """Find where in git it stands that a thing, or a field of it, is wanted."""
        desired = self._facts.desired
        if self._target.kind == DAEMON:
            keys = desired.daemon.keys if desired and desired.daemon else ()
            return next((key.position for key in keys if f"{DAEMON}/{key.name}" == name), None)
        stack = next((one for one in (desired.stacks if desired else ()) if one.name == self._target.stack), None)
        if stack is None or name == f"stack/{stack.name}":
            return stack.position if stack else None
        for service in stack.services:
            if name == f"stack/{stack.name}/service/{service.name}":
                key = path.replace("[", ".").partition(".")[0]
                return service.positions.get(key) or service.positions.get("") or stack.position
        objects = {f"network/{one.key}": one.position for one in stack.networks}
        objects |= {f"volume/{one.key}": one.position for one in stack.volumes}
        return objects.get(name.removeprefix(f"stack/{stack.name}/"))

    def _container(self, container: Container) -> Document:
        stack = self._target.stack
        made = self._store.maker(stack, container.name) if stack else None
        created = (container.document or {}).get("Created")
        if made and created and datetime.fromisoformat(str(created)) > made.at:
            made = None  # that was one of the same name; who made this one, a killed agent had no time to write down
        return {
            "name": container.name,
            "id": container.id,
            "service": container.service,
            "project": container.project,
            "image": container.image,
            "image_id": container.image_id,
            "state": container.state,
            "health": container.health,
            "exit_code": container.exit_code,
            "stopped_by_hand": container.stopped_by_hand,
            "stopped_at": time_text(container.stopped_at),
            "created": str(created) if created else None,
            "made": self._deed(made) if made else None,
            "log": list(container.log_tail),
        }

    # ── what was done ────────────────────────────────────────────────────────────────────────────

    def _last_change(self) -> Change | None:
        changes = self._store.changes(self._target.stack) if self._target.stack else {}
        covered = [change for name, change in changes.items() if self._target.covers(name)]
        return max(covered, key=lambda change: (int(change.run.id), "/service/" in change.target), default=None)

    def _changed(self, change: Change) -> Document:
        cause = change.cause
        place = Position(cause.file, cause.line) if cause and cause.file else self._first_place(change)
        to_blame = self._blame.of(self._target, change)
        return {
            **run_document(change.run),
            "target": change.target,
            "kind": change.kind,
            "object": change.object,
            "because": change.because,
            "text": cause_text(cause) if cause else None,
            "file": place.file if place else None,
            "line": place.line if place else None,
            "fields": cast("list[Json]", fields_document(change.fields)),
            "commit": to_blame.commit,
            "subject": to_blame.subject,
            "author": to_blame.author,
            "at": time_text(change.at),
        }

    def _first_place(self, change: Change) -> Position | None:
        return self._place(change.target, change.fields[0].path if change.fields else "")

    def _repaired(self, change: Change | None) -> Document | None:
        """Return the last thing that was done since the change, for whatever other reason."""
        since = change.run.id if change else "0"
        done = self._store.done(self._target.stack, since) if self._target.stack else ()
        return next((self._deed(one) for one in done if one.ok and self._concerns(one)), None)

    def _concerns(self, one: Done) -> bool:
        name = self._target.container.name if self._target.container else one.object
        return one.kind not in _ASIDE and self._target.covers(one.target) and one.object == name

    def _deed(self, one: Done) -> Document:
        return {
            **run_document(one.run),
            "target": one.target,
            "kind": one.kind,
            "object": one.object,
            "because": one.because,
            "text": cause_text(one.cause),
            "file": one.cause.file,
            "line": one.cause.line,
            "fields": cast("list[Json]", fields_document(one.fields)),
            "at": time_text(one.at),
        }

    def _failed(self) -> Document | None:
        """Return what the last attempt at the stack failed with, as long as none has succeeded."""
        known = self._facts.recorded.stacks.get(self._target.stack or "")
        if known is None or known.result in (None, *GOOD) or known.problem is None:
            return None
        told = next(iter(self._store.history(1, known.name)), None)
        run = {**run_document(told.run), "at": time_text(told.run.ended or told.run.started)} if told else {}
        return {**run, "result": known.result, "problem": maybe_problem_document(known.problem)}

    # ── what is to do ────────────────────────────────────────────────────────────────────────────

    def _pending(self) -> list[Json]:
        """Return what the plan has to do about it."""
        container = self._target.container
        actions = cast("Sequence[Document]", (self._facts.plan or {}).get("actions") or ())
        own = (one for one in actions if self._target.covers(str(one["target"])))
        return [_pending(one) for one in own if container is None or one["object"] == container.name]

    def _narrowed(self, entry: Document, held: Sequence[Json], *, open_yet: bool) -> Document:
        """Leave out of a stack's entry what only other services of it wait for."""
        if self._target.kind in ("stack", DAEMON):
            return entry
        services = cast("Mapping[str, Document]", entry.get("services") or {})
        health = str((services.get(self._target.last) or {}).get("health")).capitalize()
        reason = entry.get("reason") if open_yet else None
        return {
            **entry,
            "held": held,
            "health": health,
            "reason": reason,
            "next": entry.get("next") if open_yet else None,
        }

    def _entries(self, entry: Document, kind: str) -> list[Json]:
        """Return the entries about this target, and those about the whole stack."""
        found = cast("Sequence[Document]", entry.get(kind) or ())
        whole = DAEMON if self._target.kind == DAEMON else f"stack/{self._target.stack}"
        return [one for one in found if one["target"] == whole or self._target.covers(str(one["target"]))]


def _pending(action: Document) -> Document:
    cause = cast("Document", action["cause"])
    said = {key: cause[key] for key in ("text", "file", "line", "commit")}
    return {key: action[key] for key in ("target", "kind", "object", "because", "risks", "fields")} | said


def _condition(container: Container) -> str:
    """Say how a container is: running, exited with a code, healthy or not."""
    code = f" with code {container.exit_code}" if container.state == "exited" else ""
    return f"{container.state}{code}" + (f", {container.health}" if container.health else "")
