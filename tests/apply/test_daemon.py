"""daemon.json is written key by key: what nobody named stays, as it stood."""

from __future__ import annotations

import json
import os
import stat

import pytest

from reconciler.apply.daemon import write_config
from reconciler.errors import NoSpace, Retry
from reconciler.model import Action, Cause


def set_key(key, value):
    return Action(f"daemon/{key}", "set", "change", Cause("field"), object=key, params={"value": value})


def unset_key(key):
    return Action(f"daemon/{key}", "unset", "removed", Cause("field"), object=key)


def test_unknown_keys_and_their_order_stay(tmp_path):
    """Only the named keys change, in place; a new one comes last; one that git dropped goes."""
    file = tmp_path / "daemon.json"
    file.write_text('{"zeta": {"b": 1, "a": 2}, "debug": false, "old": 1, "beta": ["x"]}')
    seen = json.loads(file.read_text())
    write_config(file, seen, [set_key("debug", True), unset_key("old"), set_key("alpha", "n")])

    assert file.read_text() == json.dumps(
        {"zeta": {"b": 1, "a": 2}, "debug": True, "beta": ["x"], "alpha": "n"}, indent=2
    ) + "\n"  # fmt: skip


def test_mode_and_owner_stay(tmp_path):
    """A file that its owner made private stays private and his."""
    file = tmp_path / "daemon.json"
    file.write_text("{}")
    file.chmod(0o640)
    os.chown(file, 1234, 4321)
    write_config(file, {}, [set_key("debug", True)])
    status = file.stat()

    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o640, 1234, 4321)


def test_a_link_stays_a_link(tmp_path):
    """Where the config file is a link, its target is written and the link kept."""
    target = tmp_path / "persistent/real.json"
    target.parent.mkdir()
    target.write_text('{"a": 1}')
    link = tmp_path / "daemon.json"
    link.symlink_to("persistent/real.json")
    write_config(link, {"a": 1}, [set_key("b", 2)])

    assert link.is_symlink()
    assert json.loads(target.read_text()) == {"a": 1, "b": 2}


def test_an_absent_file_is_made(tmp_path):
    """A machine without a config file gets one, folder and all, readable by everyone as docker's own is."""
    file = tmp_path / "docker/daemon.json"
    write_config(file, {}, [set_key("debug", True)])

    assert json.loads(file.read_text()) == {"debug": True}
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@pytest.mark.parametrize("content", [b"", b"\n", b"null\n", b"\xef\xbb\xbf{}"])
def test_an_empty_file_is_an_empty_object(tmp_path, content):
    """What the engine takes for no settings is no obstacle: nothing, `null`, a byte order mark."""
    file = tmp_path / "daemon.json"
    file.write_bytes(content)
    write_config(file, {}, [set_key("debug", True)])

    assert json.loads(file.read_text()) == {"debug": True}


@pytest.mark.parametrize("now", ['{"a": 2}', "not json", "[]"])
def test_a_file_that_changed_since_it_was_seen_is_left_alone(tmp_path, now):
    """Somebody who writes it at the same time does not lose his change."""
    file = tmp_path / "daemon.json"
    file.write_text(now)

    with pytest.raises(Retry) as caught:
        write_config(file, {"a": 1}, [set_key("b", 2)])

    assert caught.value.code == "daemon-file-changed"
    assert file.read_text() == now


def test_what_stood_there_comes_back(tmp_path):
    """The old content is handed back byte by byte, so that it can be restored."""
    file = tmp_path / "daemon.json"
    file.write_text('{ "a":1 }')

    assert write_config(file, {"a": 1}, [set_key("a", 2)]).content == b'{ "a":1 }'


def test_a_full_disk_leaves_the_old_file(small_disk):
    """Nothing half-written: the file is the old one or the new one."""
    file = small_disk / "daemon.json"
    file.write_text("{}")

    with pytest.raises(NoSpace) as caught:
        write_config(file, {}, [set_key("labels", ["x" * 300_000])])

    assert caught.value.arguments["path"] == str(file)
    assert file.read_text() == "{}"
    assert [path.name for path in small_disk.iterdir()] == ["daemon.json"]
