"""Turn what compose says about a stack into a problem with file, line and hint.

Room 1 (desired); may import redact and model. Compose's own words stay; the place is found from our marks, since compose often
names none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reconciler.desired.composefiles import ComposeFile, Reading
from reconciler.desired.interpolate import Unclear
from reconciler.desired.layout import StackLayout
from reconciler.model import Position, Problem
from reconciler.redact import quoted
from reconciler.yamlfile import Path

_CODES = (
    (re.compile(r"required variable (?P<name>\w+)"), "compose-needs-variable"),
    (re.compile(r"no such file or directory|not found: stat"), "compose-file-missing"),
    (re.compile(r"[Aa]dditional propert"), "compose-unknown-key"),
)
_NOISE = re.compile(
    r"^(?:time=.*|decoding failed due to the following error\(s\):|yaml: unmarshal errors:)$"
    r"|: invalid compose project$|^validating \S+: ",
    re.MULTILINE,
)
_UNKNOWN_KEY = re.compile(
    r"(?P<path>services\.\S+|\(root\))? ?[Aa]dditional propert(?:y|ies) '?(?P<key>[^' ]+)'? (?:is )?not"
)
_DOTTED = re.compile(r"(?<![\w.])(?P<path>(?:services|networks|volumes|configs|secrets)[.\[][^\s':]+)")
_SERVICE = re.compile(r'service "(?P<name>[^"]+)"')
_YAML_LINE = re.compile(r"line (\d+): ")
_VALUE = re.compile(r"(?:[:,] |')(?P<value>[^\s',]{2,})'?$")
_ABOUT = (
    ("depends on", "depends_on"), ("network", "networks"), ("volume", "volumes"), ("secret", "secrets"),
    ("config", "configs"), ("extend", "extends"),
)  # fmt: skip


def complaint(layout: StackLayout, reading: Reading, words: str) -> Problem:
    """Make a problem of compose's words, in which paths are those of the stack's stable folder."""
    place = _place(layout, reading, words) or Position(layout.origin(layout.compose_files[0]))
    said = _plain(layout, words)
    code, name = next(((code, match) for pattern, code in _CODES if (match := pattern.search(said))), ("", None))
    args = {"stack": layout.name, "words": said, **(name.groupdict() if name else {})}
    return Problem(f"stack/{layout.name}", "InvalidSource", code or "compose-refuses", args, place.file, place.line)


def _plain(layout: StackLayout, words: str) -> str:
    """Name files as the repository does, drop warnings and padding, hide the device's own values."""
    for file in sorted(layout.files, key=lambda file: -len(file.path)):
        words = words.replace(f"{layout.folder}/{file.path}", file.origin)
    words = words.replace(f"{layout.folder}/", "")
    for secret in sorted({*layout.secrets, *map(quoted, layout.secrets)}, key=len, reverse=True):
        words = words.replace(secret, "…")
    return " ".join(_NOISE.sub("", words).split())


def _place(layout: StackLayout, reading: Reading, words: str) -> Position | None:
    for file, path in _candidates(layout, reading, words):
        if path in file.yaml.lines:
            return layout.position(file.path, file.yaml.lines[path])
    if (lines := _YAML_LINE.findall(words)) and (named := _named(layout, reading, words)):
        return layout.position(named.path, int(lines[-1]))
    return next(_nearest(layout, reading, words), None)


def _candidates(layout: StackLayout, reading: Reading, words: str) -> Iterator[tuple[ComposeFile, Path]]:
    """Yield exact places that the words may mean, the best first."""
    files = tuple(reversed(reading.files))
    if unknown := _UNKNOWN_KEY.search(words):
        path = unknown["path"] or ""
        yield from ((file, (*_walk(file, path), unknown["key"])) for file in files)
    yield from _missing_file(layout, files, words)
    if service := _SERVICE.search(words):
        for key in (key for word, key in _ABOUT if word in words):
            yield from ((file, ("services", service["name"], key)) for file in files)
        yield from ((file, ("services", service["name"])) for file in files)
    if not _DOTTED.search(words) and (value := _VALUE.search(words.strip())):
        yield from ((file, path) for file in files for path, text in file.yaml.texts.items() if value["value"] in text)


def _missing_file(
    layout: StackLayout, files: tuple[ComposeFile, ...], words: str
) -> Iterator[tuple[ComposeFile, Path]]:
    for file in files:
        for reference in file.references:
            try:
                path = f"{layout.folder}/{file.resolve(reference)}"
            except Unclear:
                continue
            if re.search(rf"{re.escape(path)}(?![\w/.-])", words):
                yield file, reference.at


def _nearest(layout: StackLayout, reading: Reading, words: str) -> Iterator[Position]:
    """Yield the deepest place on the way to a path that the words spell out."""
    dotted = _DOTTED.search(words)
    walks = [(_walk(file, dotted["path"]), file) for file in reversed(reading.files)] if dotted else []
    for path, file in sorted(walks, key=lambda item: -len(item[0])):
        if path:
            yield layout.position(file.path, file.yaml.line(*path))


def _walk(file: ComposeFile, dotted: str) -> Path:
    """Follow `services.web.ports.0` or `services[web].mem_limit` as far as the file goes; names may hold dots."""
    path: Path = ()
    rest = [part for part in re.split(r"[.\[\]]+", dotted) if part]
    while rest:
        for end in range(len(rest), 0, -1):
            name = ".".join(rest[:end])
            step = next((key for key in _steps(name) if (*path, key) in file.yaml.lines), None)
            if step is not None:
                path, rest = (*path, step), rest[end:]
                break
        else:
            break
    return path


def _steps(name: str) -> tuple[str | int, ...]:
    return (name, int(name)) if name.isdecimal() else (name,)


def _named(layout: StackLayout, reading: Reading, words: str) -> ComposeFile | None:
    """Give the file that the words name, else the only one there is."""
    named = [file for file in reading.files if f"{layout.folder}/{file.path}" in words]
    return named[0] if named else reading.files[0] if len(reading.files) == 1 else None
