"""A repository to start from: whole, valid, and never over something that is there."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reconciler import settings
from reconciler.cli.main import run
from reconciler.cli.starter import REPOSITORY


@pytest.fixture(autouse=True)
def ada(tmp_path, monkeypatch):
    """Let git know who commits."""
    home = tmp_path / "user"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")
    monkeypatch.setenv("HOME", str(home))
    return home


def git(home: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=home, check=True, capture_output=True, text=True).stdout.strip()


def files(home: Path) -> set[str]:
    return {
        path.relative_to(home).as_posix() for path in home.rglob("*") if path.is_file() and ".git" not in path.parts
    }


def test_it_is_one_commit_and_settings_that_follow_it(tmp_path, capsys):
    """All files, committed on main; the example is taken by the agent as it stands."""
    home = tmp_path / "srv" / "home"

    assert run(["init", str(home), "--device", "attic"]) == 0

    said = capsys.readouterr().out
    assert files(home) == {name.replace("$device", "attic") for name in REPOSITORY} | {"config.example.yaml"}
    assert (git(home, "log", "--format=%s %an", "main"), git(home, "status", "--porcelain")) == ("Start Ada", "")
    assert f"install -D -m 0600 {home}/config.example.yaml /etc/reconciler/config.yaml" in said
    taken = settings.load(home / "config.example.yaml")
    assert (taken.device, taken.source.url, taken.source.ref, taken.daemon) == ("attic", str(home), "main", None)


def test_what_is_written_is_valid(tmp_path, capsys):
    """`validate` finds nothing to say about it, for the device it was made for."""
    run(["init", str(tmp_path / "home"), "--device", "attic"])
    capsys.readouterr()

    assert run(["validate", str(tmp_path / "home")]) == 0
    assert "No problems: 1 stack, 1 device" in capsys.readouterr().out


def test_every_commented_setting_is_one(tmp_path):
    """What a user uncomments in the settings, or in stack.yaml, is taken."""
    home = tmp_path / "home"
    run(["init", str(home), "--device", "attic"])
    whole = home / "config.example.yaml"
    for name in ("docker", "env"):
        (tmp_path / name).mkdir()
    text = (
        whole.read_text()
        .replace("/etc/docker/", f"{tmp_path}/docker/")
        .replace("/etc/reconciler/env", f"{tmp_path}/env")
    )
    whole.write_text("\n".join(_uncommented(line) for line in text.splitlines()))
    taken = settings.load(whole)

    assert taken.daemon is not None
    assert taken.env_dir == tmp_path / "env"
    stack = home / "stacks/hello/stack.yaml"
    (home / "stacks/other").mkdir()
    (home / "stacks/other/compose.yaml").write_text("services: {a: {image: busybox}}\n")
    (home / "stacks/hello/common.env").touch()
    uncommented = "\n".join(_uncommented(line) for line in stack.read_text().splitlines()[2:])
    stack.write_text(uncommented.replace("jobs: [migrate]", "jobs: [page]"))
    assert run(["validate", str(home)]) == 0


def _uncommented(line: str) -> str:
    return line[2:] if line.startswith("# ") and ":" in line and not line.endswith((".", ",")) else line


def test_nothing_that_is_there_is_touched(tmp_path, capsys):
    """A folder with anything in it is refused, and settings that are there stay as they are."""
    home, config = tmp_path / "home", tmp_path / "config.yaml"
    config.write_text("mine")
    home.mkdir()

    assert run(["init", str(home), "--config", str(config)]) == 0
    assert config.read_text() == "mine"
    assert "was left as it is" in capsys.readouterr().out
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    assert run(["init", str(home), "--config", str(config)]) == 1
    assert "holds something already" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in home.rglob("*") if path.is_file()} == before


def test_settings_are_written_where_they_are_wanted(tmp_path, capsys, monkeypatch):
    """Only `--config` of the verb writes them, for root alone; the environment names those of other verbs."""
    monkeypatch.setenv("RECONCILER_CONFIG", str(tmp_path / "not-this.yaml"))
    config = tmp_path / "etc" / "reconciler" / "config.yaml"

    assert run(["init", str(tmp_path / "home"), "--device", "attic", "--config", str(config)]) == 0

    assert config.stat().st_mode & 0o777 == 0o600
    assert settings.load(config).source.url == str(tmp_path / "home")
    said = capsys.readouterr().out
    assert f"reconciler plan --config {config}" in said
    assert f"reconciler run --config {config}" in said
    assert not (tmp_path / "not-this.yaml").exists()


def test_without_an_identity_the_commands_are_told(tmp_path, ada, capsys):
    """Git that does not know who commits: nothing is made up."""
    (ada / ".gitconfig").unlink()

    assert run(["init", str(tmp_path / "home")]) == 0
    assert "git config --global user.email" in capsys.readouterr().out
    assert git(tmp_path / "home", "status", "--porcelain") != ""


@pytest.mark.parametrize("name", ["", "-x", "a b", "a/b", "x" * 64])
def test_a_name_that_is_none_is_wrong_usage(tmp_path, name, capsys):
    """The device's name is one that the settings take."""
    assert run(["init", str(tmp_path / "home"), f"--device={name}"]) == 64
    assert not (tmp_path / "home").exists()


def test_the_host_is_the_device(tmp_path, monkeypatch):
    """Without a name the host's is used, as far as it can be one."""
    monkeypatch.setattr("socket.gethostname", lambda: "my_höst.example.org")
    run(["init", str(tmp_path / "home")])

    assert settings.load(tmp_path / "home" / "config.example.yaml").device == "my_h-st"


@pytest.mark.parametrize("device", ["42", "null", "1e3", "007"])
def test_a_device_may_look_like_something_else(device, tmp_path):
    """The name of a host is text, also where YAML would see a number."""
    assert run(["init", str(tmp_path / "home"), "--device", device]) == 0
    assert settings.load(tmp_path / "home" / "config.example.yaml").device == device


@pytest.mark.parametrize("name", ["a: b #c", 'quo"te\\', "$HOME ${device}", "Übung 🏠", "-dash"])
def test_a_folder_may_have_an_odd_name(name, tmp_path):
    """The settings that are written follow it."""
    assert run(["init", "--", str(tmp_path / name)]) == 0
    assert settings.load(tmp_path / name / "config.example.yaml").source.url == str(tmp_path / name)


def test_names_that_nothing_written_can_hold_are_refused(tmp_path, capsys):
    """A line break in a name is no setting; nothing is written."""
    home = tmp_path / "home"
    assert run(["init", str(tmp_path / "a\nb")]) == 64
    assert run(["init", str(tmp_path / "a\x1b[31m")]) == 64
    assert run(["init", str(tmp_path / "a\udcff")]) == 64
    assert run(["init", str(home), "--config", str(tmp_path / "x\nmetrics: {listen: 0.0.0.0:1}\n#")]) == 64
    assert not home.exists()
    assert "\x1b" not in capsys.readouterr().err
