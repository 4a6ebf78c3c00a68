"""What a row of the comparison table is, and the plain kinds of row.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reconciler.model import NOTHING, Json
from reconciler.plan.normal_network import shared
from reconciler.plan.normal_process import inherited_text
from reconciler.plan.normal_scalars import path as clean_path
from reconciler.plan.subject import UNKNOWN, Normal, Subject, single, text

Repair: TypeAlias = Literal["recreate", "update", "rename", "reconnect", "remake", "manual"]
"""How a difference is repaired: the container is made again; updated, renamed, connected to a network anew in place; a
network is removed and made again with its services; a volume needs a person (its data would be lost)."""
Side: TypeAlias = Callable[[Subject], Normal]
Read: TypeAlias = Callable[[Json], Json]


@dataclass(frozen=True, slots=True)
class Field:
    """One row: how a compose field and what the engine shows of it come to one normal form.

    `engine` is `Section.Member` of the inspect. `keys` are the rendered keys it reads, `path` alone unless given.
    The row says nothing, and is not looked at, while the service has none of its keys, the engine's value is empty, and
    the image has nothing at `image`; `always` is for rows where an empty value means something.
    `frozen` is the engine's member that is recorded as default when a container is made without a word on this.
    `kernel` are members of the engine's info: where one is false, the engine drops the limit. `droppable` ones it drops
    without such a sign. `clears` says that an update can take the value away, `note` tells people what to know.
    """

    path: str
    engine: str
    desired: Side
    observed: Side
    repair: Repair = "recreate"
    keys: tuple[str, ...] = ()
    image: str = ""
    always: bool = False
    frozen: str = ""
    kernel: tuple[str, ...] = ()
    droppable: bool = False
    clears: bool = False
    note: str = ""

    @property
    def reads(self) -> tuple[str, ...]:
        return self.keys or (self.path,)


def shown(engine: str, read: Read) -> Side:
    """Return a side that reads one member of the inspect."""
    section, _, member = engine.partition(".")
    if section == "HostConfig":
        return lambda subject: single(read(subject.host.get(member)))
    return lambda subject: single(read(subject.config.get(member)))


def plain(
    path: str, engine: str, read: Read, show: Read | None = None, *, note: str = "", always: bool = False
) -> Field:
    """Return a row with one value that has no default but "none"; it takes a recreate to change."""

    def stated(subject: Subject) -> Normal:
        return single(read(subject.document.get(path)))

    return Field(path, engine, stated, shown(engine, show or read), note=note, always=always)


def limit(
    path: str,
    member: str,
    stated: Side,
    read: Read,
    *,
    keys: tuple[str, ...] = (),
    kernel: tuple[str, ...] = (),
    clears: bool = False,
    note: str = "",
) -> Field:
    """Return a row with a limit that the engine can update in place."""
    engine = f"HostConfig.{member}"
    return Field(path, engine, stated, shown(engine, read), "update", keys, kernel=kernel, clears=clears, note=note)


def from_image(path: str, engine: str, *, cleaned: bool = False) -> Field:
    """Return a row with a string whose default is the image's."""
    member = engine.partition(".")[2]
    return Field(
        path,
        engine,
        lambda subject: inherited_text(path, member, subject, cleaned),
        shown(engine, clean_path if cleaned else text),
        image=member,
        note="default: the image's",
    )


def frozen(path: str, engine: str, read: Read, *, note: str = "") -> Field:
    """Return a row whose default is the daemon's of the moment the container was made."""
    member = engine.partition(".")[2]
    return Field(
        path,
        engine,
        lambda subject: single(read(subject.document.get(path)) or _recorded(subject, member, read)),
        shown(engine, read),
        frozen=member,
        note=f"default: the daemon's, as recorded when the container was made{note}",
    )


def _recorded(subject: Subject, member: str, read: Read) -> Json:
    recorded = subject.frozen or NOTHING
    return read(recorded[member]) if member in recorded else UNKNOWN  # type: ignore[return-value]


def name_space(path: str, engine: str) -> Field:
    """Return a row with a name space that may be another container's: it is told by that container's id."""
    member = engine.partition(".")[2]
    return Field(
        path,
        engine,
        lambda subject: single(text(subject.document.get(path))),
        lambda subject: single(shared(subject.document.get(path), subject.host.get(member), subject)),
        note="`service:` and `container:` are told by the other container's id",
    )


def flag(value: Json) -> Json:
    """Return True, or None for false and for nothing."""
    return True if value is True or value == "true" else None


def exact(value: Json) -> Json:
    """Return the value as it is: nothing, false and 0 are three things."""
    return value
