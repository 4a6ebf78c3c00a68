"""Our YAML: 1.2 scalars, unique keys, every value knows its line.

Below the rooms; may import errors and model. What a compose file means is only what compose renders: `outline` reads one
for positions and for the checks made before compose sees it, nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from reconciler.errors import InvalidSource
from reconciler.model import Json

Path: TypeAlias = tuple[str | int, ...]

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 64
MAX_VALUES = 200_000  # an alias bomb passes this long before it hurts

_NULL = re.compile(r"^(?:~|null|Null|NULL|)$")
_BOOL = re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$")
_INT = re.compile(r"^(?:[-+]?[0-9]{1,400}|0o[0-7]+|0x[0-9a-fA-F]+)$")
_FLOAT = re.compile(
    r"^[-+]?(?:(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|\.inf|\.Inf|\.INF)$|^\.(?:nan|NaN|NAN)$"
)
_PREFIX = "tag:yaml.org,2002:"
_MERGE = _PREFIX + "merge"
_TAGS = frozenset(("str", "merge", "null", "bool", "int", "float", "map", "seq"))
_COMPOSE_TAGS = frozenset(("!reset", "!override"))


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # the C one where PyYAML has it
    """The safe loader with nothing but the implicit types of YAML 1.2's core schema."""

    yaml_implicit_resolvers: dict[str | None, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 # PyYAML's own shape


for _tag, _pattern, _first in (
    ("null", _NULL, ["~", "n", "N", ""]),
    ("bool", _BOOL, list("tTfF")),
    ("int", _INT, list("-+0123456789")),
    ("float", _FLOAT, list("-+.0123456789")),
    ("merge", re.compile(r"^<<$"), ["<"]),
):
    _Loader.add_implicit_resolver(_PREFIX + _tag, _pattern, _first)


@dataclass(frozen=True, slots=True)
class YamlFile:
    """A parsed file. `lines` and `texts` are by path: the line of each value, and each scalar as it was written."""

    file: str
    value: Json
    lines: Mapping[Path, int] = field(default_factory=dict)
    texts: Mapping[Path, str] = field(default_factory=dict)

    def line(self, *path: str | int) -> int | None:
        """Return the line of a value, or of the nearest value around it that is there."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.lines:
                return self.lines[path[:end]]
        return None


def load(data: bytes | str, file: str) -> YamlFile:
    """Read one of our own files; `file` is the name for messages. Raises InvalidSource with the line."""
    return _read(data, file, strict=True)


def outline(data: bytes | str, file: str) -> YamlFile:
    """Read a compose file for its positions: foreign tags and repeated keys pass. Raises InvalidSource with the line."""
    return _read(data, file, strict=False)


def _read(data: bytes | str, file: str, *, strict: bool) -> YamlFile:
    node = _compose(_decode(data, file), file)
    if node is None:
        return YamlFile(file, None, {(): 1})
    walk = _Walk(file, strict)
    return YamlFile(file, walk.value(node, ()), walk.lines, walk.texts)


def _decode(data: bytes | str, file: str) -> str:
    if len(data) > MAX_BYTES:
        raise InvalidSource("yaml-too-large", file=file)
    if isinstance(data, str):
        return data
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidSource("not-utf8", file=file, line=data.count(b"\n", 0, error.start) + 1) from None


def _compose(text: str, file: str) -> yaml.Node | None:
    try:
        node: yaml.Node | None = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise _syntax(error, text, file) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InvalidSource("yaml-syntax", file=file, line=line, words="a control character stands here") from None
    except RecursionError:
        raise InvalidSource("yaml-too-deep", file=file) from None
    return node


def _syntax(error: yaml.MarkedYAMLError, text: str, file: str) -> InvalidSource:
    if error.context == "while scanning a quoted scalar" and error.context_mark:
        return InvalidSource("yaml-quote", file=file, line=error.context_mark.line + 1)
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines() or [""]
    line = min(mark.line + 1, len(lines)) if mark else None
    if line and re.match(r" *\t", lines[line - 1]):
        return InvalidSource("yaml-tab", file=file, line=line)
    if error.problem == "but found another document":
        return InvalidSource("yaml-documents", file=file, line=line)
    words = ", ".join(part for part in (error.context, error.problem) if part)
    return InvalidSource("yaml-syntax", file=file, line=line, words=words)


class _Walk:
    """Turn nodes into values, noting line and text of each by its path."""

    def __init__(self, file: str, strict: bool) -> None:
        self.file = file
        self.strict = strict
        self.lines: dict[Path, int] = {}
        self.texts: dict[Path, str] = {}
        self.seen = 0

    def value(self, node: yaml.Node, path: Path) -> Json:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if len(path) > MAX_DEPTH:
            raise self._error("yaml-too-deep", node)
        self._count(node)
        self._tag(node)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        self.texts[path] = node.value
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> Json:
        result: dict[str, Json] = {}
        first: dict[str, int] = {}
        for key, item in self._own(node):
            name, line = self._key(key), key.start_mark.line + 1
            if self.strict and name in first:
                raise self._error("yaml-duplicate-key", key, key=name, first=str(first[name]))
            first[name] = line
            self.lines[(*path, name)] = line
            result[name] = self.value(item, (*path, name))
        for key, item in self._merged(node, ()):
            name = self._key(key)
            if name not in result:
                self.lines[(*path, name)] = key.start_mark.line + 1
                result[name] = self.value(item, (*path, name))
        return result

    def _own(self, node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        return ((key, item) for key, item in node.value if key.tag != _MERGE)

    def _merged(self, node: yaml.MappingNode, around: tuple[int, ...]) -> Iterator[tuple[yaml.Node, yaml.Node]]:
        if id(node) in around or len(around) > MAX_DEPTH:
            raise self._error("yaml-too-deep", node)
        self._count(node)
        for key, item in node.value:
            if key.tag != _MERGE:
                continue
            for source in item.value if isinstance(item, yaml.SequenceNode) else [item]:
                if not isinstance(source, yaml.MappingNode):
                    raise self._error("yaml-merge", key)
                yield from self._own(source)
                yield from self._merged(source, (*around, id(node)))

    def _key(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            raise self._error("yaml-key", node)
        self._tag(node)
        return str(node.value)

    def _scalar(self, node: yaml.ScalarNode) -> Json:
        text, kind = str(node.value), node.tag.removeprefix(_PREFIX)
        if kind == "null" and _NULL.match(text):
            return None
        if kind == "bool" and _BOOL.match(text):
            return text.lower() == "true"
        if kind == "int" and _INT.match(text):
            return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
        if kind == "float" and _FLOAT.match(text):
            return float(re.sub(r"\.(?=[a-zA-Z])", "", text))
        return text

    def _tag(self, node: yaml.Node) -> None:
        """Refuse tags that change what a text says: `!!binary` would hide a path from those who judge it."""
        if node.tag.removeprefix(_PREFIX) in _TAGS or (not self.strict and node.tag in _COMPOSE_TAGS):
            return
        raise self._error("yaml-tag", node, tag=node.tag)

    def _count(self, node: yaml.Node) -> None:
        self.seen += 1
        if self.seen > MAX_VALUES:
            raise self._error("yaml-too-large", node)

    def _error(self, code: str, node: yaml.Node, **args: str) -> InvalidSource:
        return InvalidSource(code, file=self.file, line=node.start_mark.line + 1, **args)
