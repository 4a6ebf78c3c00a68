"""How dockerd is started so that it outlives us; what it does with its settings is told on real ones in tests/e2e."""

import os

import pytest

from reconciler.apply import control
from reconciler.settings import Control


def ended(pid):
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


@pytest.fixture
def systemd(tmp_path, monkeypatch):
    """Let systemd run here, with a systemd-run that writes down what it is asked, then runs it as the real one does."""
    (tmp_path / "system").mkdir()
    stub = tmp_path / "systemd-run"
    stub.write_text(
        f'#!/bin/sh\necho "$*" >>{tmp_path}/asked\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n'
    )
    stub.chmod(0o755)
    monkeypatch.setattr(control, "_SYSTEMD", tmp_path / "system")
    monkeypatch.setattr(control, "_ENVIRONMENT", {"PATH": f"{tmp_path}:/usr/bin:/bin"})
    monkeypatch.setattr(control, "_wait_ready", lambda host, started: started and ended(started))
    return lambda: (tmp_path / "asked").read_text().splitlines()


def test_where_systemd_runs_dockerd_gets_a_scope_of_its_own(tmp_path):
    """When our unit ends, systemd kills all that is in its cgroup; elsewhere nothing has to be done."""
    assert control.outlives_us(("dockerd", "--x"), tmp_path) == (
        "systemd-run", "--scope", "--quiet", "--collect", "--", "dockerd", "--x",
    )  # fmt: skip
    assert control.outlives_us(("dockerd", "--x"), tmp_path / "none") == ("dockerd", "--x")


def test_a_dockerd_that_we_start_is_put_there(tmp_path, systemd):
    """By its pid file: stopped by a signal, started by the command."""
    control.restart(Control("pidfile", pidfile=tmp_path / "none.pid", start=("sh", "-c", "exit 0")), "unix:///none")

    assert systemd() == ["--scope --quiet --collect -- sh -c exit 0"]


def test_a_restart_command_is_run_there_too(systemd):
    """What it leaves running is a dockerd."""
    control.restart(Control("command", restart=("true", "now")), "unix:///none")

    assert systemd() == ["--scope --quiet --collect -- true now"]
