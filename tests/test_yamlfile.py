from __future__ import annotations

import pytest

from reconciler import yamlfile
from reconciler.errors import InvalidSource
from reconciler.model import Json


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("22:22", "22:22"),
        ("12:34:56", "12:34:56"),
        ("1_000", "1_000"),
        ("2024-01-01", "2024-01-01"),
        ("0777", 777),
        ("0o17", 15),
        ("0xff", 255),
        ("-3", -3),
        ("1.5e3", 1500.0),
        (".inf", float("inf")),
        ("true", True),
        ("~", None),
        ("", None),
        ('"true"', "true"),
        ("!!str 12", "12"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: Json) -> None:
    """Only true, false, null and plain numbers are more than text."""
    parsed = yamlfile.load(f"key: {text}\n", "f").value

    assert parsed == {"key": value}
    assert isinstance(parsed, dict)
    assert type(parsed["key"]) is type(value)


def test_every_value_knows_its_line_and_its_text() -> None:
    """Lines are those of the key, or of the item; a path that is not there has the line of what is around it."""
    file = yamlfile.load("# head\na:\n  - x\n  - {b: 1.10}\nc:\n\n  d: >\n    text\n", "f")

    assert (file.line("a"), file.line("a", 0), file.line("a", 1, "b"), file.line("c", "d")) == (2, 3, 4, 7)
    assert (file.line("c", "nothing", "here"), file.line("z")) == (5, 2)
    assert file.texts["a", 1, "b"] == "1.10"


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a: 1\nb: 2\na: 3\n", "yaml-duplicate-key", 3),
        ("a:\n\tb: 1\n", "yaml-tab", 2),
        ("a: 1\n---\nb: 2\n", "yaml-documents", 2),
        ("a: 'x\n", "yaml-quote", 1),
        ("a: b: c\n", "yaml-syntax", 1),
        ("a: \x01\n", "yaml-syntax", 1),
        ("a: *nope\n", "yaml-syntax", 1),
        ("a: 1\nb: 'x\nc: 2\nd: 3\n", "yaml-quote", 2),
        ('a: "x\\q"\n', "yaml-syntax", 1),
        ("a: 1\nb: !reset x\n", "yaml-tag", 2),
        ("? [a]\n: b\n", "yaml-key", 1),
        ("a: &a\n  <<: *a\n", "yaml-too-deep", 1),
        ("a: &a [*a]\n", "yaml-too-deep", 1),
        ("a:\n  <<: 3\n", "yaml-merge", 2),
        ("[" * 5000, "yaml-syntax", 1),
        ("- " * 5000, "yaml-too-deep", 1),
        ("a: " + "[" * 80 + "]" * 80, "yaml-too-deep", 1),
    ],
)
def test_what_cannot_be_read_names_its_line(text: str, code: str, line: int) -> None:
    """A fault is one of ours, with file and line, never a traceback of the parser."""
    with pytest.raises(InvalidSource) as caught:
        yamlfile.load(text, "f.yaml")

    assert (caught.value.code, caught.value.file, caught.value.line) == (code, "f.yaml", line)


def test_bytes_must_be_utf8() -> None:
    """A byte that is no UTF-8 is named by its line; a byte order mark is fine."""
    with pytest.raises(InvalidSource) as caught:
        yamlfile.load(b"a: 1\nb: \xff\n", "f")

    assert (caught.value.code, caught.value.line) == ("not-utf8", 2)
    assert yamlfile.load(b"\xef\xbb\xbfa: 1\n", "f").value == {"a": 1}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["[{0},{0},{0},{0},{0},{0},{0},{0}]", "{{<<: [{0},{0},{0},{0},{0},{0},{0},{0}]}}"])
def test_an_alias_bomb_is_refused_at_once(kind: str) -> None:
    """Anchors that multiply are stopped long before they hurt."""
    lines = ["a0: &a0 {k: 1}", *(f"a{n}: &a{n} {kind.format(f'*a{n - 1}')}" for n in range(1, 12))]

    with pytest.raises(InvalidSource, match="yaml-too-large"):
        yamlfile.load("\n".join(lines), "f")


def test_merge_keys_yield_to_own_keys_and_earlier_sources() -> None:
    """`<<` fills in what is missing; its lines are those of the anchor."""
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\nz:\n  <<: [*x, *y]\n  a: 0\n"
    file = yamlfile.load(text, "f")

    assert isinstance(file.value, dict)
    assert file.value["z"] == {"a": 0, "b": 1, "c": 2}
    assert (file.line("z", "a"), file.line("z", "c")) == (5, 2)


def test_an_outline_forgives_what_compose_may_judge() -> None:
    """A compose file's own tags and repeated keys do not hide the places of everything else."""
    file = yamlfile.outline("a: !reset null\nb: !override [1]\na: 3\n", "f")

    assert file.value == {"a": 3, "b": [1]}
    assert file.line("b", 0) == 2


@pytest.mark.parametrize("text", ["", "# only a comment\n"])
def test_an_empty_file_is_nothing(text: str) -> None:
    """An empty file reads as null, in line 1."""
    file = yamlfile.load(text, "f")

    assert (file.value, file.line("x")) == (None, 1)
