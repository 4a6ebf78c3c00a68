"""Digest what compose does not hash: repository files behind binds, configs, secrets and build contexts.

Room 1 (desired); may import model. From git's blob ids, so no file is read.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Mapping

from reconciler.desired.layout import StackLayout
from reconciler.desired.shapes import get, items
from reconciler.model import Document, Json, StackFile

_SLOW = {"n": 2**12, "r": 8, "p": 1}
"""A value from the environment may be a short password: its digest must not be cheap to guess."""


class Inputs:
    """Digests of one rendered stack; `configs` and `secrets` are its top-level ones."""

    def __init__(self, layout: StackLayout, configs: Mapping[str, Document], secrets: Mapping[str, Document]) -> None:
        self._layout = layout
        self._parts = {"config": configs, "secret": secrets}
        self._valued: dict[str, str] = {}

    def of(self, service: Document) -> dict[str, str]:
        """Return the inputs of one service, named as `DesiredService.inputs` says."""
        found = [*self._binds(service), *self._profiles(service), *self._contents(service), *self._build(service)]
        return dict(sorted(found))

    def _binds(self, service: Document) -> Iterator[tuple[str, str]]:
        for volume in items(service.get("volumes")):
            if get(volume, "type") == "bind":
                yield from self._path("bind", get(volume, "source"))

    def _profiles(self, service: Document) -> Iterator[tuple[str, str]]:
        """Digest seccomp profiles: compose reads them and sends their content."""
        for option in items(service.get("security_opt")):
            if isinstance(option, str) and option.startswith(("seccomp=", "seccomp:")):
                yield from self._path("profile", posixpath.join(self._layout.folder, option[len("seccomp=") :]))

    def _contents(self, service: Document) -> Iterator[tuple[str, str]]:
        for kind, defined in self._parts.items():
            for item in items(service.get(f"{kind}s")):
                name = item if isinstance(item, str) else get(item, "source")
                if isinstance(name, str) and (digest := self._content(defined.get(name, {}))):
                    yield f"{kind}:{name}", digest

    def _content(self, item: Document) -> str | None:
        path = self._inside(item.get("file"))
        if path is not None:
            return _digest(self._below(path))
        variable = item.get("environment")
        if isinstance(variable, str):
            return self._slow(self._layout.variables.get(variable, ""))
        text = item.get("content")
        return hashlib.sha256(text.encode()).hexdigest() if isinstance(text, str) else None

    def _build(self, service: Document) -> Iterator[tuple[str, str]]:
        """Digest a build's contexts together; what the document itself says is compared as a field."""
        build = service.get("build")
        context = self._inside(get(build, "context"))
        if context is None:
            return
        extra = get(build, "additional_contexts")
        extras = [self._inside(path) for path in (extra.values() if isinstance(extra, Mapping) else ())]
        dockerfile = self._inside(posixpath.join(self._layout.folder, context, str(get(build, "dockerfile") or "")))
        paths = [path for path in (context, *extras, dockerfile) if path is not None]
        files = {file.path: file for path in paths for file in self._below(path)}
        yield f"build:{context or '.'}", _digest(files.values())

    def _path(self, kind: str, value: Json) -> Iterator[tuple[str, str]]:
        path = self._inside(value)
        files = self._below(path) if path is not None else []
        if files:
            yield f"{kind}:{path or '.'}", _digest(files)

    def _inside(self, value: Json) -> str | None:
        """Return a path from the stack's folder on ("" is the folder itself), None when it is elsewhere."""
        if not isinstance(value, str):
            return None
        path = posixpath.normpath(value)
        if path == self._layout.folder:
            return ""
        start = f"{self._layout.folder}/"
        return path.removeprefix(start) if path.startswith(start) else None

    def _below(self, path: str) -> list[StackFile]:
        return [
            file for file in self._layout.files if file.path == path or not path or file.path.startswith(f"{path}/")
        ]

    def _slow(self, value: str) -> str:
        if value not in self._valued:
            self._valued[value] = hashlib.scrypt(value.encode(), salt=self._layout.name.encode(), **_SLOW).hex()
        return self._valued[value]


def _digest(files: Iterable[StackFile]) -> str:
    lines = (f"{file.path}\0{file.digest}\0{int(file.executable)}\n" for file in sorted(files, key=lambda f: f.path))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
