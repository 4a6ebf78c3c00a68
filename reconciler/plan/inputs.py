"""Know what containers have read that no field shows: files of the repository, configs, secrets, build contexts.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.model import Action, Cause, DesiredService, DesiredStack
from reconciler.plan.applied import BUILD, made_inputs
from reconciler.plan.scene import BEFORE, Scene


@dataclass(frozen=True, slots=True)
class Stale:
    """The inputs of a service whose content is no longer what its containers read; `put_back` are files restored on disk."""

    names: tuple[str, ...] = ()
    put_back: tuple[str, ...] = ()


def stale_inputs(scene: Scene, service: DesiredService, put_back: frozenset[str]) -> Stale:
    """Compare a service's inputs with those its containers last read; nothing is stale when nothing is known."""
    wanted = made_inputs(service)
    made = _made(scene, service.name)
    names = [] if made is None or made == wanted else [n for n in sorted(wanted) if made.get(n) != wanted[n]]
    touched = [path for path in put_back if any(_reads(scene.stack, name, path) for name in service.inputs)]
    return Stale(tuple(names), tuple(sorted(touched)))


def needs_new_container(stack: DesiredStack, name: str, *, job: bool) -> bool:
    """Tell whether an input is copied into the container (or its image), or read by a job: a restart would not do."""
    kind, _, rest = name.partition(":")
    if job or kind in (BUILD, "profile"):
        return True
    return kind in ("config", "secret") and _file_of(stack, kind, rest) is None


def is_build_stale(stale: Stale) -> bool:
    """Tell whether the image has to be built again."""
    return any(name.partition(":")[0] == BUILD for name in stale.names)


def changed_on_disk(scene: Scene) -> list[str]:
    """Name the files of the stack that somebody changed or removed on disk.

    What git changed since we wrote it is no drift: apply's first step writes it without a word.
    """
    written = scene.recorded.files if scene.recorded is not None else {}
    found = []
    for file in scene.stack.files:
        seen = scene.facts.observed.files.get(f"{scene.stack.folder}/{file.path}", file.digest)
        if seen not in (file.digest, written.get(file.path)):
            found.append(file.path)
    return sorted(found)


def put_back(scene: Scene, path: str) -> Action:
    """Plan to write one file again as git has it."""
    file = next(file for file in scene.stack.files if file.path == path)
    seen = scene.facts.observed.files.get(f"{scene.stack.folder}/{path}")
    return Action(
        target=scene.target,
        kind="put-back",
        because="drift",
        cause=Cause("file-gone" if seen is None else "file-edited", {"path": path}, file.origin),
        object=path,
        stack=scene.stack.name,
        level=BEFORE,
    )


def _made(scene: Scene, service: str) -> Mapping[str, str] | None:
    if scene.recorded is not None and service in scene.recorded.made:
        return scene.recorded.made[service]
    applied = scene.applied(service)
    return applied.inputs if applied is not None else None


def _reads(stack: DesiredStack, name: str, path: str) -> bool:
    kind, _, rest = name.partition(":")
    if kind in ("config", "secret"):
        return _file_of(stack, kind, rest) == f"{stack.folder}/{path}"
    return kind == "bind" and (rest in (path, ".", "") or path.startswith(rest.removesuffix("/") + "/"))


def _file_of(stack: DesiredStack, kind: str, name: str) -> str | None:
    """Return the file that compose mounts for a config or secret; None when it copies the content."""
    top = stack.configs if kind == "config" else stack.secrets
    file = top.get(name, {}).get("file")
    return file if isinstance(file, str) else None
