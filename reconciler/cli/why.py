"""The verb `why`: what changed a thing, what was repaired since, and what is still to do.

Face; imports what reaches a desk, and the forms of words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from reconciler.cli.history import field_lines, place_text, problem_lines
from reconciler.cli.inert import json_text
from reconciler.cli.moments import local_time
from reconciler.cli.reach import opened
from reconciler.cli.statusdoc import mapping, sequence, text
from reconciler.cli.streams import say
from reconciler.model import Document


def run(config: Path | None, target: str, *, as_json: bool) -> int:
    """Print why something is as it is; return the exit code. Raises ReconcilerError, UnknownTarget among them."""
    with opened(config) as desk:
        document = desk.why(target)
    say(json_text(document) if as_json else "\n".join(sentences(document)))
    return 0


def sentences(answer: Document) -> Iterator[str]:
    """Say the answer in a few sentences: what it is, what changed it, what was repaired, what is to come."""
    yield from _headline(answer)
    if not answer.get("ours"):
        yield "  It was never made by reconciler, and is left alone."
        return
    if answer.get("state") == "not managed":
        yield "  The agent's settings have no `daemon:` part: what dockerd is set to is not looked at."
        return
    yield from _changed(answer)
    if repaired := mapping(answer.get("repaired")):
        yield f"{_done('Put right since,', repaired)}  {_run(repaired)}"
        yield from field_lines(sequence(repaired.get("fields")), "    ")
    yield from _made(mapping(answer.get("container")), mapping(answer.get("changed")), mapping(answer.get("repaired")))
    yield from _open(answer)


def _headline(answer: Document) -> Iterator[str]:
    container = mapping(answer.get("container"))
    name = text(answer.get("target"))
    if answer.get("kind") == "container":
        of = f", of {name}" if answer.get("ours") else ""
        name = f"container {text(container.get('name'))}{of}"
    yield f"{name}: {text(answer.get('state'))}"
    if answer.get("reason") and text(answer.get("reason")) not in _told_below(answer):
        yield f"  {text(answer.get('reason'))}"
    if container.get("stopped_by_hand"):
        when = f" {local_time(text(container.get('stopped_at')))}" if container.get("stopped_at") else ""
        yield f"  Somebody stopped or paused it by hand{when}."
    if container:
        image = f" ({text(container.get('image_id'))[:19]})" if container.get("image_id") else ""
        yield f"  Image {text(container.get('image'))}{image}, container {text(container.get('id'))[:12]}."
        if not answer.get("ours") and container.get("project"):
            yield f"  It belongs to the compose project {text(container.get('project'))}."
    if place := place_text(answer):
        yield f"  Git wants it: {place}."
    yield from (f"  | {text(line)}" for line in sequence(container.get("log")))


def _told_below(answer: Document) -> list[str]:
    """Return what is said in full further down: what failed, and what is in the way."""
    failed = mapping(mapping(answer.get("failed")).get("problem"))
    return [text(one.get("text")) for one in (failed, *map(mapping, sequence(answer.get("blocked"))))]


def _changed(answer: Document) -> Iterator[str]:
    changed = mapping(answer.get("changed"))
    if not changed and sequence(answer.get("containers")):
        yield "When it was last changed is not written down; what runs may be older than our record."
    elif not changed:
        yield "Nothing that was done to it is written down."
    elif changed.get("kind") is None:
        yield f"Changed {local_time(text(changed.get('at')))}: found changed; what was done then is not written down."
    else:
        yield _done("Changed", changed)
    if changed:
        yield from field_lines(sequence(changed.get("fields")), "    ")
        yield f"  {_commit(changed)}"


def _done(word: str, deed: Document) -> str:
    what = f"{text(deed.get('kind'))} {text(deed.get('object'))}".rstrip()
    place = f"; {place_text(deed)}" if place_text(deed) else ""
    why = f"{text(deed.get('because'))}: {text(deed.get('text'))}{place}"
    return f"{word} {local_time(text(deed.get('at')))}: {what}  ({why})"


def _commit(changed: Document) -> str:
    subject = f' "{text(changed.get("subject"))}"' if changed.get("subject") else ""
    author = f" by {text(changed.get('author'))}" if changed.get("author") else ""
    return f"Commit {text(changed.get('commit'))[:12]}{subject}{author}, {_run(changed)}."


def _run(deed: Document) -> str:
    trigger, who = text(deed.get("trigger")), text(deed.get("who"))
    return f"run {text(deed.get('run'))} ({trigger}{f' by {who}' if trigger == 'command' and who else ''})"


def _made(container: Document, changed: Document, repaired: Document) -> Iterator[str]:
    """Say which run made this very container, where that is not said already."""
    made = mapping(container.get("made"))
    told = {text(deed.get("run")) for deed in (changed, repaired)}
    if made and text(made.get("run")) not in told:
        yield f"{_done('This container was made', made)}  {_run(made)}"


def _open(answer: Document) -> Iterator[str]:
    if suspended := mapping(answer.get("suspended")):
        until = f" until {local_time(text(suspended.get('until')))}" if suspended.get("until") else ""
        since = local_time(text(suspended.get("since")))
        yield f"Suspended{until}: {text(suspended.get('reason'))} ({text(suspended.get('who'))}, since {since})."
        yield f"  Look after it again: reconciler resume {text(answer.get('stack'))}"
    yield from _failed(mapping(answer.get("failed")))
    failure = mapping(mapping(answer.get("failed")).get("problem"))
    for blocked in map(mapping, sequence(answer.get("blocked"))):
        if not failure or text(blocked.get("text")) != text(failure.get("text")):
            yield from problem_lines(f"Blocked, {text(blocked.get('reason'))}", blocked)
    yield from _waiting(mapping(answer.get("waiting")), [text(answer.get("reason")), *_told_below(answer)])
    for held in map(mapping, sequence(answer.get("held"))):
        note = f": {text(held.get('note'))}" if held.get("note") else ""
        until = f", until {local_time(text(held.get('until')))}" if held.get("until") else ""
        yield f"Held: {text(held.get('target'))} ({text(held.get('why'))}{until}){note}"
    pending = [mapping(one) for one in sequence(answer.get("pending"))]
    for one in pending:
        place = f"; {place_text(one)}" if place_text(one) else ""
        what = f"{text(one.get('kind'))} {text(one.get('object'))}".rstrip()
        yield f"To do: {what}  ({text(one.get('because'))}: {text(one.get('text'))}{place})"
    if not any(answer.get(key) for key in ("pending", "held", "blocked", "waiting", "failed", "suspended")):
        yield "Nothing is to be done."


def _failed(failed: Document) -> Iterator[str]:
    if failed:
        when = f" {local_time(text(failed.get('at')))} in {_run(failed)}" if failed.get("run") else ""
        yield from problem_lines(f"Failed{when}", mapping(failed.get("problem")))


def _waiting(waiting: Document, said: Sequence[str]) -> Iterator[str]:
    """Say what it waits for, without the words that were said already."""
    if waiting:
        what = text(waiting.get("for"))
        for words in filter(None, said):
            what = what.removesuffix(f": {words}")
        times = [
            f"{word} {local_time(text(waiting[word]))}" for word in ("since", "until", "next") if waiting.get(word)
        ]
        yield f"Waits for {what}" + (f" ({', '.join(times)})" if times else "")
