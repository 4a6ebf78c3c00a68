"""Lay a status out as blocks of cells that both a pipe and a terminal can show.

Face; imports model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from reconciler.cli.inert import inert
from reconciler.cli.statusdoc import GOOD_KEYS, StackView, View, mapping, sequence, service_good, shown, text
from reconciler.model import Document

BAD_WORDS = frozenset(
    {"Degraded", "Missing", "RolledBack", "FailedUnchanged", "FailedPartial", "Rejected", "unreachable"}
)
PROSE = "REASON"
"""The head of a last column that holds whole sentences."""
GOOD_WORDS = frozenset({"Synced", "Healthy", "Applied", "NoChange", "ok", "reachable", *GOOD_KEYS})


@dataclass(frozen=True, slots=True)
class Cell:
    """A piece of text and how it is meant: `good`, `bad`, `odd`, `head`, `name`, `dim` or plain."""

    text: str
    tone: str = ""


Row = tuple[Cell, ...]
Block = tuple[Row, ...]
When = Callable[[str], str]


def blocks(document: Document, when: When = str) -> tuple[Block, ...]:
    """Lay a status out; `when` says a point of time."""
    view = View(document)
    parts = (_head(view), _stacks(view, when), _daemon(view), tuple(_details(view, when)), tuple(_tail(view)))
    return tuple(part for part in parts if part)


def overview(document: Document) -> str:
    """Print a status for a pipe: stable columns, full times, no colour."""
    return "\n\n".join("\n".join(_aligned(block)) for block in blocks(document))


def _aligned(block: Block) -> Iterator[str]:
    tables = [row for row in block if len(row) > 1]
    widths = [max(len(row[column].text) for row in tables if column < len(row)) for column in range(_columns(tables))]
    for row in block:
        padded = [cell.text.ljust(widths[at]) if len(row) > 1 else cell.text for at, cell in enumerate(row)]
        yield "  ".join(padded).rstrip()


def _columns(rows: Sequence[Row]) -> int:
    return max((len(row) for row in rows), default=0)


def _head(view: View) -> Block:
    document = view.document
    engine, revision, source = (mapping(document.get(key)) for key in ("engine", "revision", "source"))
    reachable, ok = view.engine_state == "reachable", view.source_problem is None
    state = f"{text(engine.get('version'))}, reachable" if reachable else text(engine.get("reason")) or "unreachable"
    versions = f"{state}; compose {text(document.get('compose')) or 'not found'}"
    hint = text(source.get("hint"))
    return (
        (Cell("device", "dim"), Cell(text(document.get("device")), "name")),
        (Cell("engine", "dim"), Cell(versions, "" if reachable else "bad")),
        (Cell("revision", "dim"), Cell(_commits(revision))),
        (Cell("source", "dim"), Cell(view.source_problem or text(source.get("state")), "" if ok else "bad")),
        *(((Cell("", "dim"), Cell(f"hint: {hint}")),) if hint else ()),
    )


def _commits(revision: Document) -> str:
    known = {word: text(revision.get(word))[:12] for word in ("wanted", "attempted", "applied")}
    if len(set(known.values())) == 1 and known["applied"]:
        return f"{known['applied']}, applied"
    return ", ".join(f"{word} {commit or 'none'}" for word, commit in known.items())


def _stacks(view: View, when: When) -> Block:
    head = tuple(Cell(word, "head") for word in ("STACK", "SYNC", "HEALTH", "RESULT", "SERVICES", "SINCE", PROSE))
    rows = tuple(_stack(stack, when) for stack in view.stacks)
    return (head, *rows) if rows else ((Cell("No stacks on this device.", "dim"),),)


def _stack(stack: StackView, when: When) -> Row:
    services = stack.services
    well = sum(service_good(service) for service in services.values())
    blocked = sequence(stack.document.get("blocked"))
    reason = str((mapping(blocked[0]) if blocked else stack.document).get("reason") or "")
    operation = stack.word("operation")
    busy = f"{operation} " if operation not in {"Idle", "-"} else ""
    return (
        Cell(inert(stack.name), "name"),
        *(_toned(stack.word(key)) for key in ("sync", "health", "result")),
        Cell(f"{well}/{len(services)}" if services else "-", "" if well == len(services) else "bad"),
        Cell(when(text(stack.document.get("since"))) or "-", "dim"),
        Cell(busy + text(next(iter(reason.splitlines()), ""))),
    )


def _daemon(view: View) -> Block:
    if view.daemon is None:
        return ()
    head = tuple(Cell(word, "head") for word in ("DAEMON KEY", "OWNER", "STATE", "DESIRED", "FILE", "EFFECTIVE"))
    rows = tuple(_key(name, key) for name, key in view.keys.items())
    return (head, *rows) if rows else ((Cell(f"daemon settings: {view.daemon.word('sync')}"),),)


def _key(name: str, key: Document) -> Row:
    values = (Cell(shown(key.get(part))) for part in ("desired", "file", "effective"))
    return (Cell(inert(name), "name"), Cell(text(key.get("owner"))), _toned(text(key.get("state"))), *values)


def _details(view: View, when: When) -> Iterator[Row]:
    for part in (*view.stacks, *((view.daemon,) if view.daemon else ())):
        lines = list(_detail(part, when))
        if lines:
            yield (Cell(inert(part.name), "name"),)
            yield from ((Cell(f"  {line}", tone),) for line, tone in lines)


def _detail(part: StackView, when: When) -> Iterator[tuple[str, str]]:
    for entry in map(mapping, sequence(part.document.get("blocked"))):
        yield f"{text(entry.get('reason'))}: {_where(entry)}{text(entry.get('text'))}", "bad"
        if entry.get("hint"):
            yield f"  hint: {text(entry.get('hint'))}", ""
    for name, service in part.services.items():
        if not service_good(service):
            yield f"{inert(name)}: {_condition(service)}", "bad"
            yield from ((f"  | {text(line)}", "dim") for line in sequence(service.get("log")))
        if service.get("note"):
            yield f"{inert(name)}: {text(service.get('note'))}", "dim"
    if suspended := mapping(part.document.get("suspended")):
        yield _suspension(part.name, suspended, when), "odd"
    for entry in map(mapping, sequence(part.document.get("held"))):
        yield _held(entry, when), "odd"
    if part.document.get("next"):
        yield f"next: {when(text(part.document.get('next')))}", ""


def _suspension(stack: str, entry: Document, when: When) -> str:
    since, until = when(text(entry.get("since"))), when(text(entry.get("until")))
    ends = f"until {until}, or earlier" if until else "until somebody says"
    who = f"suspended by {text(entry.get('who'))} ({since}): {text(entry.get('reason'))}"
    return f"{who}; {ends}: reconciler resume {inert(stack)}"


def _held(entry: Document, when: When) -> str:
    fields = ", ".join(text(mapping(each).get("path")) for each in sequence(entry.get("fields")))
    until = f" until {when(text(entry.get('until')))}" if entry.get("until") else ""
    note = f": {text(entry.get('note'))}" if entry.get("note") else ""
    return f"held: {text(entry.get('target'))} {fields}".rstrip() + f" ({text(entry.get('why'))}{until}){note}"


def _condition(service: Document) -> str:
    state, health, code = (text(service.get(key)) for key in ("state", "health", "exit_code"))
    words = (f"{state} with code {code}" if code else state, health if health != state else "")
    return ", ".join(word for word in words if word)


def _where(entry: Document) -> str:
    if not entry.get("file"):
        return ""
    return f"{text(entry.get('file'))}:{text(entry.get('line'))}: ".replace(":: ", ": ")


def _tail(view: View) -> Iterator[Row]:
    if unmanaged := sequence(view.document.get("unmanaged")):
        yield (Cell(f"Not ours, left alone: {', '.join(map(text, unmanaged))}", "dim"),)
    if omitted := view.document.get("omitted"):
        yield (Cell(f"{text(omitted)} more stacks are left out.", "dim"),)
    yield from ((Cell(f"Note: {text(note)}", "odd"),) for note in sequence(view.document.get("notes")))
    counts = mapping(view.document.get("counts"))
    yield (Cell(", ".join(f"{text(number)} {inert(word)}" for word, number in counts.items()) or "Nothing here yet."),)
    if advice := _advice(view):
        yield (Cell(advice),)


def _advice(view: View) -> str:
    if view.engine_state != "reachable":
        return "The engine does not answer: start it (systemctl start docker), or correct docker.host in the settings."
    parts = (*view.stacks, *((view.daemon,) if view.daemon else ()))
    if all(part.word("sync") != "OutOfSync" for part in parts):
        return ""
    to_do = any(part.document.get("pending") for part in parts)  # an apply leaves alone what is held or blocked
    return "See what differs: reconciler plan." + (" Put it right: reconciler apply." if to_do else "")


def _toned(word: str) -> Cell:
    return Cell(word, "good" if word in GOOD_WORDS else "bad" if word in BAD_WORDS else "odd" if word != "-" else "dim")
