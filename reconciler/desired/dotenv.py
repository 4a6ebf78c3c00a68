"""Read dotenv text as compose does: quotes, escapes, comments, and references to variables that are known by then.

Room 1 (desired); may import interpolate and errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from reconciler.desired.interpolate import Unclear, interpolate
from reconciler.errors import InvalidSource

_NAME = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*(=|:|(?=\r?\n|$|[ \t]*#))")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_LONE = re.compile(r"\$\$|\$(?![A-Za-z_{$])")
"""A dollar that begins no reference stands for itself, as one that is doubled."""
_REQUIRED = re.compile(r"(?<!\$)\$\{([A-Za-z_][A-Za-z0-9_]*)(:?)\?([^}]*)\}")
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$$"}


@dataclass(frozen=True, slots=True)
class EnvLine:
    """One variable of an env file, its references resolved; `line` counts from 1. None: named without a value."""

    name: str
    value: str | None
    line: int


def read_env(content: bytes, file: str, known: Mapping[str, str]) -> tuple[EnvLine, ...]:
    """Read an env file; `known` are the variables of those before it. Raises InvalidSource with file and line."""
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InvalidSource("not-utf8", file=file, line=content.count(b"\n", 0, error.start) + 1) from None
    found: dict[str, EnvLine] = {}
    values = dict(known)
    for name, raw, quote, line in _assignments(text, file):
        value = _value(raw, quote, values, file, line)
        found[name] = EnvLine(name, value, line)
        if value is not None:
            values[name] = value
    return tuple(found.values())


def _assignments(text: str, file: str) -> Iterator[tuple[str, str | None, str, int]]:
    """Give name, raw value, quote and line of each assignment."""
    at = 0
    while at < len(text):
        blank = re.compile(r"\s*(?:#[^\n]*(?:\n|$))?").match(text, at)
        assert blank
        if blank.end() > at:
            at = blank.end()
            continue
        line = text.count("\n", 0, at) + 1
        head = _NAME.match(text, at)
        if not head:
            raise InvalidSource(
                "env-syntax", file=file, line=line, words=text[at:].split("\n", 1)[0].split("=", 1)[0][:40]
            )
        if not head[2]:
            yield head[1], None, "", line
            at = head.end()
            continue
        raw, quote, at = _raw(text, head.end(), file, line)
        yield head[1], raw, quote, line


def _raw(text: str, at: int, file: str, line: int) -> tuple[str, str, int]:
    """Take the value that begins at `at`: what it holds, its quote, and where it ends."""
    while at < len(text) and text[at] in " \t":
        at += 1
    quote = text[at : at + 1]
    if quote not in ("'", '"') or not quote:
        end = text.find("\n", at)
        value = text[at : end if end >= 0 else len(text)]
        return re.split(r"(?:^|[ \t])#", value, maxsplit=1)[0].rstrip(), "", end if end >= 0 else len(text)
    body = re.compile(rf"(?:[^\\{quote}]|\\.)*", re.DOTALL).match(text, at + 1)
    assert body
    if text[body.end() : body.end() + 1] != quote:
        raise InvalidSource("env-quote", file=file, line=line)
    end = text.find("\n", body.end())
    return body[0], quote, end if end >= 0 else len(text)


def _value(raw: str | None, quote: str, known: Mapping[str, str], file: str, line: int) -> str | None:
    if raw is None:
        return None
    if quote == "'":
        return raw.replace("\\'", "'")
    text = _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[0]), raw) if quote else raw
    for needed in _REQUIRED.finditer(text):
        value = known.get(needed[1])
        if value is None or (needed[2] and not value):
            raise InvalidSource("env-required", file=file, line=line, name=needed[1], words=needed[3])
    try:
        return interpolate(_LONE.sub("$$", text), known.get)
    except Unclear:
        raise InvalidSource("env-reference", file=file, line=line) from None
