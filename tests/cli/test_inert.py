"""Foreign text is harmless on a terminal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.inert import inert, inert_block, json_text

HOSTILE = {
    "colour": ("\x1b[31mred", "\\x1b[31mred"),
    "eight-bit CSI": ("\x9b2J", "\\x9b2J"),
    "link": ("\x1b]8;;http://x\x1b\\text", "\\x1b]8;;http://x\\x1b\\text"),
    "title and bell": ("\x1b]0;x\x07", "\\x1b]0;x\\x07"),
    "carriage return": ("good\rbad", "good\\rbad"),
    "line break": ("one\ntwo", "one\\ntwo"),
    "backspace": ("a\x08b", "a\\x08b"),
    "bidi override": ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
    "line separator": ("a\u2028b", "a\\u2028b"),
    "hidden tag": ("a\U000e0041", "a\\U000e0041"),
    "half a pair": ("a\udcffb", "a\\udcffb"),
}


@pytest.mark.parametrize(("text", "shown"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_a_terminal_obeys_is_shown_as_its_escape(text, shown):
    """Control characters, and those that turn or hide text, are printed as escapes."""
    assert shown == inert(text)


@pytest.mark.parametrize("text", ["[red]x[/red]", "客厅 · é", "50 % × 2 – ok", ":smile:"])
def test_plain_text_stays_as_it_is(text):
    """Markup and other scripts are text like any other."""
    assert text == inert(text)


def test_a_block_keeps_its_lines():
    """Line breaks of our own layout survive."""
    assert inert_block("a\n  b\x1b") == "a\n  b\\x1b"


@given(st.text())
def test_json_holds_no_control_characters_and_means_the_same(text):
    """JSON output can be shown on a terminal, and a program reads the same value."""
    written = json_text({"key": text})

    assert {"key": text} == json.loads(written)
    assert written == inert_block(written)
