"""The one status document (formats.md §4), and its short form.

Room 5 (record); may import model. Pure: everything arrives as values, what other rooms judged too. What is blocked and
held comes from the plan's own document, so that both say the same.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TypeAlias, cast

from reconciler.model import Container, DaemonKey, Desired, Document, Health, Json, Mask, Observed, Recorded, Sync

SUMMARY_BYTES = 4096
_WORST = 10
_LOG_LINES = 20
_WORDS = 120
_NOTES = 3
_BELIEVED = "exit code 0 counts as finished: the engine no longer knows whether it was stopped"
_Owner: TypeAlias = "tuple[str | None, str | None]"
_UNDONE = frozenset({"report", "stop_grace", "suspended"})
"""Reasons to hold something that leave git and the engine apart; the others are no difference to act on."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a stack is, as `plan/health.py` judged it; `reason` says in words what is wrong with it, None for nothing.

    `believed` are services that count as finished jobs although nobody knows who ended them.
    """

    health: Health
    reason: str | None = None
    services: Mapping[str, Health] = field(default_factory=dict)
    believed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Live:
    """What the agent does with a stack (`daemon` and `source` too) at this moment: a word of the operation axis.

    `reason` says in words what it waits for; `next` is when it looks at it again, if nothing happens before.
    """

    operation: str = "Idle"
    reason: str | None = None
    next: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the status document is made of.

    `plan` is the plan's document. `desired`, `observed`, `plan` are None where they could not be had; `source_reason` and
    `engine_reason` say in words why, `source_hint` what to do. `source_state` is `ok`, `unreachable` or `unusable`.
    `revisions` are the commits wanted, attempted and applied. `verdicts` are by stack. `device_id` is the machine's id.
    `left_behind` are folders of stacks taken away, with the files in them that were not ours. `live` is by stack, and for
    `daemon` and `source`; `notes` are sentences about this host that belong to none of them. An agent fills these two.
    """

    device: str
    device_id: str
    agent: str
    compose: str | None
    now: datetime
    recorded: Recorded
    revisions: tuple[str | None, str | None, str | None]
    mask: Mask
    desired: Desired | None = None
    observed: Observed | None = None
    plan: Document | None = None
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    source_state: str = "ok"
    source_reason: str | None = None
    source_hint: str | None = None
    engine_reason: str | None = None
    left_behind: Mapping[str, Sequence[str]] = field(default_factory=dict)
    live: Mapping[str, Live] = field(default_factory=dict)
    notes: Sequence[str] = ()


def states(facts: Facts) -> Mapping[str, Sequence[str | None]]:
    """Return what counts as one state of `source`, `daemon` and each `stack/<name>`: since when it is so, the store knows."""
    facts = replace(facts, live={})  # what goes on at the moment does not make another state
    stacks = {f"stack/{name}": _axes(stack) for name, stack in _stacks(facts).items()}
    daemon = _daemon(facts)
    return {
        "source": (facts.source_state, facts.source_reason),
        **stacks,
        **({"daemon": _axes(daemon)} if daemon else {}),
    }


def status_document(facts: Facts, since: Mapping[str, datetime]) -> Document:
    """Return the status document; `since` is what `Store.noted` made of `states`."""
    stacks = {name: stack | {"since": _time(since.get(f"stack/{name}"))} for name, stack in _stacks(facts).items()}
    wanted, attempted, applied = facts.revisions
    engine = facts.observed.engine.version if facts.observed else None
    return {
        "schema": 1,
        "device": facts.device,
        "device_id": facts.device_id,
        "agent": facts.agent,
        "engine": {
            "version": engine,
            "state": "reachable" if facts.observed else "unreachable",
            "reason": facts.engine_reason,
        },
        "compose": facts.compose,
        "observed_at": _time(facts.now) if facts.observed else None,
        "revision": {"wanted": wanted, "attempted": attempted, "applied": applied},
        "source": {
            "state": facts.source_state,
            "since": _time(since.get("source")),
            "reason": facts.source_reason,
            "hint": facts.source_hint,
            **_at_work(facts, "source"),
        },
        "stacks": stacks,
        "daemon": _daemon(facts),
        "unmanaged": list(_unmanaged(facts)),
        "left_behind": {folder: list(files) for folder, files in facts.left_behind.items()},
        "counts": _counts(stacks.values()),
        **({"notes": list(facts.notes)} if facts.notes else {}),
    }


def summary(document: Document) -> Document:
    """Return the short form, at most 4 KB of JSON: the ten worst stacks, without their services, and how many are `omitted`."""
    stacks = cast("Mapping[str, Document]", document["stacks"])
    worst = sorted(stacks, key=lambda name: (_severity(stacks[name]), name))[:_WORST]
    daemon = cast("Document | None", document["daemon"])
    kept = {key: value for key, value in document.items() if key not in ("stacks", "unmanaged", "left_behind")}
    kept["daemon"] = {key: daemon[key] for key in ("sync", "result", "reason")} if daemon else None
    if notes := cast("Sequence[str]", kept.get("notes") or ()):
        kept["notes"] = [note[:_WORDS] for note in notes[:_NOTES]]
    while True:
        short = kept | {"stacks": {name: _brief(stacks[name]) for name in worst}, "omitted": len(stacks) - len(worst)}
        if not worst or len(json.dumps(short, indent=2)) <= SUMMARY_BYTES:
            return short
        worst.pop()


# ── stacks ───────────────────────────────────────────────────────────────────────────────────────


def _stacks(facts: Facts) -> dict[str, dict[str, Json]]:
    owners = _owners(facts)
    of: dict[_Owner, list[Container]] = {}
    for container in facts.observed.containers if facts.observed else ():
        if not container.oneoff:
            of.setdefault((container.project, container.working_dir), []).append(container)
    return {name: _stack(facts, name, of.get(owners[name], [])) for name in sorted(owners)}


def _owners(facts: Facts) -> Mapping[str, _Owner]:
    """Return by stack what its containers are known by: project and folder."""
    recorded = {stack.name: (stack.project, stack.folder) for stack in facts.recorded.stacks.values()}
    desired = {stack.name: (stack.project, stack.folder) for stack in facts.desired.stacks} if facts.desired else {}
    return {**recorded, **desired}


def _stack(facts: Facts, name: str, containers: Sequence[Container]) -> dict[str, Json]:
    target = f"stack/{name}"
    verdict = facts.verdicts.get(name) or _plain_verdict(containers)
    recorded = facts.recorded.stacks.get(name)
    blocked, held = _entries(facts, "blocked", target), _entries(facts, "held", target)
    live, suspended = facts.live.get(name, Live()), _suspended(facts, name)
    moments = [str(entry["until"]) for entry in held if entry.get("until")]
    moments += [at] if (at := _time(live.next)) else []
    health = "Suspended" if suspended else verdict.health
    return {
        "sync": _sync(facts, target, blocked, held),
        "health": health if facts.observed else None,
        "operation": live.operation,
        "result": recorded.result if recorded else None,
        "pending": len(_entries(facts, "actions", target)),
        "blocked": blocked,
        "held": held,
        "reason": live.reason or (str(blocked[0]["text"]) if blocked else verdict.reason),
        "since": None,
        "next": min(moments, default=None),
        "services": _services(facts.mask, verdict, containers),
        **suspended,
    }


def _suspended(facts: Facts, name: str) -> dict[str, Json]:
    one = facts.recorded.suspended.get(name)
    if one is None or (one.until is not None and one.until <= facts.now):
        return {}
    return {"suspended": {"who": one.who, "reason": one.reason, "since": _time(one.since), "until": _time(one.until)}}


def _at_work(facts: Facts, name: str) -> dict[str, Json]:
    live = facts.live.get(name)
    return {"operation": live.operation, "next": _time(live.next)} if live else {}


def _sync(facts: Facts, target: str, blocked: Sequence[Document], held: Sequence[Document]) -> Sync:
    if facts.plan is None or facts.observed is None:
        return "Unknown"
    apart = any(entry["why"] in _UNDONE for entry in held)
    return "OutOfSync" if blocked or apart or _entries(facts, "actions", target) else "Synced"


def _plain_verdict(containers: Sequence[Container]) -> Verdict:
    """Judge a stack that nobody could judge against git: by its containers alone."""
    if not containers:
        return Verdict("Missing")
    well = all(c.state == "running" and c.health in (None, "healthy") for c in containers)
    return Verdict("Healthy" if well else "Degraded")


def _services(mask: Mask, verdict: Verdict, containers: Sequence[Container]) -> dict[str, Json]:
    of: dict[str, list[Container]] = {name: [] for name in verdict.services}
    for container in containers:
        of.setdefault(container.service or "", []).append(container)
    notes: Mapping[str, dict[str, Json]] = {name: {"note": _BELIEVED} for name in verdict.believed}
    return {name: _service(mask, verdict.services.get(name), of[name]) | notes.get(name, {}) for name in sorted(of)}


def _service(mask: Mask, health: Health | None, containers: Sequence[Container]) -> dict[str, Json]:
    worst = min(containers, key=lambda c: (c.state == "running", c.health != "unhealthy", c.name), default=None)
    if worst is None:
        return {"state": "missing", "health": (health or "Missing").lower(), "containers": []}
    well = health == "Healthy"
    word = "healthy" if well else worst.health or (health.lower() if health else None)
    service: dict[str, Json] = {
        "state": worst.state,
        "health": word,
        "containers": sorted(c.name for c in containers),
    }
    if not well and worst.state != "running":
        service["exit_code"] = worst.exit_code
    if not well and worst.log_tail:
        service["log"] = [mask("log", line) for line in worst.log_tail[-_LOG_LINES:]]
    return service


# ── daemon ───────────────────────────────────────────────────────────────────────────────────────


def _daemon(facts: Facts) -> dict[str, Json] | None:
    if facts.desired is None or facts.desired.daemon is None:
        return None
    keys = {key.name: _key(facts, key) for key in facts.desired.daemon.keys}
    blocked, held = _entries(facts, "blocked", "daemon"), _entries(facts, "held", "daemon")
    sync = _sync(facts, "daemon", blocked, held)
    waits = any(key["state"] == "pending restart" for key in keys.values())
    return {
        "sync": "OutOfSync" if waits and sync == "Synced" else sync,
        "result": facts.recorded.daemon_result,
        "reason": facts.live.get("daemon", Live()).reason or (str(blocked[0]["text"]) if blocked else None),
        **_at_work(facts, "daemon"),
        "pending": len(_entries(facts, "actions", "daemon")),
        "blocked": blocked,
        "held": held,
        "keys": dict(sorted(keys.items())),
    }


def _key(facts: Facts, key: DaemonKey) -> dict[str, Json]:
    observed = facts.observed.daemon if facts.observed else None
    file = (observed.values or {}).get(key.name) if observed else None
    effective = observed.effective if observed else {}
    return {
        "owner": key.owner,
        "desired": facts.mask(key.name, key.value),
        "file": facts.mask(key.name, file),
        "effective": facts.mask(key.name, effective.get(key.name)),
        "state": _key_state(facts, key, file, effective),
    }


def _key_state(facts: Facts, key: DaemonKey, file: Json, effective: Document) -> str:
    if facts.observed is None:
        return "unknown"
    if _alike(file) != _alike(key.value) or _entries(facts, "actions", f"daemon/{key.name}"):
        return "out of sync"
    if key.name not in effective:
        return "unverifiable"
    return "in sync" if _alike(effective[key.name]) == _alike(file) else "pending restart"


def _alike(value: Json) -> Json:
    """Write a value as the engine may: lists of words in any order, addresses with or without a slash at the end."""
    if isinstance(value, str):
        return value.rstrip("/")
    if isinstance(value, Sequence):
        return sorted((_alike(each) for each in value), key=lambda each: json.dumps(each, sort_keys=True))
    return value


# ── the rest ─────────────────────────────────────────────────────────────────────────────────────


def _entries(facts: Facts, kind: str, target: str) -> list[Document]:
    found = cast("Sequence[Document]", (facts.plan or {}).get(kind) or ())
    return [entry for entry in found if f"{entry['target']}/".startswith(f"{target}/")]


def _axes(part: Mapping[str, Json] | None) -> tuple[str | None, ...]:
    words = ((part or {}).get(key) for key in ("sync", "health", "result", "reason"))
    return tuple(None if word is None else str(word) for word in words)


def _unmanaged(facts: Facts) -> Iterable[str]:
    ours = set(_owners(facts).values())
    foreign = (
        c for c in (facts.observed.containers if facts.observed else ()) if (c.project, c.working_dir) not in ours
    )
    return sorted({c.project or c.name for c in foreign})


def _counts(stacks: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    return dict(sorted(Counter(word for stack in stacks for word in _words(stack)).items()))


def _words(stack: Mapping[str, Json]) -> Iterator[str]:
    yield str(stack["sync"])
    if stack["health"] not in ("Healthy", None):
        yield str(stack["health"])


_ORDER = ("Degraded", "Missing", "None", "Progressing", "Suspended", "Healthy")


def _severity(stack: Document) -> tuple[int, bool, bool]:
    return _ORDER.index(str(stack["health"])), not stack["blocked"], stack["sync"] == "Synced"


def _brief(stack: Document) -> dict[str, Json]:
    blocked = cast("Sequence[Document]", stack["blocked"])
    texts = [{"reason": entry["reason"], "text": str(entry["text"])[:_WORDS]} for entry in blocked[:1]]
    reason = None if stack["reason"] is None else str(stack["reason"])[:_WORDS]
    brief = {key: stack[key] for key in ("sync", "health", "operation", "result", "since")}
    return {**brief, "blocked": texts, "reason": None if texts else reason}


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
