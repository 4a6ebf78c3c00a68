"""Make a stack's layout from a table of files."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from reconciler.desired.layout import Assignment, StackLayout
from reconciler.model import Position, StackFile, StackSettings

FOLDER = "/srv/stacks/web"


def stack_file(path: str, text: str) -> StackFile:
    """Make one effective file; its repository path is below `stacks/web`."""
    return StackFile(path, hashlib.sha1(text.encode()).hexdigest(), f"stacks/web/{path}", content=text.encode())


def layout(content: Mapping[str, str] | str, variables: Mapping[str, str] | None = None, /, **more: Any) -> StackLayout:
    """Make the layout of the stack `web`; a single text is its compose.yaml."""
    table = {"compose.yaml": content} if isinstance(content, str) else dict(content)
    variables = variables or {}
    given: dict[str, Any] = {
        "name": "web",
        "folder": FOLDER,
        "settings": StackSettings(),
        "files": tuple(stack_file(path, table[path]) for path in sorted(table)),
        "compose_files": tuple(path for path in ("compose.yaml", "compose.override.yaml") if path in table),
        "env_file": "/var/env/web.env",
        "variables": variables,
        "assignments": tuple(
            Assignment(name, value, Position("stacks/web/.env", line))
            for line, (name, value) in enumerate(variables.items(), 1)
        ),
    }
    return StackLayout(**(given | more))
