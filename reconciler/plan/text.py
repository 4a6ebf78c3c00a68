"""Print a plan as plain text: one line per action, the differing fields beneath it.

Room 3 (plan); may import only model, errors and its own room.

    + create, set, connect, adopt      - remove, unset, disconnect      ~ update, rename, put-back
    ± recreate                         ↑ start, unpause                 ↻ restart        ■ stop
    ↓ pull, build                      ! blocked                        · held           ? note

    ± stack/web/service/api  recreate web-api-1  (change: environment.A differs; stacks/web/compose.yaml:4)  [downtime]
        - environment.A  "1"
        + environment.A  "2"

`-` is what is there, `+` what will be; `(applied …)` is added where what was last applied is neither.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from reconciler.model import Action, FieldDiff, Held, Json, Kind, Plan, Problem
from reconciler.plan.document import summary, time_text
from reconciler.plan.texts import cause_text, problem_hint, problem_text

GLYPHS: Mapping[Kind, str] = {
    "adopt": "+",
    "build": "↓",
    "connect": "+",
    "create": "+",
    "disconnect": "-",
    "pull": "↓",
    "put-back": "~",
    "recreate": "±",
    "remove": "-",
    "rename": "~",
    "restart": "↻",
    "set": "+",
    "start": "↑",
    "stop": "■",
    "unpause": "↑",
    "unset": "-",
    "update": "~",
}
NO_CHANGES = "No changes."
_LONGEST = 240
"""Characters of one value that are printed; the rest is counted."""


def plan_text(plan: Plan) -> str:
    """Return the plan in lines, without a newline at the end; the same plan, the same text."""
    return "\n".join(_lines(plan))


def _lines(plan: Plan) -> Iterator[str]:
    for action in plan.actions:
        yield from action_lines(action)
    for problem in plan.blocked:
        yield from problem_lines(problem, "!", problem.reason)
    for held in plan.held:
        yield from _held_lines(held)
    for note in plan.notes:
        yield from problem_lines(note, "?", "note")
    yield totals(plan)


def totals(plan: Plan) -> str:
    """Say in one line how much there is to do."""
    counts = summary(plan)
    words = ", ".join(f"{count} {word}" for word, count in counts.items())
    if plan.actions:
        return f"Plan: {words}."
    return f"{NO_CHANGES[:-1]}: {words}." if counts else NO_CHANGES


def action_lines(action: Action) -> Iterator[str]:
    """Yield an action's line and those of its fields."""
    done_to = (
        f"{action.kind} {action.object}"
        if action.object and action.target != f"daemon/{action.object}"
        else action.kind
    )
    risks = f"  [{', '.join(action.risks)}]" if action.risks else ""
    yield inert(f"{GLYPHS[action.kind]} {action.target}  {done_to}  ({_why(action)}){risks}")
    for diff in action.fields:
        yield from _field_lines(diff)


def problem_lines(problem: Problem, glyph: str, word: str) -> Iterator[str]:
    """Yield what is wrong, and beneath it what to do."""
    where = f" ({_place(problem.file, problem.line)})" if problem.file else ""
    first, *rest = problem_text(problem).splitlines() or [""]
    yield inert(f"{glyph} {problem.target}  {word}: {first}{where}")
    yield from (f"    {inert(line)}" for line in rest)
    if hint := problem_hint(problem):
        yield f"    {inert(hint)}"


def _held_lines(held: Held) -> Iterator[str]:
    until = f" until {time_text(held.until)}" if held.until else ""
    note = f" ({held.note})" if held.note else ""
    yield inert(f"· {held.target}  held: {held.why}{until}{note}")
    for diff in held.fields:
        yield from _field_lines(diff)


def _why(action: Action) -> str:
    place = _place(action.cause.file, action.cause.line)
    said = f"{action.because}: {cause_text(action.cause)}"
    return f"{said}; {place}" if place else said


def _place(file: str | None, line: int | None) -> str:
    return f"{file}:{line}" if file and line else file or ""


def _field_lines(diff: FieldDiff) -> Iterator[str]:
    if diff.observed is not None:
        yield f"    - {inert(diff.path)}  {value_text(diff.observed)}"
    if diff.desired is not None:
        yield f"    + {inert(diff.path)}  {value_text(diff.desired)}"
    if diff.applied is not None and diff.applied not in (diff.desired, diff.observed):
        yield f"      {inert(diff.path)}  (applied {value_text(diff.applied)})"


def value_text(value: Json) -> str:
    """Write a value as JSON, cut when it is long."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    shown = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} characters)"
    return inert(shown)


# C0 and C1 controls, DEL, the marks that turn or hide text, line separators, and halves of surrogate pairs.
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
    "|[\U000e0000-\U000e007f]"
)


def inert(text: str) -> str:
    """Show as one line, as escapes, what a terminal would obey or show in another order than it stands."""
    return UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    short = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    return short or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}")
