"""Finding compose."""

from pathlib import Path

import pytest

from reconciler.errors import MissingTool
from reconciler.tools import find_compose


def program(folder: Path, version: str, name: str = "docker-compose") -> str:
    """Make a program that tells a version and counts its starts."""
    path = folder / name
    path.write_text(f"#!/bin/sh\necho x >> {folder}/starts\necho {version}\n")
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize("version", ["2.26.1-4", "v5.5.0", "5.5.0", "2.40.3+ds1", "3.0.0-rc1", "2.100.0"])
def test_new_enough(tmp_path, version):
    """Every spelling of a good version is understood."""
    place = program(tmp_path, version)
    found = find_compose(None, [str(tmp_path / "absent"), place])
    assert (found.path, found.version) == (place, version)


@pytest.mark.parametrize("version", ["1.29.2", "2.25.9", "v2.3.0", "nonsense", "''"])
def test_too_old(tmp_path, version):
    """Below the floor, version 1 and what cannot be understood are one clear error."""
    place = program(tmp_path, version)
    with pytest.raises(MissingTool) as caught:
        find_compose(None, [place])
    assert caught.value.code == "compose-too-old"
    assert caught.value.arguments["path"] == place


def test_absent(tmp_path):
    """No compose at all, or a file that is no program."""
    (tmp_path / "docker-compose").write_text("")
    with pytest.raises(MissingTool) as caught:
        find_compose(None, [str(tmp_path / "docker-compose"), "/no/such"])
    assert caught.value.code == "compose-missing"


def test_places_that_cannot_be_looked_at(tmp_path):
    """A home that nobody knows and a path that is too long are places like others without a compose."""
    with pytest.raises(MissingTool) as caught:
        find_compose(None, ["~nobody-of-this-name/docker-compose", "/" + "x" * 300])
    assert caught.value.code == "compose-missing"


def test_an_old_one_does_not_hide_a_new_one(tmp_path):
    """Later places are tried when the first is too old."""
    old, new = program(tmp_path, "1.29.2", "old"), program(tmp_path, "2.30.0", "new")
    assert find_compose(None, [old, new]).path == new


def test_warm_pass_starts_nothing(tmp_path):
    """A version that was asked once is remembered until the file changes."""
    state = tmp_path / "state"
    state.mkdir()
    place = program(tmp_path, "2.26.1")
    for _ in range(3):
        assert find_compose(state, [place]).version == "2.26.1"
    assert (tmp_path / "starts").read_text() == "x\n"
    program(tmp_path, "2.27.0-longer")
    assert find_compose(state, [place]).version == "2.27.0-longer"


def test_spoilt_memory_is_no_harm(tmp_path):
    """A damaged memory is asked anew."""
    (tmp_path / "tools.json").write_text("{")
    assert find_compose(tmp_path, [program(tmp_path, "2.26.1")]).version == "2.26.1"
