"""Resolve `${…}` in a path the way compose will, so that the path can be judged before compose sees it.

Room 1 (desired); imports nothing of ours. Used for checks only: what a compose file means is what compose renders.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_HEAD = re.compile(r"\$(?:(?P<escaped>\$)|(?P<named>[A-Za-z_][A-Za-z0-9_]*)|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*))")
_OPERATOR = re.compile(r":?[-+?]")
_BRACES = re.compile(r"\$\{|\}")


class Unclear(ValueError):
    """What the text will become cannot be known."""


def interpolate(text: str, lookup: Callable[[str], str | None]) -> str:
    """Replace every variable of a text; `lookup` gives None for one that is not set. Raises Unclear."""
    result, at = [], 0
    while (start := text.find("$", at)) >= 0:
        result.append(text[at:start])
        value, at = _variable(text, start, lookup)
        result.append(value)
    return "".join([*result, text[at:]])


def _variable(text: str, start: int, lookup: Callable[[str], str | None]) -> tuple[str, int]:
    head = _HEAD.match(text, start)
    if head is None:
        raise Unclear(text)
    if head["escaped"]:
        return "$", head.end()
    if head["named"]:
        return lookup(head["named"]) or "", head.end()
    end = _closing(text, head.end())
    return _braced(head["braced"], text[head.end() : end], lookup), end + 1


def _closing(text: str, at: int) -> int:
    depth = 1
    for brace in _BRACES.finditer(text, at):
        depth += 1 if brace[0] == "${" else -1
        if depth == 0:
            return brace.start()
    raise Unclear(text)


def _braced(name: str, rest: str, lookup: Callable[[str], str | None]) -> str:
    """Give the value of `${NAME<operator>other}`; a required one that is missing is left for compose to say."""
    value = lookup(name)
    if not rest:
        return value or ""
    operator = _OPERATOR.match(rest)
    if operator is None:
        raise Unclear(rest)
    kind, other = operator[0][-1], rest[operator.end() :]
    is_set = bool(value) if operator[0][0] == ":" else value is not None
    if kind == "+":
        return interpolate(other, lookup) if is_set else ""
    if kind == "-" and not is_set:
        return interpolate(other, lookup)
    return value or ""
