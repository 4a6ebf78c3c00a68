"""What compose says, with file, line and hint, by the real compose."""

import pytest

from reconciler.desired.layout import Assignment
from reconciler.desired.render import render_stack
from tests.compose_program import under_test
from tests.desired.layouts import layout

ONE = "services:\n  web:\n    image: x\n    {}\n"

CASES = [
    # compose.yaml, code, line, words
    ("services:\n  web:\n    imge: x\n", "compose-unknown-key", 3, "imge"),
    ("services: {}\nnetwork: {}\n", "compose-unknown-key", 2, "network"),
    (ONE.format('ports: ["99999:80"]'), "compose-refuses", 4, "99999"),
    (ONE.format("ports:\n      - 80:80\n      - abc:80"), "compose-refuses", 6, "abc"),
    (ONE.format("env_file: [no.env]"), "compose-file-missing", 4, "no.env"),
    (ONE.format("tty: true\n    environment: {A: '${X:?need x}'}"), "compose-needs-variable", 5, "need x"),
    (ONE.format("depends_on: [nope]"), "compose-refuses", 4, "nope"),
    (ONE.format("networks: [nope]"), "compose-refuses", 4, "nope"),
    (ONE.format("tty: true\n    volumes: ['nope:/x']"), "compose-refuses", 5, "nope"),
    (ONE.format("mem_limit: lots"), "compose-refuses", 4, "lots"),
    (ONE.format("environment: 5"), "compose-refuses", 4, "environment"),
    (ONE.format("image: y"), "compose-refuses", 4, "image"),
    (ONE.format("healthcheck: {interval: 5}"), "compose-refuses", 4, "interval"),
    (ONE.format("extends: {service: nope}"), "compose-refuses", 4, "nope"),
    (ONE.format("labels: ['a=${X']"), "compose-refuses", 4, "interpolation"),
    ("services:\n  web: {}\n", "compose-refuses", 2, "image"),
    ("services:\n  a.b:\n    image: x\n    tty: []\n", "compose-refuses", 4, "tty"),
    ("services:\n  web:\n    image: x\ninclude:\n  - nope.yaml\n", "compose-file-missing", 5, "nope.yaml"),
]


@pytest.mark.parametrize(("text", "code", "line", "word"), CASES)
def test_place_and_words(tmp_path, text, code, line, word):
    """Compose's words come with the line they mean, and no path of ours."""
    (problem,) = render_stack(layout(text), under_test(), tmp_path).problems
    assert (problem.code, problem.file, problem.line) == (code, "stacks/web/compose.yaml", line)
    assert word in problem.args["words"]
    assert "/srv" not in problem.args["words"]
    assert "staging" not in problem.args["words"]
    assert (problem.target, problem.reason) == ("stack/web", "InvalidSource")


def test_the_file_at_fault_is_named(tmp_path):
    """In several files, it is the one that holds the fault."""
    files = {"compose.yaml": ONE.format("tty: true"), "compose.override.yaml": "services:\n  web:\n    prots: []\n"}
    (problem,) = render_stack(layout(files), under_test(), tmp_path).problems
    assert (problem.file, problem.line) == ("stacks/web/compose.override.yaml", 3)


def test_missing_variable_is_named(tmp_path):
    """The hint can name the variable."""
    (problem,) = render_stack(layout(ONE.format("user: ${WHO:?}")), under_test(), tmp_path).problems
    assert problem.args["name"] == "WHO"


@pytest.mark.parametrize("key", ["mem_limit", "stop_grace_period"])
def test_values_of_the_device_stay_hidden(key, tmp_path):
    """A value from the device's own folder is not repeated in an error, nor between quotes where it looks otherwise."""
    value = 'hunter22"hunter23'
    stack = layout(ONE.format(f"{key}: '${{PW}}'"), {"PW": value}, assignments=(Assignment("PW", value, secret=True),))
    (problem,) = render_stack(stack, under_test(), tmp_path).problems
    assert "hunter2" not in repr(problem)
    assert (problem.code, problem.line) == ("compose-refuses", 4)


def test_warnings_are_no_part_of_the_words(tmp_path):
    """A warning about an unset variable does not hide the error."""
    (problem,) = render_stack(layout(ONE.format("user: ${NO}\n    imge: x")), under_test(), tmp_path).problems
    assert "level=" not in problem.args["words"]
    assert "imge" in problem.args["words"]
