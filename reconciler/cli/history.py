"""The verb `history`: what was done, when, why and for whom.

Face; imports what reaches a desk, and the forms of words.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from reconciler.cli.inert import inert, json_text
from reconciler.cli.moments import local_time
from reconciler.cli.progress import count, seconds
from reconciler.cli.reach import opened
from reconciler.cli.statusdoc import mapping, sequence, shown, text
from reconciler.cli.streams import say
from reconciler.model import Document

_ENDED = "ended"
"""The event of a pass that has come to its end."""
_FIELDS = 6
"""Fields of one action that are printed; the rest is counted."""


def run(config: Path | None, stack: str | None, *, limit: int, follow: bool, as_json: bool) -> int:
    """Print the last runs, and with `follow` those to come; return the exit code. Raises ReconcilerError."""
    with opened(config) as desk:
        events = desk.follow() if follow else iter(())
        document = desk.history(stack, limit)
        if not follow:
            show(document, as_json=as_json)
            return 0
        last = _show_new(_runs(document), 0, as_json=as_json)
        with suppress(KeyboardInterrupt):  # that is how one ends it
            for event in events:
                if event.get("event") == _ENDED:
                    last = _show_new(_runs(desk.history(stack, limit)), last, as_json=as_json)
    return 0


def show(document: Document, *, as_json: bool) -> None:
    """Print a history: as it came for programs, newest last for people."""
    if as_json:
        say(json_text(document))
        return
    runs = _runs(document)
    say("\n\n".join(map("\n".join, _blocks(runs[::-1]))) if runs else "Nothing was done yet.")


def lines(told: Document) -> Iterator[str]:
    """Say one run in lines: when and why it was, of which commit, and what was done."""
    yield "  ".join(part for part in (_when(told), _result(told), _whose(told)) if part)
    if commit := text(told.get("revision"))[:12]:
        subject = f' "{text(told.get("subject"))}"' if told.get("subject") else ""
        author = f" by {text(told.get('author'))}" if told.get("author") else ""
        yield f"  commit {commit}{subject}{author}"
    actions = [mapping(one) for one in sequence(told.get("actions"))]
    for action in actions:
        yield from _action(action)
    said = [text(mapping(action.get("problem")).get("text")) for action in actions]
    for name, stack in mapping(told.get("stacks")).items():
        problem = mapping(mapping(stack).get("problem"))
        if problem and text(problem.get("text")) not in said:
            yield from problem_lines(f"  ! {inert(name)}: {text(mapping(stack).get('result'))}", problem)


def _blocks(runs: Sequence[Document]) -> Iterator[list[str]]:
    """Say runs, oldest first; what failed in the same way again is counted, not said again."""
    for _, group in groupby(runs, _failure):
        first, *again = group
        block = list(lines(first))
        if again:
            times = "once more" if len(again) == 1 else f"{len(again)} times more"
            block.append(f"  the same {times}, last in {_when(again[-1])}  {_whose(again[-1])}")
        yield block


def _failure(told: Document) -> tuple[object, ...]:
    """Return what makes a run that failed the same as another; one that did something is the same as no other."""
    actions = [mapping(one) for one in sequence(told.get("actions"))]
    stacks = mapping(told.get("stacks"))
    problems = [text(mapping(mapping(stack).get("problem")).get("text")) for stack in stacks.values()]
    if not any(problems) or any(action.get("ok") for action in actions):
        return (text(told.get("run")),)
    return (text(told.get("revision")), *stacks, *problems)


def _when(told: Document) -> str:
    return f"run {text(told.get('run'))}  {local_time(text(told.get('started')))}"


def _result(told: Document) -> str:
    """Say how a run ended; where it is told of one stack only, for that one."""
    stacks = [mapping(one) for one in mapping(told.get("stacks")).values()]
    alone = stacks[0].get("result") if len(stacks) == 1 and told.get("result") else None
    return text(alone or told.get("result")) or "did not end"


def _whose(told: Document) -> str:
    """Say what caused a run; of what people ask for, who did."""
    trigger, who = text(told.get("trigger")), text(told.get("who"))
    return f"({trigger} by {who})" if trigger == "command" and who else f"({trigger})"


def _action(action: Document) -> Iterator[str]:
    mark = "✓" if action.get("ok") else "✗"
    done = f"{text(action.get('kind'))} {text(action.get('object'))}".rstrip()
    place = f"; {place_text(action)}" if place_text(action) else ""
    why = f"{text(action.get('because'))}: {text(action.get('text'))}{place}"
    time = seconds(float(str(action.get("seconds") or 0)))
    yield f"  {mark} {text(action.get('target'))}  {done}  ({why})  {time}"
    yield from field_lines(sequence(action.get("fields")), "      ")
    if problem := mapping(action.get("problem")):
        yield from problem_lines("    failed", problem)


def field_lines(fields: Sequence[object], indent: str) -> Iterator[str]:
    """Say what fields were and what they became, one a line."""
    for field in [one for one in fields if isinstance(one, dict)][:_FIELDS]:
        yield f"{indent}{text(field.get('path'))}: {shown(field.get('before'))} → {shown(field.get('after'))}"
    if len(fields) > _FIELDS:
        yield f"{indent}and {count(len(fields) - _FIELDS, 'field')} more"


def problem_lines(lead: str, problem: Document) -> Iterator[str]:
    """Say what was wrong and where, then what to do, further in."""
    place = f"{place_text(problem)}: " if place_text(problem) else ""
    indent = " " * (len(lead) - len(lead.lstrip()) + 2)
    first, *rest = str(problem.get("text") or "").splitlines() or [""]
    yield f"{lead}: {place}{inert(first)}"
    yield from (f"{indent}  {inert(line)}" for line in rest)
    if problem.get("hint"):
        yield f"{indent}{text(problem.get('hint'))}"


def place_text(entry: Document) -> str:
    """Name the place in git that an entry points to, "" for none."""
    line = f":{text(entry.get('line'))}" if entry.get("line") else ""
    return f"{text(entry.get('file'))}{line}" if entry.get("file") else ""


def _runs(document: Document) -> list[Document]:
    return [mapping(one) for one in sequence(document.get("runs"))]


def _show_new(runs: Sequence[Document], last: int, *, as_json: bool) -> int:
    """Print the runs that have ended since, oldest first; return the number of the last one printed."""
    for one in reversed(runs):
        number = int(text(one.get("run")))
        if number > last and one.get("ended"):
            say(json_text(one) if as_json else "\n".join([*lines(one), ""]))
            last = number
    return last
