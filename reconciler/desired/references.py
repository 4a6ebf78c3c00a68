"""Find every place where a compose file names another file, folder or address.

Room 1 (desired); may import model. Shapes that compose would refuse are passed over here: compose says so itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reconciler.desired.shapes import get, items, mapping
from reconciler.model import Json
from reconciler.yamlfile import Path

Kind: TypeAlias = Literal[
    "file", "include", "extends", "project", "context", "extra-context", "profile", "key", "cache"
]


@dataclass(frozen=True, slots=True)
class Reference:
    """One such place: `key` in the file's words, the path `at` which it stands, the `text` as written.

    `below` is a folder (as written) that the text starts from, for a Dockerfile its context. Of a `cache` the text is the
    whole entry, `type=local,src=…`.
    """

    kind: Kind
    key: str
    at: Path
    text: str
    below: str = ""


def references(model: Json) -> Iterator[Reference]:
    """Yield every reference of one compose file, in the order of the file's parts."""
    yield from _includes(get(model, "include"))
    for name, service in mapping(get(model, "services")).items():
        yield from _service(("services", name), service)
    for part in ("configs", "secrets"):
        for name, item in mapping(get(model, part)).items():
            yield from _one("file", f"{part}.{name}.file", (part, name, "file"), get(item, "file"))


def binds(service: Json) -> Iterator[tuple[Path, str]]:
    """Yield where a service mounts something, and the source as written."""
    for index, item in enumerate(items(get(service, "volumes"))):
        source = item.split(":")[0] if isinstance(item, str) else get(item, "source")
        if isinstance(source, str):
            yield ("volumes", index), source


def _includes(value: Json) -> Iterator[Reference]:
    for index, item in enumerate(items(value)):
        at: Path = ("include", index)
        yield from _one("include", "include", at, item)
        yield from _strings("include", "include", (*at, "path"), get(item, "path"))
        yield from _one(
            "project", "include.project_directory", (*at, "project_directory"), get(item, "project_directory")
        )
        yield from _strings("file", "include.env_file", (*at, "env_file"), get(item, "env_file"))


def _service(at: Path, service: Json) -> Iterator[Reference]:
    for key in ("env_file", "label_file"):
        yield from _strings("file", key, (*at, key), get(service, key))
    yield from _one("extends", "extends", (*at, "extends", "file"), get(get(service, "extends"), "file"))
    yield from _one(
        "file", "credential_spec", (*at, "credential_spec", "file"), get(get(service, "credential_spec"), "file")
    )
    for index, option in enumerate(items(get(service, "security_opt"))):
        yield from _profile((*at, "security_opt", index), option)
    yield from _build((*at, "build"), get(service, "build"))


def _profile(at: Path, option: Json) -> Iterator[Reference]:
    """Compose reads a seccomp profile from its own disk and sends the content."""
    if isinstance(option, str) and option.startswith(("seccomp=", "seccomp:")):
        path = option[len("seccomp=") :]
        if path not in ("unconfined", "builtin"):
            yield Reference("profile", "security_opt", at, path)


def _build(at: Path, build: Json) -> Iterator[Reference]:
    yield from _one("context", "build", at, build)
    context = get(build, "context")
    yield from _one("context", "build.context", (*at, "context"), context)
    below = context if isinstance(context, str) else ""
    yield from _one("file", "build.dockerfile", (*at, "dockerfile"), get(build, "dockerfile"), below)
    extra = get(build, "additional_contexts")
    yield from _pairs("extra-context", "build.additional_contexts", (*at, "additional_contexts"), extra)
    yield from _pairs("key", "build.ssh", (*at, "ssh"), get(build, "ssh"))
    for key in ("cache_from", "cache_to"):
        for index, item in enumerate(items(get(build, key))):
            yield from _one("cache", f"build.{key}", (*at, key, index), item)


def _pairs(kind: Kind, key: str, at: Path, value: Json) -> Iterator[Reference]:
    """Read `{name: text}` or `[name=text]`."""
    for name, text in mapping(value).items():
        yield from _one(kind, key, (*at, name), text)
    for index, item in enumerate(items(value)):
        if isinstance(item, str) and "=" in item:
            yield Reference(kind, key, (*at, index), item.partition("=")[2])


def _strings(kind: Kind, key: str, at: Path, value: Json) -> Iterator[Reference]:
    """Read `text`, `{path: text}` or a list of both."""
    yield from _one(kind, key, at, value)
    yield from _one(kind, key, (*at, "path"), get(value, "path"))
    for index, item in enumerate(items(value)):
        yield from _one(kind, key, (*at, index), item)
        yield from _one(kind, key, (*at, index, "path"), get(item, "path"))


def _one(kind: Kind, key: str, at: Path, value: Json, below: str = "") -> Iterator[Reference]:
    if isinstance(value, str):
        yield Reference(kind, key, at, value, below)
