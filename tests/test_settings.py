from __future__ import annotations

import os
from pathlib import Path

import pytest

from reconciler import settings
from reconciler.errors import InvalidSettings
from reconciler.model import Position
from reconciler.plan.texts import problem_hint, problem_text

LEAST = "device: attic\nsource: {url: /srv/home.git}\n"


def read(folder: Path, text: str, mode: int = 0o600) -> settings.Settings:
    file = folder / "config.yaml"
    file.write_text(text)
    file.chmod(mode)
    return settings.load(file)


def test_two_lines_are_enough(tmp_path: Path) -> None:
    """Everything but the device and the source has a default."""
    got = read(tmp_path, LEAST)

    assert got == settings.Settings(
        device="attic",
        source=settings.SourceSettings("/srv/home.git", "main", ".", 60.0),
        docker=settings.DockerSettings("unix:///var/run/docker.sock", Path("/root/.docker")),
        stacks_dir=Path("/var/lib/reconciler/stacks"),
        state_dir=Path("/var/lib/reconciler"),
        env_dir=None,
        drift=settings.DriftSettings("auto", 900.0, 600.0),
        daemon=None,
        file=tmp_path / "config.yaml",
    )


def test_the_whole_file_is_understood(tmp_path: Path) -> None:
    """Each key of the documented example arrives where it belongs."""
    got = read(
        tmp_path,
        f"""\
device: living-room
source: {{url: git@example.org:home.git, ref: release/1, path: ./homes/attic/, poll: 2h}}
docker: {{host: tcp://127.0.0.1:2375, config: {tmp_path}/absent}}
stacks_dir: /opt/stacks
state_dir: {tmp_path}
env_dir: {tmp_path}
drift: {{correct: report, every: 1d, stop_grace: 90s}}
daemon:
  config_file: {tmp_path}/daemon.json
  control: {{kind: pidfile, pidfile: /run/d.pid, start: [dockerd, -H, x]}}
  owned:
    bridge: br-pg
    dns: [1.1.1.1]
""",
    )

    assert got.source == settings.SourceSettings("git@example.org:home.git", "release/1", "homes/attic", 7200.0)
    assert got.docker == settings.DockerSettings("tcp://127.0.0.1:2375", tmp_path / "absent")
    assert (got.stacks_dir, got.env_dir, got.drift.every, got.drift.stop_grace) == (
        Path("/opt/stacks"),
        tmp_path,
        86400.0,
        90.0,
    )
    assert got.daemon
    assert got.daemon.control == settings.Control("pidfile", None, Path("/run/d.pid"), ("dockerd", "-H", "x"))
    assert got.daemon.owned == {"bridge": "br-pg", "dns": ["1.1.1.1"]}
    assert got.daemon.positions["dns"] == Position(str(tmp_path / "config.yaml"), 13)


@pytest.mark.parametrize(
    ("text", "code", "line", "says"),
    [
        ("", "missing-key", 1, "device is missing"),
        ("device: attic\nsorce: {url: /x}\n", "unknown-key", 2, "did you mean `source`?"),
        (LEAST + "drift: {corect: auto}\n", "unknown-key", 3, "did you mean `correct`?"),
        (LEAST + "drift:\n  every: 15m\n  zzz: 1\n", "unknown-key", 5, "known here: correct, every, stop_grace"),
        (LEAST + "drift: {correct: maybe}\n", "bad-choice", 3, "drift.correct must be 'auto' or 'report'"),
        (LEAST + "drift: {every: 15}\n", "bad-value", 3, "90s, 15m, 2h, 1d"),
        (LEAST + "drift: {every: 0s}\n", "bad-value", 3, "longer than nothing"),
        (LEAST + "docker: [a]\n", "wrong-type", 3, "docker must be a mapping"),
        ("device: 12\nsource: {url: /x}\n", "wrong-type", 1, "in quotes"),
        ("device: a/b\nsource: {url: /x}\n", "bad-value", 1, "device's name"),
        ("device: attic\nsource: {}\n", "missing-key", 2, "source.url is missing"),
        (LEAST + "state_dir: here\n", "bad-value", 3, "absolute path"),
        (LEAST + "env_dir: /no/such/folder\n", "settings-path-missing", 3, "/no/such/folder"),
        (LEAST + "daemon:\n  config_file: /no/such/daemon.json\n", "settings-path-missing", 4, "/no/such"),
        (LEAST + "daemon:\n  control: {kind: pidfil}\n", "bad-choice", 4, "'systemd', 'pidfile' or 'command'"),
        (LEAST + "daemon:\n  control: {kind: pidfile, pidfile: /x}\n", "bad-value", 4, "needs `start`"),
        (
            LEAST + "daemon:\n  control: {kind: pidfile, pidfile: /x, start: x}\n",
            "wrong-type",
            4,
            "start must be a list",
        ),
        (LEAST + "daemon:\n  control: {kind: systemd, stop: [x]}\n", "bad-value", 4, "no use for `stop`"),
        (
            LEAST + "daemon:\n  config_file: /etc/daemon.json\n  owned:\n    a: 1\n    b: keep\n",
            "settings-owned-keep",
            7,
            "later",
        ),
        (LEAST + "metrics: {}\n", "missing-key", 3, "metrics.listen is missing"),
        (LEAST + "metrics: {listen: 9121}\n", "bad-value", 3, "127.0.0.1:9121"),
        (LEAST + "metrics: {listen: localhost:9121}\n", "bad-value", 3, "127.0.0.1:9121"),
        (LEAST + "metrics: {listen: 127.0.0.1:0}\n", "bad-value", 3, "127.0.0.1:9121"),
        (LEAST + "metrics: {listen: 127.0.0.300:1}\n", "bad-value", 3, "127.0.0.1:9121"),
        (LEAST + "metrics: {listen: 127.0.0.1:65536}\n", "bad-value", 3, "127.0.0.1:9121"),
        (LEAST + "a: 1\na: 2\n", "yaml-duplicate-key", 4, "first in line 3"),
        ("- a\n", "wrong-type", 1, "must be a mapping"),
    ],
)
def test_a_fault_is_named_with_line_and_way_out(tmp_path: Path, text: str, code: str, line: int, says: str) -> None:
    """Each fault has file, line and words that help; its text and hint can be printed."""
    with pytest.raises(InvalidSettings) as caught:
        read(tmp_path, text)

    problem = caught.value.problem("settings")
    assert (problem.code, problem.line, problem.file) == (code, line, str(tmp_path / "config.yaml"))
    assert says in problem_text(problem)
    assert problem_hint(problem)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:9121", "127.0.0.1", 9121), ("0.0.0.0:80", "0.0.0.0", 80), ("'[::1]:9121'", "::1", 9121)],
)
def test_metrics_are_listened_for_where_the_settings_say(tmp_path: Path, text: str, host: str, port: int) -> None:
    """An address of either family, and only when it is asked for."""
    assert read(tmp_path, LEAST).metrics is None
    assert read(tmp_path, LEAST + f"metrics: {{listen: {text}}}\n").metrics == settings.MetricsSettings(host, port)


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c id",
        "-u",
        "--upload-pack=x",
        "http://x/y",
        "relative/path",
        "ssh://-oProxyCommand=x/y",
        "git@-x:y",
        "a:b",
        "/x\ny",
        "",
    ],
)
def test_only_safe_addresses_are_taken(tmp_path: Path, url: str) -> None:
    """What git could take for an option, a command or an unprotected transport never gets to it."""
    with pytest.raises(InvalidSettings) as caught:
        read(tmp_path, f"device: a\nsource: {{url: {json_text(url)}}}\n")

    assert (caught.value.code, caught.value.line) == ("bad-value", 2)


@pytest.mark.parametrize("ref", ["-x", "a..b", "a b", "/a", "a/", "x.lock", "a~1", "a^{}", "a:b", "@{-1}", ""])
def test_only_plain_refs_are_taken(tmp_path: Path, ref: str) -> None:
    """A ref is a name, no expression and no option."""
    with pytest.raises(InvalidSettings):
        read(tmp_path, f"device: a\nsource: {{url: /x, ref: {json_text(ref)}}}\n")


@pytest.mark.parametrize("path", ["/abs", "../up", "a/../../b", ".git"])
def test_the_followed_folder_is_inside_the_repository(tmp_path: Path, path: str) -> None:
    """source.path cannot lead out of the repository."""
    with pytest.raises(InvalidSettings):
        read(tmp_path, f"device: a\nsource: {{url: /x, path: {path}}}\n")


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, mode: int) -> None:
    """Who writes the settings commands the device."""
    with pytest.raises(InvalidSettings, match="settings-writable"):
        read(tmp_path, LEAST, mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    """The settings belong to root, or to the user we run as."""
    read(tmp_path, LEAST)
    os.chown(tmp_path / "config.yaml", 65534, 65534)

    with pytest.raises(InvalidSettings, match="settings-owner"):
        settings.load(tmp_path / "config.yaml")


def test_no_file_is_said_plainly(tmp_path: Path) -> None:
    """A missing file is an error of its own, with the file's name."""
    with pytest.raises(InvalidSettings) as caught:
        settings.load(tmp_path / "none.yaml")

    assert (caught.value.code, caught.value.file) == ("settings-missing", str(tmp_path / "none.yaml"))


def json_text(text: str) -> str:
    return '"' + text.replace("\n", "\\n") + '"'
