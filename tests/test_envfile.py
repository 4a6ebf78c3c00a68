"""The env file: whatever a value holds, compose reads back exactly that."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from reconciler import compose, process
from reconciler.envfile import env_line, env_text
from reconciler.tools import find_compose

NASTY = (
    "", " ", " a ", "a b", "#x", "a #b", "a'b", 'a"b', "'", '"', "'''", '"""', "\\", "a\\", "\\\\", "\\'", '\\"',
    "$", "$$", "$A", "${A}", "${A:-x}", "$(x)", "\\$A", "\\${A}", "$\n", "pa55\n#not a comment\n$A",
    "\\n", "\n", "a\nb\n", "\r\n", "\r", "\t", "\\t", "\\r", "\\0", "\\x41", "\\u0041",
    "\x07", "\x1b[0m", "\x7f", "\x0b", "\x85", "\ufeff", "\u2028", "é☃",
    "a=b", "export X=1", "`x`", "%s", "!!", "A: b", "{}", "[x]", "null", '{"a": "b\\n"}',
    "-----BEGIN KEY-----\nab+/=\n-----END KEY-----\n",
)  # fmt: skip
LETTERS = "\\\"'$#{}() \n\r\tabA0nrx=!:-`%&*"


def values() -> dict[str, str]:
    rng = random.Random(4)
    made = ["".join(rng.choice(LETTERS) for _ in range(rng.randint(1, 14))) for _ in range(300)]
    return {"A": "other", **{f"V{number}": value for number, value in enumerate((*NASTY, *made))}}


def test_one_line_per_variable_sorted_by_name():
    """The text depends on the values alone, so that an equal file is not written again."""
    assert env_text({"B": "2", "A": "x y"}) == 'A="x y"\nB="2"\n'
    assert env_line("A", 'say "$5"\\\n') == 'A="say \\"\\$5\\"\\\\\\n"\n'


@pytest.mark.parametrize("service_reads_it", [False, True], ids=["interpolated", "env_file"])
def test_compose_reads_back_every_value(tmp_path, service_reads_it):
    """Hundreds of values with quotes, dollars, newlines, comments and backslashes survive compose's own parser."""
    wanted = values()
    (tmp_path / "t.env").write_text(env_text(wanted), newline="")
    asked = {"env_file": ["t.env"]} if service_reads_it else {"environment": {name: f"${{{name}}}" for name in wanted}}
    (tmp_path / "compose.yaml").write_text(json.dumps({"services": {"s": {"image": "x", **asked}}}))

    assert rendered_environment(tmp_path) == wanted


def rendered_environment(folder: Path) -> dict[str, str]:
    project = compose.Project(find_compose(None).path, "t", str(folder), ("compose.yaml",), str(folder / "t.env"))
    done = process.run(compose.config(project), env=compose.environment(None, None), timeout=60).require()
    found = json.loads(done.stdout)["services"]["s"]["environment"]
    return {name: value.replace("$$", "$") for name, value in found.items()}
