"""Turn nouns into the JSON text of a row, and back.

Room 5 (record); may import model. Only what `json` and the nouns themselves know: no SQL, no files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, TypeAlias, cast

from reconciler.model import (
    AppliedService,
    AppliedStack,
    Cause,
    Document,
    FieldDiff,
    ObjectRef,
    Problem,
    RecordedStack,
    Result,
)

Row: TypeAlias = "tuple[str, ...]"
"""A stack's, as the database gives it."""


def dump(value: object) -> str:
    """Write JSON, compact and in a stable order."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def load_document(text: str) -> Document:
    """Read a JSON object."""
    return cast("Document", json.loads(text))


def dump_inventory(inventory: Iterable[ObjectRef]) -> str:
    return dump(sorted([ref.kind, ref.name, ref.folder] for ref in inventory))


def load_inventory(text: str) -> frozenset[ObjectRef]:
    return frozenset(ObjectRef(kind, name, folder) for kind, name, folder in json.loads(text))


def dump_applied(applied: AppliedStack) -> str:
    return dump(asdict(applied))


def load_applied(text: str | None) -> AppliedStack | None:
    if text is None:
        return None
    found: dict[str, Any] = json.loads(text)
    services = {name: AppliedService(**service) for name, service in found["services"].items()}
    return AppliedStack(found["revision"], services, found["networks"], found["volumes"])


def dump_problem(problem: Problem | None) -> str | None:
    return None if problem is None else dump(asdict(problem))


def load_problem(text: str | None) -> Problem | None:
    return None if text is None else Problem(**json.loads(text))


def dump_cause(cause: Cause) -> str:
    return dump(asdict(cause))


def load_cause(text: str) -> Cause:
    return Cause(**json.loads(text))


def dump_fields(fields: Iterable[FieldDiff]) -> str:
    return dump([asdict(field) for field in fields])


def load_fields(text: str) -> tuple[FieldDiff, ...]:
    return tuple(FieldDiff(**field) for field in json.loads(text))


def load_texts(text: str) -> Mapping[str, str]:
    return cast("Mapping[str, str]", json.loads(text))


def load_result(text: str | None) -> Result | None:
    return cast("Result | None", text)


def load_stack(row: Row) -> RecordedStack:
    name, project, folder, inventory, files, applied, attempted, prune, depends_on, result, problem, made, since = row
    return RecordedStack(
        name=name,
        project=project,
        folder=folder,
        inventory=load_inventory(inventory),
        files=load_texts(files),
        applied=load_applied(applied),
        attempted=attempted,
        prune=bool(prune),
        depends_on=tuple(json.loads(depends_on)),
        result=load_result(result),
        problem=load_problem(problem),
        since=datetime.fromisoformat(since) if since else None,
        made=json.loads(made),
    )
