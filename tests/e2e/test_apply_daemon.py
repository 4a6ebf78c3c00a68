"""daemon.json on a real dockerd: reloaded or restarted, proved by its own answers, and gone back from when it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import docker
import pytest

from deploy.private_dockerd import PrivateDockerd
from reconciler.apply import control
from reconciler.apply.daemon import apply_daemon
from reconciler.errors import DaemonRejected
from reconciler.model import Action, Cause, Json, ObservedDaemon
from reconciler.settings import Control, DaemonSettings

pytestmark = pytest.mark.e2e


def settings(daemon: PrivateDockerd, how: Control | None = None) -> DaemonSettings:
    by_pidfile = Control("pidfile", pidfile=daemon.pidfile, start=tuple(daemon.command))
    return DaemonSettings(daemon.config_file, how or by_pidfile)


def seen(daemon: PrivateDockerd) -> ObservedDaemon:
    return ObservedDaemon(str(daemon.config_file), True, json.loads(daemon.config_file.read_text()))


def setting(values: Mapping[str, Json], *, restart: bool) -> list[Action]:
    risks = ("engine-restart",) if restart else ()
    return [
        Action(f"daemon/{key}", "set", "change", Cause("field"), object=key, params={"value": value}, risks=risks)
        for key, value in values.items()
    ]


def info(daemon: PrivateDockerd) -> dict[str, Any]:
    client = docker.APIClient(daemon.host, version="auto")
    try:
        return dict(client.info())
    finally:
        client.close()


def test_a_live_key_is_reloaded(own_dockerd):
    """The same dockerd has the new value when apply returns: nothing was restarted, nobody has to wait."""
    daemon = own_dockerd(config={"debug": False})
    pid = daemon.pid
    apply_daemon(settings(daemon), seen(daemon), setting({"labels": ["shelf=attic"]}, restart=False), daemon.host)

    assert info(daemon)["Labels"] == ["shelf=attic"]
    assert daemon.pid == pid
    assert json.loads(daemon.config_file.read_text()) == {"debug": False, "labels": ["shelf=attic"]}


SCRIPT = """
import json, sys
from pathlib import Path
from reconciler.apply.daemon import apply_daemon
from reconciler.model import Action, Cause, ObservedDaemon
from reconciler.settings import Control, DaemonSettings
file, pidfile, host, log, *start = sys.argv[1:]
control = Control("pidfile", pidfile=Path(pidfile), start=tuple(start))
wanted = {"value": "local"}
risks = ("engine-restart",)
change = Action("daemon/log-driver", "set", "change", Cause("field"), object="log-driver", params=wanted, risks=risks)
seen = ObservedDaemon(file, True, json.loads(Path(file).read_text()))
apply_daemon(DaemonSettings(Path(file), control), seen, [change], host, Path(log))
"""


def test_a_restarted_dockerd_survives_us(own_dockerd, tmp_path):
    """The process that restarted dockerd is gone: dockerd runs on, in a session of its own, with the new value."""
    daemon = own_dockerd()
    pid = daemon.pid
    log = tmp_path / "dockerd.log"
    places = [str(daemon.config_file), str(daemon.pidfile), daemon.host, str(log)]
    subprocess.run([sys.executable, "-c", SCRIPT, *places, *daemon.command], check=True, timeout=100)

    assert info(daemon)["LoggingDriver"] == "local"
    assert daemon.pid != pid
    assert os.getsid(daemon.pid) == daemon.pid
    assert "API listen" in log.read_text()


def test_a_reload_that_is_refused_goes_back(own_dockerd, monkeypatch):
    """Dockerd only logs what it does not like: no word from it within the time means no, and the old file is back."""
    monkeypatch.setattr(control, "RELOAD_SECONDS", 3.0)
    daemon = own_dockerd(config={"debug": False})
    before = daemon.config_file.read_bytes()
    with pytest.raises(DaemonRejected) as caught:
        apply_daemon(
            settings(daemon), seen(daemon), setting({"registry-mirrors": ["ftp://x/?"]}, restart=False), daemon.host
        )

    assert caught.value.code == "daemon-not-reloaded"
    assert daemon.config_file.read_bytes() == before
    assert info(daemon)["ServerVersion"]


def test_a_restart_that_fails_goes_back(own_dockerd):
    """A key that keeps dockerd from starting: the old file is back, and dockerd with it."""
    daemon = own_dockerd(config={"debug": False})
    before, pid = daemon.config_file.read_bytes(), daemon.pid
    with pytest.raises(DaemonRejected) as caught:
        apply_daemon(settings(daemon), seen(daemon), setting({"no-such-key": 1}, restart=True), daemon.host)

    assert caught.value.code == "daemon-not-back"
    assert daemon.config_file.read_bytes() == before
    assert info(daemon)["Labels"] == []
    assert daemon.pid != pid


def test_commands_of_the_device_are_used(own_dockerd):
    """Where dockerd is controlled by commands they are run, and their complaint is the error."""
    daemon = own_dockerd()
    reload = ("sh", "-c", f"kill -HUP $(cat {daemon.pidfile})")
    by_command = Control(
        "command", start=("true",), stop=("true",), reload=reload, restart=("sh", "-c", "echo not today; exit 1")
    )
    apply_daemon(settings(daemon, by_command), seen(daemon), setting({"labels": ["a=b"]}, restart=False), daemon.host)

    assert info(daemon)["Labels"] == ["a=b"]

    with pytest.raises(DaemonRejected) as caught:
        control.restart(by_command, daemon.host)

    assert "not today" in caught.value.arguments["words"]


def test_a_pid_file_that_names_somebody_else_hurts_nobody(tmp_path):
    """After a crash the number in the pid file may be anyone's: no signal is sent to what is not a dockerd."""
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        pidfile = tmp_path / "docker.pid"
        pidfile.write_text(str(bystander.pid))
        with control._dockerd(Control("pidfile", pidfile=pidfile)) as handle:
            assert handle is None
    finally:
        bystander.kill()
        bystander.wait()
