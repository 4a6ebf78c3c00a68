"""Let compose render each stack in a private copy of its folder, once for the same inputs.

Room 1 (desired); may import model, errors, envfile, compose, process and tools. The copy stands at the stable path below
a private root, so that every path compose makes of it becomes the stable one by taking the root away.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from reconciler import compose, process
from reconciler.desired import cache
from reconciler.desired.checks import check_reading
from reconciler.desired.complaints import complaint
from reconciler.desired.composefiles import Reading, content, read_compose_files
from reconciler.desired.inputs import Inputs
from reconciler.desired.layout import StackLayout, telling_lines
from reconciler.desired.positions import Positions
from reconciler.desired.shapes import mapping
from reconciler.envfile import env_text
from reconciler.errors import NoSpace, ProgramFailed
from reconciler.model import DesiredObject, DesiredService, Document, Json, Position, Problem
from reconciler.tools import ComposeTool

_FORMAT = 2
"""Raise it when entries written before can no longer be used, also because more is refused now."""
_TIMEOUT = 60.0
_FILED = ("configs", "secrets")
_WORKERS = 4
_LARGEST_SECRET = 64 * 1024


@dataclass(frozen=True, slots=True)
class Rendered:
    """A stack as compose renders it. With `problems` the rest is empty and `project` only a guess.

    `config_documents` and `secret_documents` are the top-level ones; `secrets` are values that must never be shown.
    """

    project: str
    services: tuple[DesiredService, ...] = ()
    networks: tuple[DesiredObject, ...] = ()
    volumes: tuple[DesiredObject, ...] = ()
    config_documents: Mapping[str, Document] = field(default_factory=dict)
    secret_documents: Mapping[str, Document] = field(default_factory=dict)
    secrets: frozenset[str] = frozenset()
    problems: tuple[Problem, ...] = ()


def render_all(
    layouts: Iterable[StackLayout], tool: ComposeTool, cache_dir: Path, meanwhile: Callable[[], object] = bool
) -> tuple[Rendered, ...]:
    """Check and render stacks in the given order, new ones a few side by side; see `render_stack`.

    A new one is begun as soon as its layout comes: compose works while the others are laid out, and the known ones read.
    `meanwhile` is called once while compose works, if it has to.
    """
    with ThreadPoolExecutor(_WORKERS) as pool:
        begun = [
            layout if cache.holds(cache_dir, layout.name, _key(layout, tool))
            else pool.submit(_fresh, layout, tool, cache_dir)
            for layout in layouts
        ]  # fmt: skip
        if any(isinstance(item, Future) for item in begun):
            meanwhile()
        return tuple(
            item.result() if isinstance(item, Future) else render_stack(item, tool, cache_dir) for item in begun
        )


def render_stack(layout: StackLayout, tool: ComposeTool, cache_dir: Path) -> Rendered:
    """Check a stack (`check_stack` is part of it) and render it; the same inputs start no program and read one file.

    Raises MissingTool when compose cannot be started, NoSpace when `cache_dir` cannot be written.
    """
    return _known(layout, tool, cache_dir) or _fresh(layout, tool, cache_dir)


def _known(layout: StackLayout, tool: ComposeTool, cache_dir: Path) -> Rendered | None:
    entry = cache.load(cache_dir, layout.name, _key(layout, tool))
    return None if entry is None else _revive(layout, entry)


def _fresh(layout: StackLayout, tool: ComposeTool, cache_dir: Path) -> Rendered:
    try:
        entry = _render(layout, tool, cache_dir)
        cache.save(cache_dir, layout.name, _key(layout, tool), entry)
    except ProgramFailed as error:
        return Rendered(layout.name, secrets=layout.secrets, problems=(_unrendered(layout, error),))
    except OSError as error:
        raise NoSpace("cannot-write", path=str(cache_dir), words=error.strerror or str(error)) from error
    return _revive(layout, entry)


def _key(layout: StackLayout, tool: ComposeTool) -> str:
    """Digest everything that decides what comes out."""
    files = [[file.path, file.digest, file.origin, file.executable] for file in layout.files]
    said = [[item.name, item.value, item.position and asdict(item.position)] for item in layout.assignments]
    facts = [_FORMAT, tool.version, layout.name, layout.folder, layout.compose_files, layout.profiles, files, said]
    facts += [sorted(layout.variables.items()), [link.origin for link in layout.links]]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:40]


# ── cold: compose runs ───────────────────────────────────────────────────────────────────────────


def _render(layout: StackLayout, tool: ComposeTool, cache_dir: Path) -> dict[str, Any]:
    """Return what is kept of a stack: plain JSON, without the values of secrets."""
    reading = read_compose_files(layout)
    problems = check_reading(layout, reading)
    if problems:
        return {"problems": [asdict(problem) for problem in problems]}
    with cache.staging(cache_dir) as root:
        # where `up` will stand, too: compose starts the env_file of an include within an include from there
        command, folder = _command(layout, tool, root), root + layout.folder
        done = process.run(command, env=compose.environment(None, None), cwd=folder, timeout=_TIMEOUT)
    if done.code:
        return {"problems": [asdict(complaint(layout, reading, done.tail.replace(root, "")))]}
    model = mapping(_stable(json.loads(done.stdout.replace("$$", "$")), root))
    problems = tuple(_strays(layout, Positions(layout, reading), model))
    return {"problems": [asdict(problem) for problem in problems]} if problems else _keep(layout, reading, model)


def _command(layout: StackLayout, tool: ComposeTool, root: str) -> list[str]:
    """Copy the effective folder below a private root and say how compose is called there."""
    folder = root + layout.folder
    for file in layout.files:
        path = Path(folder, file.path)
        path.parent.mkdir(parents=True, exist_ok=True)
        if file.staged is None or not _linked(file.staged, path):
            path.write_bytes(content(file))
    env_file = Path(root, "variables")
    env_file.write_text(env_text(layout.variables))
    return compose.config(
        compose.Project(tool.path, "", folder, layout.compose_files, str(env_file), layout.profiles),
    )


def _linked(staged: str, path: Path) -> bool:
    with suppress(OSError):
        os.link(staged, path)
        return True
    return False


def _stable(value: Json, root: str) -> Json:
    match value:
        case str():
            return value.replace(root, "")
        case Mapping():
            return {key.replace(root, ""): _stable(below, root) for key, below in value.items()}
        case list():
            return [_stable(below, root) for below in value]
        case _:
            return value


def _strays(layout: StackLayout, positions: Positions, model: Document) -> Iterator[Problem]:
    """Judge what compose made of the paths: should it read a file otherwise than the checks did, nothing is lost."""
    named = [(part, key, "file", item.get("file")) for part in _FILED for key, item in _documents(model, part).items()]
    for key, service in _documents(model, "services").items():
        build = mapping(service.get("build"))
        extra = mapping(build.get("additional_contexts")).values()
        named += [("services", key, "build", path) for path in (build.get("context"), *extra)]
    for part, key, last, path in named:
        if isinstance(path, str) and path.startswith("/") and not f"{path}/".startswith(f"{layout.folder}/"):
            place = positions.at(part, key, last) or positions.at(part, key) or Position(layout.compose_files[0])
            args = {"stack": layout.name, "key": f"{part}.{key}.{last}", "path": path}
            yield Problem(f"stack/{layout.name}", "InvalidSource", "path-leaves", args, place.file, place.line)


def _keep(layout: StackLayout, reading: Reading, model: Document) -> dict[str, Any]:
    positions = Positions(layout, reading)
    configs, secrets = _documents(model, "configs"), _documents(model, "secrets")
    inputs = Inputs(layout, configs, secrets)
    services = {
        name: {
            "document": document,
            "digest": hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest(),
            "inputs": inputs.of(document),
            "positions": {key: [place.file, place.line] for key, place in positions.service(name).items()},
        }
        for name, document in sorted(_documents(model, "services").items())
    }
    kept = {"project": model.get("name"), "services": services, "configs": configs, "secrets": secrets}
    return kept | {part: _objects(model, part, positions) for part in ("networks", "volumes")}


def _objects(model: Document, part: str, positions: Positions) -> list[dict[str, Any]]:
    return [
        {
            "key": key,
            "name": str(document.get("name") or key),
            "document": document,
            "external": bool(document.get("external")),
            "position": (place := positions.at(part, key)) and asdict(place),
        }
        for key, document in sorted(_documents(model, part).items())
    ]


def _documents(model: Document, part: str) -> dict[str, Document]:
    return {key: mapping(document) for key, document in mapping(model.get(part)).items()}


def _unrendered(layout: StackLayout, error: ProgramFailed) -> Problem:
    return Problem(f"stack/{layout.name}", "InvalidSource", error.code, error.arguments)


# ── warm: what was kept becomes nouns again ──────────────────────────────────────────────────────


def _revive(layout: StackLayout, entry: dict[str, Any]) -> Rendered:
    if "problems" in entry:
        problems = tuple(Problem(**problem) for problem in entry["problems"])
        return Rendered(layout.name, secrets=layout.secrets, problems=problems)
    return Rendered(
        project=entry["project"],
        services=tuple(_service(name, kept) for name, kept in entry["services"].items()),
        networks=tuple(_object(kept) for kept in entry["networks"]),
        volumes=tuple(_object(kept) for kept in entry["volumes"]),
        config_documents=entry["configs"],
        secret_documents=entry["secrets"],
        secrets=frozenset(_secrets(layout, entry["secrets"])),
    )


def _service(name: str, kept: dict[str, Any]) -> DesiredService:
    positions = {key: Position(*place) for key, place in kept["positions"].items()}
    return DesiredService(name, kept["document"], kept["digest"], kept["inputs"], positions)


def _object(kept: dict[str, Any]) -> DesiredObject:
    position = kept["position"] and Position(**kept["position"])
    return DesiredObject(**kept | {"position": position})


def _secrets(layout: StackLayout, documents: Mapping[str, Document]) -> Iterable[str]:
    """Yield what must never be shown; read anew each time, so that the cache need not hold it."""
    yield from layout.secrets
    for document in documents.values():
        variable, path = document.get("environment"), document.get("file")
        if isinstance(variable, str) and layout.variables.get(variable):
            yield layout.variables[variable]
        file = layout.by_path.get(path.removeprefix(f"{layout.folder}/")) if isinstance(path, str) else None
        if file is not None:
            text = content(file)[:_LARGEST_SECRET].decode(errors="replace").strip()
            yield text
            yield from telling_lines(text)
