from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired.daemon import read_json
from reconciler.errors import InvalidSource
from reconciler.model import DaemonKey, DesiredDaemon, Position
from tests.desired.sources import COMPOSE, codes, wanted


def test_layers_merge_by_top_level_key(tmp_path: Path) -> None:
    """The last layer that names a key has it, with file and line; the system's keys stand beside them."""
    files = {
        "daemon.json": '{"debug": true,\n "log-opts": {"max-size": "1m", "max-file": "3"}}',
        "roles/nas/daemon.json": '{"log-opts": {"max-size": "5m"}}',
        "devices/attic/daemon.json": '{\n\n"debug": false}',
        "devices/attic/device.yaml": "roles: [nas]\n",
        "devices/cellar/daemon.json": "no json",
    }
    positions = {"bridge": Position("/etc/config.yaml", 9)}
    found = wanted(tmp_path, files, owned={"bridge": "br-pg"}, owned_positions=positions).daemon

    assert found == DesiredDaemon(
        (
            DaemonKey("bridge", "br-pg", "system", Position("/etc/config.yaml", 9)),
            DaemonKey("debug", False, "git", Position("devices/attic/daemon.json", 3)),
            DaemonKey("log-opts", {"max-size": "5m"}, "git", Position("roles/nas/daemon.json", 1)),
        )
    )


def test_a_key_of_the_system_is_refused_in_git(tmp_path: Path) -> None:
    """The daemon part is rejected with file and line, the system's value stays, and stacks go on."""
    files = {"daemon.json": '{\n  "debug": true,\n  "bridge": "none"\n}', "stacks/web/compose.yaml": COMPOSE}
    found = wanted(tmp_path, files, owned={"bridge": "br-pg"})

    assert codes(found) == [("daemon/bridge", "daemon-key-owned", "daemon.json", 3)]
    assert found.daemon
    assert found.daemon.problems[0].reason == "DaemonRejected"
    assert {key.name: (key.value, key.owner) for key in found.daemon.keys}["bridge"] == ("br-pg", "system")
    assert found.stacks[0].problems == ()


def test_an_unmanaged_daemon_is_left_alone(tmp_path: Path) -> None:
    """Without daemon settings of the agent a daemon.json in git means nothing."""
    assert wanted(tmp_path, {"daemon.json": "no json"}).daemon is None
    assert wanted(tmp_path, {"daemon.json": "{}"}, owned={}).daemon == DesiredDaemon()


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "object"),
        ("[]", 1, "object"),
        ('{"a": 1', 1, "comma or a closing brace"),
        ('{"a": 1,\n}', 2, "key in double quotes"),
        ('{"a": 1}\n{"b": 2}', 2, "follows"),
        ('{"a": 1\n "b": 2}', 2, "comma"),
        ('{\n"a": tru}', 2, "Expecting value"),
        ('{"a": 1,\n"a": 2}', 2, "first in line 1"),
        ('{"x": {"a": 1,\n"a": 2}}', 2, "twice"),
        ('{\n"a": NaN}', 2, "NaN"),
        ('{\n# hello\n"a": 1}', 2, "key in double quotes"),
        ("{\n\"a\": {'b': 1}}", 2, "double quotes"),
        ('{"a": ' + "[" * 100_000, 1, "deeply"),
        ('{"a": ' + "1" * 5000 + "}", 1, "4300"),
    ],
)
def test_what_is_not_json_names_its_line(tmp_path: Path, text: str, line: int, words: str) -> None:
    """A fault in daemon.json rejects the daemon part, with file, line and words."""
    found = wanted(tmp_path, {"daemon.json": text}, owned={})

    assert codes(found) == [("daemon", "json-syntax", "daemon.json", line)]
    assert found.daemon
    assert words in found.daemon.problems[0].args["words"]
    assert found.daemon.problems[0].reason == "DaemonRejected"


def test_all_of_json_is_understood() -> None:
    """Escapes, nesting, numbers and a byte order mark arrive as JSON means them."""
    text = '\ufeff { "a" : [1, -2.5e3, null, true, "\\ud83d\\ude00\\/"] ,\n\n"b\\n" : {} } \n'
    found = read_json(text.encode(), "f")

    assert found.values == {"a": [1, -2500.0, None, True, "😀/"], "b\n": {}}
    assert found.lines == {"a": 1, "b\n": 3}
    assert read_json(b"{}", "f").values == {}


def test_json_must_be_utf8() -> None:
    """A byte that is no UTF-8 is named by its line."""
    with pytest.raises(InvalidSource) as caught:
        read_json(b'{"a":\n"\xff"}', "f")

    assert (caught.value.code, caught.value.line) == ("not-utf8", 2)
