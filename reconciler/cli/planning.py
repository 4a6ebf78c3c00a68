"""The verb `plan`: show what would be done, and why.

Face; imports what reaches a desk, and the plan's text and document.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from reconciler.cli.inert import inert_block, json_text
from reconciler.cli.reach import opened
from reconciler.cli.streams import say
from reconciler.cli.words import warn_about
from reconciler.errors import NoSpace
from reconciler.model import Plan
from reconciler.plan.document import plan_document
from reconciler.plan.text import plan_text

ACTIONS = 2
ONLY_BLOCKED = 3


def run(config: Path | None, output: Path | None, *, as_json: bool, confirm_prune: bool) -> int:
    """Make a plan, print it, save it when asked to; return the exit code. Raises ReconcilerError when none can be made."""
    with opened(config) as desk:
        source, plan = desk.plan(confirm_prune=confirm_prune)
    warn_about(source)
    if output is not None:
        save(plan, output)
    show(plan, as_json=as_json)
    return exit_code(plan)


def exit_code(plan: Plan) -> int:
    """Judge a plan: held things alone are nothing to do."""
    if plan.actions:
        return ACTIONS
    return ONLY_BLOCKED if plan.blocked else 0


def save(plan: Plan, file: Path) -> None:
    """Write the plan as JSON, whole or not at all. Raises NoSpace."""
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_text(json_text(plan_document(plan)) + "\n", encoding="utf-8", errors="backslashreplace")
        draft.replace(file)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise NoSpace("plan-file-unwritable", file=str(file), words=error.strerror or str(error)) from error


def show(plan: Plan, *, as_json: bool) -> None:
    """Print a plan for a program, a terminal or a pipe."""
    if as_json:
        say(json_text(plan_document(plan)))
    elif sys.stdout.isatty():
        _paint(inert_block(plan_text(plan)))
    else:
        say(inert_block(plan_text(plan)))


def _paint(text: str) -> None:
    from reconciler.cli.paint import paint_plan
    from reconciler.cli.streams import console

    console(sys.stdout).print(paint_plan(text))
