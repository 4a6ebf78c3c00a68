"""Judge a stack's files before any program sees them: nothing may reach out of the stack's folder.

Room 1 (desired); may import model, errors and yamlfile. Everything wrong is said at once, each with file and line.
"""

from __future__ import annotations

import csv
import posixpath
import re
from collections.abc import Iterator, Mapping

from reconciler.desired.composefiles import ComposeFile, Reading, outside, read_compose_files
from reconciler.desired.interpolate import Unclear
from reconciler.desired.layout import Assignment, StackLayout
from reconciler.desired.references import Reference, binds
from reconciler.model import Json, Position, Problem
from reconciler.yamlfile import Path

_REMOTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|[\w.-]+@[\w.-]+:|github\.com/|oci:")
_BUILDER = ("docker-image://", "service:", "target:")
"""Build contexts that are neither files nor fetched by us."""

_RESERVED = re.compile(
    r"(?:COMPOSE|DOCKER|BUILDX|EXPERIMENTAL_BUILDKIT)_|LD_(?:PRELOAD|LIBRARY_PATH|AUDIT)$"
    r"|(?:PATH|HOME|PWD|TMPDIR|SSH_AUTH_SOCK|GODEBUG|SSL_CERT_FILE|SSL_CERT_DIR)$"
    r"|XDG_\w+$|GIT_(?:DIR|WORK_TREE|SSH|SSH_COMMAND|ASKPASS|EXEC_PATH|PROXY_COMMAND|CONFIG\w*)$"
)
"""What compose, or a program it starts, would take as an order to itself."""
_INSTEAD = {
    "COMPOSE_PROJECT_NAME": "name: at the top of the compose file",
    "COMPOSE_FILE": "compose.override.yaml, or include:",
    "COMPOSE_ENV_FILES": "env_files: in stack.yaml",
    "DOCKER_HOST": "docker: {host: …} in the agent's settings",
    "DOCKER_CONFIG": "docker: {config: …} in the agent's settings",
}
_PROJECT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")
_FORBIDDEN_KEYS = {"provider": "provider-refused", "use_api_socket": "api-socket-refused"}


def check_stack(layout: StackLayout) -> tuple[Problem, ...]:
    """Return all that is wrong with a stack's own files; reads its compose files, starts nothing."""
    return check_reading(layout, read_compose_files(layout))


def check_reading(layout: StackLayout, reading: Reading) -> tuple[Problem, ...]:
    """Return all that is wrong, for compose files that are already read."""
    judge = _Judge(layout)
    found = [*reading.problems, *judge.links(), *judge.variables(), *judge.name(reading)]
    for file in reading.files:
        found += judge.file(file)
    return tuple(problem for index, problem in enumerate(found) if problem not in found[:index])


class _Judge:
    """Say what is wrong with one stack, in its own words and places."""

    def __init__(self, layout: StackLayout) -> None:
        self._layout = layout

    def links(self) -> Iterator[Problem]:
        for link in self._layout.links:
            yield self._problem("link-refused", Position(link.origin), path=link.path)

    def variables(self) -> Iterator[Problem]:
        for assignment in self._layout.assignments:
            if _RESERVED.match(assignment.name) and assignment.name != "COMPOSE_PROFILES":
                yield self._reserved(assignment)

    def _reserved(self, assignment: Assignment) -> Problem:
        instead = _INSTEAD.get(assignment.name)
        code = "variable-reserved-instead" if instead else "variable-reserved"
        return self._problem(code, assignment.position, name=assignment.name, instead=instead or "")

    def name(self, reading: Reading) -> Iterator[Problem]:
        """Refuse a folder that is no project name: compose would quietly use another."""
        named = any(isinstance(file.yaml.value, Mapping) and file.yaml.value.get("name") for file in reading.files)
        if not named and not _PROJECT_NAME.fullmatch(self._layout.name) and self._layout.compose_files:
            yield self._problem("folder-no-project-name", self._layout.position(self._layout.compose_files[0]))

    def file(self, file: ComposeFile) -> Iterator[Problem]:
        for reference in file.references:
            yield from self._reference(file, reference)
        model = file.yaml.value if isinstance(file.yaml.value, Mapping) else {}
        services = model.get("services")
        for name, service in services.items() if isinstance(services, Mapping) else ():
            yield from self._service(file, name, service)
        if "service" in model and "services" not in model:
            yield self._problem("service-for-services", self._place(file, ("service",)))

    def _service(self, file: ComposeFile, name: str, service: Json) -> Iterator[Problem]:
        for key, code in _FORBIDDEN_KEYS.items():
            if isinstance(service, Mapping) and service.get(key):
                yield self._problem(code, self._place(file, ("services", name, key)), service=name)
        for at, source in binds(service):
            wrong = "home-in-path" if source.startswith("~") else self._above_root(file, source)
            if wrong:
                yield self._problem(wrong, self._place(file, ("services", name, *at)), path=source)

    def _above_root(self, file: ComposeFile, source: str) -> str | None:
        """Refuse more `..` than there are folders: the copy that is rendered lies deeper, and would end elsewhere."""
        try:
            path = posixpath.normpath(posixpath.join(file.base, file.text(source)))
        except Unclear:
            return None
        return "above-root" if path.split("/").count("..") > self._layout.folder.count("/") else None

    def _reference(self, file: ComposeFile, reference: Reference) -> Iterator[Problem]:
        code = _verdict(self._layout, file, reference)
        if code:
            yield self._problem(code, self._place(file, reference.at), key=reference.key, path=reference.text)

    def _place(self, file: ComposeFile, at: Path) -> Position:
        return self._layout.position(file.path, file.yaml.line(*at))

    def _problem(self, code: str, position: Position | None, **args: str) -> Problem:
        file, line = (position.file, position.line) if position else (None, None)
        stack = self._layout.name
        return Problem(f"stack/{stack}", "InvalidSource", code, {"stack": stack, **args}, file, line)


def _verdict(layout: StackLayout, file: ComposeFile, reference: Reference) -> str | None:
    try:
        path, text = file.resolve(reference), file.text(reference.text)
        caches = _local_caches(text) if reference.kind == "cache" else None
    except (Unclear, csv.Error):
        return "path-unclear"
    if caches is not None:
        return "path-leaves" if any(map(_leaves, caches)) else None
    if reference.kind == "extra-context" and text.startswith(_BUILDER):
        return None
    if _REMOTE.match(text):
        return "remote-refused"
    if outside(path) or text.startswith("~") or (reference.kind == "project" and ".." in text.split("/")):
        return "path-leaves"
    if reference.kind in ("profile", "key") and _leaves(text):
        return "path-leaves"
    if reference.kind == "project" and not any(_is_below(path, other) for other in layout.by_path):
        return "project-folder-absent"
    return None


def _leaves(text: str) -> bool:
    """Say whether a path leaves the stack's folder that starts there whichever file names it."""
    return outside(posixpath.normpath(text))


def _is_below(folder: str, path: str) -> bool:
    return folder == "." or path.startswith(f"{folder}/")


def _local_caches(entry: str) -> list[str]:
    """Return the folders that a cache entry names; it is a line of comma-separated, perhaps quoted fields."""
    fields = [field.partition("=") for line in csv.reader(entry.splitlines()) for field in line]
    return [value for name, _, value in fields if name.strip().lower() in ("src", "dest")]
