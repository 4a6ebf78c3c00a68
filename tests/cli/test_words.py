"""One form for every error."""

import pytest

from reconciler.cli.words import tell, tell_error, tell_problem
from reconciler.errors import MissingTool, ProgramFailed
from reconciler.model import Problem


@pytest.mark.parametrize(
    ("place", "lead"),
    [({}, ""), ({"file": "a.yaml"}, "a.yaml: "), ({"file": "a.yaml", "line": 7}, "a.yaml:7: ")],
)
def test_an_error_says_where_what_and_what_to_do(place, lead, capsys):
    """File and line stand first, as editors and compilers write them; the hint has a line of its own."""
    tell_error(MissingTool("compose-missing", **place))

    first, second = capsys.readouterr().err.splitlines()
    assert f"error: {lead}docker compose is not installed" == first
    assert second.startswith(" hint: Install version 2.26")


def test_a_narrow_terminal_gets_broken_lines(capsys, monkeypatch):
    """They are broken between words, and what goes on is indented; a pipe gets each message as one line."""
    monkeypatch.setenv("COLUMNS", "30")
    tell("error", "stacks/web/compose.yaml:7: port 80 is taken", "stop what holds it, or choose another")
    assert len(capsys.readouterr().err.splitlines()) == 2

    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    tell("error", "stacks/web/compose.yaml:7: port 80 is taken", "stop what holds it, or choose another")

    assert capsys.readouterr().err.splitlines() == [
        "error:",
        "       stacks/web/compose.yaml:7:",
        "       port 80 is taken",
        " hint: stop what holds it, or",
        "       choose another",
    ]


def test_words_of_a_program_are_indented_and_inert(capsys):
    """Several lines of foreign words stay below their error, and cannot act on the terminal."""
    tell_error(ProgramFailed("program-failed", program="compose", exit="1", words="one\n\x1b[31mtwo"))

    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "       \\x1b[31mtwo"


def test_without_a_hint_there_is_no_line_for_it(capsys):
    """A warning may be all there is to say."""
    tell("warning", "careful")

    assert capsys.readouterr().err == "warning: careful\n"


def test_among_many_it_is_said_whom_it_is_about(capsys):
    """After an apply each problem names its stack and its kind, then the place."""
    problem = Problem("stack/web", "PullFailed", "compose-missing", {}, "stacks/web/compose.yaml", 4)

    tell_problem("error", problem, about=problem.target)

    first = capsys.readouterr().err.splitlines()[0]
    assert first == "error: stack/web: PullFailed: stacks/web/compose.yaml:4: docker compose is not installed"
