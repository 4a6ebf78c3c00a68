"""The dockerd settings wanted on this device: the layers' daemon.json, and the keys that belong to the system.

Room 1 (desired); may import tree, layers, schema, errors and model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.desired.layers import Layer
from reconciler.desired.tree import Entry, Tree
from reconciler.errors import InvalidSource
from reconciler.model import DaemonKey, DesiredDaemon, Json, Position, Problem

_SPACE = re.compile(r"[ \t\r\n]*")


@dataclass(frozen=True, slots=True)
class JsonFile:
    """The top-level keys of a JSON object, each with its value and line."""

    values: Mapping[str, Json]
    lines: Mapping[str, int]


def desired_daemon(
    tree: Tree,
    others: Mapping[str, Entry],
    layers: Sequence[Layer],
    owned: Mapping[str, Json],
    positions: Mapping[str, Position],
) -> DesiredDaemon:
    """Merge the layers' daemon.json by top-level key; a key that the system owns is refused there."""
    keys: dict[str, DaemonKey] = {}
    problems: list[Problem] = []
    for layer in layers:
        entry = others.get(f"{layer.folder}daemon.json")
        if entry is None:
            continue
        file = tree.origin(entry.path)
        try:
            parsed = read_json(_regular(tree, entry), file)
        except InvalidSource as error:
            problems.append(error.problem("daemon", "DaemonRejected"))
            continue
        problems += [_owned_problem(key, file, parsed.lines[key]) for key in parsed.values if key in owned]
        keys |= {key: _git_key(key, value, Position(file, parsed.lines[key])) for key, value in parsed.values.items()}
    keys |= {key: DaemonKey(key, value, "system", positions.get(key)) for key, value in owned.items()}
    return DesiredDaemon(tuple(keys[key] for key in sorted(keys)), tuple(problems))


def _git_key(name: str, value: Json, position: Position) -> DaemonKey:
    return DaemonKey(name, value, "git", position)


def _owned_problem(key: str, file: str, line: int) -> Problem:
    return Problem(f"daemon/{key}", "DaemonRejected", "daemon-key-owned", {"key": key}, file, line)


def _regular(tree: Tree, entry: Entry) -> bytes:
    if entry.kind not in ("file", "executable"):
        raise InvalidSource("daemon-link", file=tree.origin(entry.path))
    return tree.read(entry)


def read_json(content: bytes, file: str) -> JsonFile:
    """Read a JSON object and the line of each top-level key. Raises InvalidSource with file and line."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidSource("not-utf8", file=file, line=content.count(b"\n", 0, error.start) + 1) from None
    try:
        return _object(text)
    except json.JSONDecodeError as error:
        raise InvalidSource("json-syntax", file=file, line=error.lineno, words=error.msg) from None
    except ValueError as error:  # a number with more digits than Python reads
        raise InvalidSource("json-syntax", file=file, line=1, words=str(error)) from None
    except RecursionError:
        raise InvalidSource("json-syntax", file=file, line=1, words="nested too deeply") from None


def _object(text: str) -> JsonFile:
    """Walk the members of the outermost object; what they hold is left to the json module."""
    decoder = json.JSONDecoder(
        object_pairs_hook=lambda pairs: _unique(pairs, text), parse_constant=lambda word: _no_constant(word, text)
    )
    values: dict[str, Json] = {}
    lines: dict[str, int] = {}
    at = _expect(text, 0, "{", "a JSON object is wanted here")
    more = text[at : at + 1] != "}"
    while more:
        start = at
        _expect(text, at, '"', "a key in double quotes is wanted here")
        key, at = decoder.raw_decode(text, at)
        if key in values:
            raise json.JSONDecodeError(f"the key {key!r} stands here twice, first in line {lines[key]}", text, start)
        lines[key] = text.count("\n", 0, start) + 1
        values[key], at = decoder.raw_decode(text, _expect(text, at, ":", "a colon is missing here"))
        at = _skip(text, at)
        more = text[at : at + 1] == ","
        at = _skip(text, at + 1) if more else at
    at = _expect(text, at, "}", "a comma or a closing brace is missing here")
    if at != len(text):
        raise json.JSONDecodeError("something follows the object", text, at)
    return JsonFile(values, lines)


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return match.end() if match else at


def _expect(text: str, at: int, sign: str, otherwise: str) -> int:
    """Return the place after a sign and the space around it."""
    at = _skip(text, at)
    if text[at : at + 1] != sign:
        raise json.JSONDecodeError(otherwise, text, at)
    return _skip(text, at + 1)


def _unique(pairs: Sequence[tuple[str, Json]], text: str) -> dict[str, Json]:
    keys = [key for key, _ in pairs]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise json.JSONDecodeError(f"the key {twice!r} stands in one object twice", text, text.rfind(f'"{twice}"'))
    return dict(pairs)


def _no_constant(word: str, text: str) -> Json:
    raise json.JSONDecodeError(f"{word} is not JSON", text, text.find(word))
