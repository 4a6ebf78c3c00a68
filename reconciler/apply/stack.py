"""Perform the steps that compose carries out: pull, build, up; and mend the names an interrupted run left behind.

Room 4 (apply); may import compose, engine, process, errors and model. Each is one call for exactly the services that the step
names. Nothing of the output is read; the look afterwards says what happened.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from reconciler import compose, process
from reconciler.engine import EngineClient
from reconciler.errors import EngineRefused, ProgramFailed, PullFailed
from reconciler.model import DesiredStack, Document

PULL_SECONDS = 3600.0
BUILD_SECONDS = 7200.0
UP_SECONDS = 3600.0
"""Compose is never cut short for impatience: an interrupted recreate leaves half a container behind."""

_LEFTOVER = re.compile(r"/[0-9a-f]{12}_(.+)")
_REPLACES = "com.docker.compose.replace"
"""The label of a container that compose made in place of another one."""


@dataclass(frozen=True, slots=True)
class Runner:
    """How compose is run for a stack.

    `program` is the plugin file, `environment` all it gets (`compose.environment`), `lock` the descriptor that `stack_lock`
    yields, `output` gets its lines while it runs. `cut` ends a pull or a build, never an `up`.
    """

    program: str
    environment: Mapping[str, str]
    lock: int | None = None
    output: Callable[[str], None] | None = None
    cut: threading.Event | None = None


def pull(stack: DesiredStack, services: Sequence[str], runner: Runner) -> None:
    """Fetch the images of these services. Raises PullFailed with what compose said, Cut."""
    with _failing_as(PullFailed, "pull-failed", stack, services):
        _run(compose.pull(_project(stack, runner), services), stack, runner, PULL_SECONDS)


def build(stack: DesiredStack, services: Sequence[str], runner: Runner) -> None:
    """Build the images of these services. Raises ProgramFailed with what compose said, Cut."""
    with _failing_as(ProgramFailed, "build-failed", stack, services):
        _run(compose.build(_project(stack, runner), services), stack, runner, BUILD_SECONDS)


def up(stack: DesiredStack, services: Sequence[str], runner: Runner, *, recreate: bool) -> None:
    """Make the containers of exactly these services, all anew or the missing ones. Raises ProgramFailed.

    An interruption of ours waits for compose's own end.
    """
    with _failing_as(ProgramFailed, "up-failed", stack, services):
        _run(compose.up(_project(stack, runner), services, recreate=recreate), stack, runner, UP_SECONDS, whole=True)


def repair_names(engine: EngineClient, project: str, folder: str) -> None:
    """Mend what an interrupted recreate left: a container called `<12 hex digits>_<name>` beside or instead of `<name>`.

    Where the container of that name is still there, the leftover, if it never started, goes; else it gets the name.
    Raises EngineRefused, EngineUnreachable.
    """
    found = engine.containers({"label": (_label("project", project), _label("project.working_dir", folder))})
    leftovers = [
        (document, match[1])
        for document in found
        if _REPLACES in _labels(document)
        for name in _names(document)
        if (match := _LEFTOVER.fullmatch(name))
    ]
    names = {name for document in engine.containers() for name in _names(document)} if leftovers else frozenset()
    for document, wanted in leftovers:
        _mend(engine, document, wanted, taken=f"/{wanted}" in names)


def _mend(engine: EngineClient, document: Document, name: str, *, taken: bool) -> None:
    container = str(document["Id"])
    if not taken:
        engine.rename(container, name)
    elif document.get("State") == "created":
        _remove(engine, container)


def _remove(engine: EngineClient, container: str) -> None:
    try:
        engine.remove_container(container)
    except EngineRefused:
        if engine.inspect_container(container) is not None:
            raise


def _project(stack: DesiredStack, runner: Runner) -> compose.Project:
    return compose.Project(
        runner.program, stack.project, stack.folder, stack.compose_files, stack.env_file, stack.settings.profiles
    )


def _run(argv: Sequence[str], stack: DesiredStack, runner: Runner, seconds: float, *, whole: bool = False) -> None:
    process.run(
        argv,
        env=runner.environment,
        cwd=stack.folder,
        timeout=seconds,
        pass_fds=() if runner.lock is None else (runner.lock,),
        output=runner.output,
        cut=process.NEVER if whole else runner.cut,
    ).require()


@contextmanager
def _failing_as(
    kind: type[PullFailed | ProgramFailed], code: str, stack: DesiredStack, services: Sequence[str]
) -> Iterator[None]:
    try:
        yield
    except ProgramFailed as error:
        words = _without_progress(error.arguments.get("words", "")) or str(error)
        raise kind(code, stack=stack.name, services=", ".join(services), words=words) from error


def _without_progress(words: str) -> str:
    """Leave out what compose indents, its progress, as long as anything else is said."""
    lines = words.strip("\n").splitlines()
    return "\n".join([line for line in lines if not line.startswith(" ")] or lines).strip()


def _label(name: str, value: str) -> str:
    return f"com.docker.compose.{name}={value}"


def _names(document: Document) -> Sequence[str]:
    return cast("Sequence[str]", document.get("Names") or ())


def _labels(document: Document) -> Mapping[str, str]:
    return cast("Mapping[str, str]", document.get("Labels") or {})
