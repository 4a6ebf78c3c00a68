"""Say what something waits for, read from what the status says.

Pipeline; may import model and plan.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from reconciler.model import Document
from reconciler.plan.texts import waiting_text

_OPERATIONS = {"Fetching": "fetching", "Planning": "planning", "Pulling": "pulling", "Verifying": "verifying"}


def waiting(status: Document, entry: Document) -> Document | None:
    """Return what a stack (its `entry`), or the daemon part, waits for; None when it waits for nothing."""
    found = next(_reasons(status, entry), None)
    if found is None:
        return None
    code, args, until = found
    return {
        "code": code,
        "for": waiting_text(code, args),
        "since": entry.get("since"),
        "until": until,
        "next": entry.get("next"),
    }


def _reasons(status: Document, entry: Document) -> Iterator[tuple[str, dict[str, str], str | None]]:
    operation = str(entry.get("operation") or "Idle")
    if operation != "Idle":
        yield _OPERATIONS.get(operation, "working"), {}, None
    engine, source = (cast("Document", status[key]) for key in ("engine", "source"))
    if engine["state"] != "reachable":
        yield "engine", {"words": str(engine["reason"])}, None
    for held in cast("Sequence[Document]", entry.get("held") or ()):
        if held["why"] == "stop_grace":
            yield "stop-grace", {}, _text(held["until"])
    for blocked in cast("Sequence[Document]", entry.get("blocked") or ()):
        if blocked["reason"] in ("DependencyNotReady", "Locked"):
            yield "blocked", {"words": str(blocked["text"])}, None
    if entry.get("next") and not entry.get("suspended"):
        yield "retry", {"words": str(entry.get("reason") or "")}, None
    if source["state"] == "unreachable":
        yield "source", {"words": str(source["reason"])}, None
    if entry.get("health") == "Progressing":
        yield "ready", {"words": str(entry.get("reason") or "")}, None


def _text(value: object) -> str | None:
    return None if value is None else str(value)
