"""The verb `status`: how this host stands to what git says.

Face; imports what reaches a desk, record's summary, rich for a terminal. Everything shown comes from the status document
(docs/settings.md), so that a person, a program and later the page see the same.
"""

from __future__ import annotations

import sys
from pathlib import Path

from reconciler.cli.inert import json_text
from reconciler.cli.reach import opened
from reconciler.cli.statusdoc import View
from reconciler.cli.statusview import overview
from reconciler.cli.streams import console, say
from reconciler.model import Document
from reconciler.record.status import summary as summarised

CANNOT_TELL = 1
NOT_GOOD = 3


def run(config: Path | None, *, as_json: bool, summary: bool) -> int:
    """Look, print the status, return the exit code. Raises ReconcilerError when it cannot be told at all."""
    with opened(config) as desk:
        document = desk.status()
    code = exit_code(document)
    show(summarised(document) if summary else document, as_json=as_json)
    return code


def exit_code(document: Document) -> int:
    """Judge a status: a daemon key that cannot be verified counts as good, one that waits for a restart does not."""
    view = View(document)
    nothing_known = view.source_problem is not None and not view.wanted
    if nothing_known or view.engine_state != "reachable" or any(s.word("sync") == "Unknown" for s in view.stacks):
        return CANNOT_TELL
    good = view.source_problem is None and view.daemon_good and all(stack.good for stack in view.stacks)
    return 0 if good else NOT_GOOD


def show(document: Document, *, as_json: bool) -> None:
    """Print a status for a program, a terminal or a pipe."""
    if as_json:
        say(json_text(document))
    elif sys.stdout.isatty():
        from reconciler.cli.paint import paint_status

        console(sys.stdout).print(paint_status(document))
    else:
        say(overview(document))
