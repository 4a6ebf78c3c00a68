"""The verb `apply`: do what the plan says, show it while it happens, and say how it ended.

Face; imports what reaches a desk, the pipeline's documents, rich for a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.inert import inert, json_text
from reconciler.cli.progress import Lines, count
from reconciler.cli.reach import is_agents, opened
from reconciler.cli.stopping import Stoppable
from reconciler.cli.streams import complain, console, say
from reconciler.cli.words import tell_error, tell_problem
from reconciler.errors import PlanStale
from reconciler.model import GOOD, Problem, StackOutcome

if TYPE_CHECKING:
    from reconciler.pipeline import Desk, Listener, Report, Wish

NOT_CONVERGED = 3


def run(
    config: Path | None,
    file: Path | None,
    *,
    as_json: bool,
    accept_rewrite: bool,
    confirm_prune: bool,
    wait: bool = True,
) -> int:
    """Carry out what has to be done; return the exit code. Raises ReconcilerError when no pass could be made."""
    index = saved_index(file) if file is not None else None
    with opened(config) as desk:
        wish = _wish(accept_rewrite=accept_rewrite, confirm_prune=confirm_prune, index=index)
        if not wait:
            desk.begin(wish)
            complain("The agent was asked; see: reconciler status")
            return 0
        try:
            report = _followed(desk, wish, as_json=as_json)
        except PlanStale as stale:
            tell_error(stale)
            return NOT_CONVERGED
    show(report, as_json=as_json)
    return exit_code(report)


def _wish(*, accept_rewrite: bool, confirm_prune: bool, index: str | None) -> Wish:
    from reconciler.pipeline import Wish

    return Wish(accept_rewrite, confirm_prune, index)


def _followed(desk: Desk, wish: Wish, *, as_json: bool) -> Report:
    """Show a pass while it is made. Ctrl-C ends it between two steps; one of an agent goes on, and only we end."""
    if not is_agents(desk):
        with _listener(as_json=as_json) as listener, Stoppable(listener, complain) as stoppable:
            return desk.apply(wish, stoppable)
    try:
        with _listener(as_json=as_json) as listener:
            return desk.apply(wish, listener)
    except KeyboardInterrupt:
        complain("The agent goes on with it; see: reconciler status")
        raise


def exit_code(report: Report) -> int:
    """Judge a pass: converged means that nothing failed, nothing is blocked, and what runs is well."""
    return 0 if report.converged else NOT_CONVERGED


def saved_index(file: Path) -> str:
    """Read the index of a plan saved by `plan -o`. Raises click.UsageError when the file holds no plan."""
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{file} is no saved plan: {error}") from error
    if not isinstance(document, dict) or document.get("schema") != 1 or not isinstance(document.get("index"), str):
        raise click.UsageError(f"{file} is no saved plan: write one with `reconciler plan -o FILE`.")
    index: str = document["index"]
    return index


@contextmanager
def _listener(*, as_json: bool) -> Iterator[Listener]:
    stream, write = (sys.stderr, complain) if as_json else (sys.stdout, say)
    if stream.isatty():
        from reconciler.cli.live import LiveTable

        with LiveTable(console(stream)) as table:
            yield table
    else:
        yield Lines(write)


def show(report: Report, *, as_json: bool) -> None:
    """Print how a pass ended."""
    if as_json:
        from reconciler.pipeline.report_document import report_document

        say(json_text(report_document(report)))
        return
    if report.outcomes and sys.stdout.isatty():
        from reconciler.cli.live import summary_table

        console(sys.stdout).print(summary_table(report.outcomes))
    for problem in _problems(report):
        tell_problem("error", problem, about=problem.target)
    say(verdict(report))


def verdict(report: Report) -> str:
    """Say in one sentence how a pass ended."""
    revision = inert(report.plan.revision.commit[:12])
    if exit_code(report) == 0:
        done = sum(len(outcome.outcomes) for outcome in report.outcomes)
        deed = f"Done: {count(done, 'action')}" if done else "Nothing to do"
        held = sum(each.why != "hash algorithm changed" for each in report.plan.held)
        but = f", but for {held} held; see `reconciler plan`" if held else ""
        return f"{deed}. This host is as {revision} says{but}."
    failed = [outcome.stack for outcome in _failed(report) if outcome.result != "Rejected"]
    stacks = [name for name in failed if name != "daemon"]
    parts = [count(len(stacks), "stack") + " failed"] if stacks else []
    parts += ["the daemon's settings failed"] if "daemon" in failed else []
    parts += [f"{len(report.plan.blocked)} blocked"] if report.plan.blocked else []
    parts += [f"{len(report.unwell)} not well"] if report.unwell else []
    return f"Not converged on {revision}: {', '.join(parts)}."


def _failed(report: Report) -> list[StackOutcome]:
    return [outcome for outcome in report.outcomes if outcome.result not in GOOD]


def _problems(report: Report) -> list[Problem]:
    """Gather what is in the way, each once."""
    failed = [outcome.problem for outcome in _failed(report) if outcome.problem]
    return failed + [problem for problem in (*report.plan.blocked, *report.unwell) if problem not in failed]
