"""Read the status document: its parts by name, and what in it is good.

Face; imports model. Foreign text is made inert here, once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.cli.inert import inert
from reconciler.model import Document, Json

GOOD_KEYS = frozenset({"in sync", "unverifiable"})


@dataclass(frozen=True, slots=True)
class StackView:
    """One entry of the document's `stacks`, or its daemon part."""

    name: str
    document: Document

    def word(self, key: str) -> str:
        """Return a word of the entry, `-` when it has none."""
        return text(self.document.get(key)) or "-"

    @property
    def services(self) -> Mapping[str, Document]:
        return {name: mapping(value) for name, value in mapping(self.document.get("services")).items()}

    @property
    def good(self) -> bool:
        """Whether nothing is left to wish for; what was suspended on purpose is well."""
        settled = self.word("sync") == "Synced" and self.word("health") in {"Healthy", "Suspended"}
        failed = self.word("result").startswith("Failed") and self.word("reason") != "-"
        return settled and not failed and not sequence(self.document.get("blocked"))


@dataclass(frozen=True, slots=True)
class View:
    """The status document with its parts at hand."""

    document: Document

    @property
    def engine_state(self) -> str:
        return text(mapping(self.document.get("engine")).get("state"))

    @property
    def source_problem(self) -> str | None:
        source = mapping(self.document.get("source"))
        return None if source.get("state") in {"ok", None} else text(source.get("reason")) or text(source.get("state"))

    @property
    def wanted(self) -> str:
        return text(mapping(self.document.get("revision")).get("wanted"))

    @property
    def stacks(self) -> tuple[StackView, ...]:
        stacks = mapping(self.document.get("stacks"))
        return tuple(StackView(name, mapping(stacks[name])) for name in sorted(stacks))

    @property
    def daemon(self) -> StackView | None:
        part = self.document.get("daemon")
        return StackView("daemon", mapping(part)) if part else None

    @property
    def keys(self) -> Mapping[str, Document]:
        keys = mapping(self.daemon.document.get("keys")) if self.daemon else {}
        return {name: mapping(keys[name]) for name in sorted(keys)}

    @property
    def daemon_good(self) -> bool:
        if self.daemon is None:
            return True
        in_order = all(text(key.get("state")) in GOOD_KEYS for key in self.keys.values())
        return in_order and self.daemon.word("sync") == "Synced" and not sequence(self.daemon.document.get("blocked"))


def service_good(service: Document) -> bool:
    """Say whether a service is as it should be; one without a check is, when it runs."""
    health = service.get("health")
    return health in {"healthy", "Healthy"} or (health is None and service.get("state") == "running")


def text(value: Json) -> str:
    """Read a value as one line of inert text, "" for null."""
    return "" if value is None else inert(str(value))


def shown(value: Json) -> str:
    """Show any JSON value short; `-` for null."""
    return "-" if value is None else inert(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def mapping(value: Json) -> Document:
    """Read a value as a mapping, an empty one when it is none."""
    return value if isinstance(value, Mapping) else {}


def sequence(value: Json) -> Sequence[Json]:
    """Read a value as a list, an empty one when it is none."""
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()
