"""Find what people mean when they name something: a stack, a service, a container, a daemon key.

Pipeline; may import errors, model and plan.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias, cast

from reconciler.errors import UnknownTarget
from reconciler.model import Container, Desired, Recorded
from reconciler.plan.scene import is_listed, is_ours

DAEMON: Final = "daemon"
TargetKind: TypeAlias = Literal["stack", "service", "network", "volume", "container", "daemon"]
_ORDER = ("service", DAEMON, "network", "volume")
_ID = re.compile(r"[0-9a-f]{4,64}")
_NEAR = 6


@dataclass(frozen=True, slots=True)
class Target:
    """Something that was named; `name` is in the words of a plan.

    `stack` is the one it belongs to (`daemon` for a key). A container that is not ours has none, and its own name.
    """

    kind: TargetKind
    name: str
    stack: str | None
    container: Container | None = None

    @property
    def last(self) -> str:
        """Return the last part of the name: the service, the key."""
        return self.name.rpartition("/")[2]

    def covers(self, other: str) -> bool:
        """Tell whether another name is this one's, or stands below it."""
        return f"{other}/".startswith(f"{self.name}/")


def all_targets(desired: Desired | None, recorded: Recorded, changed: Collection[str]) -> frozenset[str]:
    """Name everything that git wants, that was applied, or that ever changed."""
    found = {*changed, *(f"stack/{name}" for name in recorded.stacks)}
    for name, known in recorded.stacks.items():
        found |= {f"stack/{name}/service/{service}" for service in (known.applied.services if known.applied else ())}
    for stack in desired.stacks if desired else ():
        found |= {f"stack/{stack.name}", *(f"stack/{stack.name}/service/{one.name}" for one in stack.services)}
        found |= {f"stack/{stack.name}/network/{one.key}" for one in stack.networks}
        found |= {f"stack/{stack.name}/volume/{one.key}" for one in stack.volumes}
    keys = desired.daemon.keys if desired and desired.daemon else ()
    found |= {f"daemon/{key.name}" for key in keys} | {f"daemon/{name}" for name in recorded.daemon_applied}
    above = {"/".join(target.split("/")[:2]) for target in found if target.startswith("stack/")}
    return frozenset(found | above | {DAEMON})


def find_target(word: str, targets: Collection[str], containers: Sequence[tuple[Container, str | None]]) -> Target:
    """Find what `word` names: the words of a plan first, then a stack, a container, a service and what else there is.

    `containers` come with the stack whose they are. Raises UnknownTarget.
    """
    plain = word.strip().strip("/")
    for full in (plain, f"stack/{plain}"):
        if full in targets:
            return _target(full)
    named = [pair for pair in containers if pair[0].name == plain]
    found = [_target(one) for one in _candidates(plain, targets)] if not named else []
    if not named and not found and _ID.fullmatch(plain):
        named = [pair for pair in containers if pair[0].id.startswith(plain)]
    found += [_container(*pair) for pair in named]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(sorted(one.container.name if one.container else one.name for one in found))
        raise UnknownTarget("target-ambiguous", target=plain, known=names)
    raise UnknownTarget("target-unknown", target=plain, known=_near(plain, targets, containers))


def owner(container: Container, desired: Desired | None, recorded: Recorded) -> str | None:
    """Name the stack whose a container is: ours by its labels, or by the record."""
    for stack in desired.stacks if desired else ():
        if is_ours(container, stack, recorded.stacks.get(stack.name)):
            return stack.name
    names = (
        name
        for name, known in recorded.stacks.items()
        if known.project == container.project and is_listed(known, "container", container.name, container.working_dir)
    )
    return next(names, None)


def _target(name: str) -> Target:
    parts = name.split("/")
    if parts[0] == DAEMON:
        return Target(DAEMON, name, DAEMON)
    kind = parts[2] if len(parts) > 2 else parts[0]
    return Target(cast("TargetKind", kind), name, parts[1])


def _container(container: Container, stack: str | None) -> Target:
    name = f"stack/{stack}/service/{container.service}" if stack else container.name
    return Target("container", name, stack, container)


def _candidates(word: str, targets: Collection[str]) -> list[str]:
    """Return the services of that name; when there is none the daemon keys, networks and volumes."""
    stack, _, name = word.rpartition("/")
    of: dict[str, list[str]] = {}
    for target in sorted(targets):
        parts = target.split("/")
        if parts[-1] == name and (not stack or parts[1:2] == [stack]):
            of.setdefault(parts[2] if len(parts) > 3 else parts[0], []).append(target)
    return next((of[kind] for kind in _ORDER if kind in of), [])


def _near(word: str, targets: Collection[str], containers: Sequence[tuple[Container, str | None]]) -> str:
    short = {_short(target): None for target in sorted(targets)}
    names = [*short, *sorted({target.rpartition("/")[2] for target in targets}), *(one.name for one, _ in containers)]
    found = difflib.get_close_matches(word, names, n=_NEAR, cutoff=0.6)
    return ", ".join(dict.fromkeys(found)) or ", ".join(list(_stacks(targets))[:_NEAR]) or "nothing yet"


def _short(target: str) -> str:
    parts = target.split("/")
    return target if parts[0] == DAEMON else "/".join(parts[1:2] + parts[3:])


def _stacks(targets: Collection[str]) -> Iterator[str]:
    return (
        target.split("/")[1] for target in sorted(targets) if target.count("/") == 1 and target.startswith("stack/")
    )
