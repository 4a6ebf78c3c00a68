"""Variables in paths."""

import pytest

from reconciler.desired.interpolate import Unclear, interpolate

VARIABLES = {"A": "a", "EMPTY": "", "UP": ".."}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plain", "plain"),
        ("$A/x", "a/x"),
        ("${A}b${A}", "aba"),
        ("$$A", "$A"),
        ("${NO}", ""),
        ("${NO-x}", "x"),
        ("${EMPTY-x}", ""),
        ("${EMPTY:-x}", "x"),
        ("${NO:-${UP}/y}", "../y"),
        ("${A:-${UP}}/y", "a/y"),
        ("${A:+x}", "x"),
        ("${NO+x}", ""),
        ("${EMPTY+x}", "x"),
        ("${EMPTY:+x}", ""),
        ("${A:?needed}", "a"),
        ("${NO:-}", ""),
        ("${NO:-a}b}", "ab}"),
    ],
)
def test_as_compose_does(text, result):
    """Each operator gives what compose makes of it."""
    assert interpolate(text, VARIABLES.get) == result


@pytest.mark.parametrize("text", ["${A", "$", "${1}", "${A/x/y}", "${A:}", "a$-b", "${NO:-${A}"])
def test_unknown_forms_are_unclear(text):
    """What is not understood is never passed through."""
    with pytest.raises(Unclear):
        interpolate(text, VARIABLES.get)
