"""Say problems and errors in one form: what, where, why, and what to do.

Face; imports the pure texts of plan/, model, errors.

    error: stacks/web/compose.yaml:7: unknown key 'imagee'
     hint: did you mean 'image'?
"""

from __future__ import annotations

import shutil
import sys
import textwrap

from reconciler.cli.inert import inert, inert_block
from reconciler.cli.streams import complain
from reconciler.errors import ReconcilerError
from reconciler.model import Problem, SourceState
from reconciler.plan.texts import problem_hint, problem_text


def place(file: str | None, line: int | None) -> str:
    """Name a place as editors and compilers do, with the colon and blank that follow it."""
    if file is None:
        return ""
    return f"{inert(file)}:{line}: " if line else f"{inert(file)}: "


def headline(problem: Problem) -> str:
    """Say where and what, as lines."""
    return place(problem.file, problem.line) + inert_block(problem_text(problem))


def tell(word: str, text: str, hint: str = "") -> None:
    """Print to standard error; `word` is `error` or `warning`. Further lines are indented."""
    indent = " " * (len(word) + 2)
    lines = f"{word}: {text}".replace("\n", f"\n{indent}").split("\n")
    for line in [*lines, *([f"{'hint':>{len(word)}}: {inert(hint)}"] if hint else ())]:
        complain(fitted(line, indent))


def fitted(line: str, indent: str) -> str:
    """Break a line between words where standard error is a terminal that is too narrow; the rest is indented."""
    width = shutil.get_terminal_size().columns
    if not sys.stderr.isatty() or len(line) <= width:
        return line
    return textwrap.fill(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def tell_problem(word: str, problem: Problem, about: str = "") -> None:
    """Print a problem to standard error; where many may be concerned, `about` whom it is and which kind of problem."""
    lead = "".join(f"{inert(part)}: " for part in (about, about and problem.reason) if part)
    tell(word, lead + headline(problem), problem_hint(problem))


def tell_error(error: ReconcilerError) -> None:
    """Print one of our errors to standard error."""
    tell_problem("error", error.problem(""))


def warn_about(source: SourceState) -> None:
    """Say that git could not be reached and an older revision is used."""
    if source.problem:
        tell_problem("warning", source.problem)
