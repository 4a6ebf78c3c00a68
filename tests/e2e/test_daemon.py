"""The settings of dockerd: the system's over git's over what stands in the file, read back from the running daemon."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.private_dockerd import PrivateDockerd
from tests.e2e.host import Host

APP = "services: {app: {image: 'app:1', init: true, command: [sleep, '1000'], restart: always}}\n"


@pytest.fixture
def box(tmp_path: Path, own_dockerd: Callable[..., PrivateDockerd]) -> Host:
    """A host that manages its own dockerd: one key is the system's, one stands in the file and is nobody's."""
    dockerd = own_dockerd(config={"shutdown-timeout": 7})
    control = {"kind": "pidfile", "pidfile": str(dockerd.pidfile), "start": dockerd.command}
    daemon = {"config_file": str(dockerd.config_file), "control": control, "owned": {"labels": ["owner=system"]}}
    host = Host(tmp_path, dockerd, daemon=daemon)
    host.push({"daemon.json": '{"max-concurrent-downloads": 2}', "stacks/web/compose.yaml": APP})
    return host


def values(host: Host) -> dict[str, object]:
    found: dict[str, object] = json.loads(host.dockerd.config_file.read_text())
    return found


def test_owned_and_wanted_keys_are_set_live(box):
    """What can be reloaded is, nobody's key stays, and the daemon itself says that it took the label."""
    pid = box.dockerd.pid

    report = box.apply()

    assert report["stacks"]["daemon"]["result"] == "Applied"
    assert values(box) == {"shutdown-timeout": 7, "labels": ["owner=system"], "max-concurrent-downloads": 2}
    assert box.api.info()["Labels"] == ["owner=system"]
    assert box.dockerd.pid == pid
    assert box.run("plan").out == "No changes.\n"
    assert box.status()["daemon"]["keys"]["labels"] == {
        "owner": "system", "desired": ["owner=system"], "file": ["owner=system"], "effective": ["owner=system"],
        "state": "in sync",
    }  # fmt: skip


def test_an_owned_key_edited_by_hand_is_put_back(box):
    """The plan names the key and both values; an apply restores it in the file and in the daemon."""
    box.apply()
    box.dockerd.config_file.write_text(json.dumps(values(box) | {"labels": ["owner=me"], "debug": True}))

    (action,) = box.plan()["actions"]

    assert (action["kind"], action["target"], action["because"]) == ("put-back", "daemon/labels", "drift")
    assert action["fields"] == [
        {"path": "labels", "desired": ["owner=system"], "applied": None, "observed": ["owner=me"]}
    ]
    box.apply()
    assert values(box)["labels"] == ["owner=system"]
    assert values(box)["debug"] is True
    assert box.run("plan").code == 0


def test_a_key_that_git_no_longer_names_is_taken_out(box):
    """Only if git had set it; what was there before git stays."""
    box.apply()
    box.push({"daemon.json": "{}"})

    assert [(a["kind"], a["target"]) for a in box.plan()["actions"]] == [("unset", "daemon/max-concurrent-downloads")]
    box.apply()

    assert values(box) == {"shutdown-timeout": 7, "labels": ["owner=system"]}


def test_a_key_that_needs_a_restart_restarts_the_daemon_and_its_containers_run_again(box):
    """The plan says so as a risk; the new daemon survives us and what ran before runs."""
    box.apply()
    pid, before = box.dockerd.pid, box.ids("web")
    box.push({"daemon.json": '{"max-concurrent-downloads": 2, "log-opts": {"max-size": "1m"}}'})

    (action,) = box.plan()["actions"]
    assert action["risks"] == ["engine-restart"]
    box.apply()

    assert box.dockerd.pid != pid
    assert values(box)["log-opts"] == {"max-size": "1m"}
    assert box.ids("web") == before
    assert all(found["State"]["Running"] for found in box.containers("web").values())
    assert box.run("plan").code == 0


@pytest.mark.parametrize(
    ("text", "line"),
    [('{\n  "labels": ["mine"]\n}', 2), ('{\n "debug": true,,\n}', 2), ("[]", None)],
    ids=["owned key", "not JSON", "no object"],
)
def test_a_bad_daemon_json_is_rejected_and_stacks_go_on(box, text, line):
    """Git's settings are refused with file and line, and the system's enforced; stacks converge."""
    before = values(box)
    box.push({"daemon.json": text})

    report = box.apply(code=3)

    problem = report["stacks"]["daemon"]["problem"]
    assert report["stacks"]["daemon"]["result"] == "Rejected"
    assert problem["file"] == "daemon.json"
    assert line is None or problem["line"] == line
    assert values(box) == before | {"labels": ["owner=system"]}
    assert report["stacks"]["web"]["result"] == "Applied"


def test_a_setting_that_dockerd_refuses_goes_back(box):
    """Dockerd does not take it: the old file is back, the old daemon goes on, the failure is told."""
    box.apply()
    pid, before = box.dockerd.pid, values(box)
    box.push({"daemon.json": '{"default-shm-size": "64 parsecs"}'})

    report = box.apply(code=3)

    assert report["stacks"]["daemon"]["result"] == "FailedUnchanged"
    assert values(box) == before
    assert box.dockerd.pid == pid
    assert box.api.info()["Labels"] == ["owner=system"]
