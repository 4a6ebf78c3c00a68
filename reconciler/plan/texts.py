"""The English words for every code: causes, problems, errors. One pure table; other languages are made at the face.

Room 3 (plan); may import only model and errors. A row is `code: text` or `code: (text, hint)`; `{name}` is filled from the
args, and an arg that is not given prints as `?`.
"""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.errors import ReconcilerError
from reconciler.model import Cause, Problem

CAUSES: Mapping[str, str] = {
    # stacks and services
    "missing": "not there",
    "field": "{fields} differs",
}

PROBLEMS: Mapping[str, tuple[str, str]] = {
    # source and repository
    # settings and tools
    # engine
    # policy (plan)
    # apply
    # record
}


class _Gaps(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "?"


def _fill(text: str, args: Mapping[str, str]) -> str:
    return text.format_map(_Gaps(args))


def cause_text(cause: Cause) -> str:
    """Say in one sentence why an action is planned."""
    return _fill(CAUSES[cause.code], cause.args)


def problem_text(problem: Problem) -> str:
    """Say what is wrong."""
    return _fill(PROBLEMS[problem.code][0], problem.args)


def problem_hint(problem: Problem) -> str:
    """Say what to do about it."""
    return _fill(PROBLEMS[problem.code][1], problem.args)


def error_problem(error: ReconcilerError, target: str) -> Problem:
    """Turn an error into the problem it stands for."""
    return Problem(target, error.reason, error.code, error.arguments, error.file, error.line)
