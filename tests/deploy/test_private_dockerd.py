"""A private dockerd shares nothing with an engine that is there, and leaves nothing behind."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path

import docker
import pytest

from deploy.images import make_image
from deploy.leftovers import sweep
from deploy.network import add_bridge, own_network
from deploy.private_dockerd import DockerdFailed, PrivateDockerd

ROOT = Path(__file__).resolve().parents[2]

BUSY = """
import os, signal, sys
from pathlib import Path
import docker
from deploy.images import make_image
from deploy.private_dockerd import PrivateDockerd
daemon = PrivateDockerd(Path(sys.argv[1]))
daemon.open()
make_image(daemon.host, "app:1")
api = docker.APIClient(daemon.host, version="auto")
container = api.create_container("app:1", host_config=api.create_host_config(network_mode="none"))
api.start(container)
daemon.restart()
api.start(container)
print(container["Id"], flush=True)
{end}
"""


@pytest.fixture
def folder():
    path = Path(tempfile.mkdtemp(prefix="rd", dir="/tmp"))
    yield path
    sweep(path)


def starter(folder, end):
    command = [sys.executable, "-c", BUSY.format(end=end), str(folder)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def processes_of(folder):
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if f"{folder}/" in entry.read_text():
                found.append(int(entry.parent.name))
        except OSError:
            continue
    return found


def cgroups_of(container):
    root = Path("/sys/fs/cgroup")
    return [found for base in (root, *root.iterdir()) if (found := base / "docker" / container).exists()]


def wait_for_guard(folder):
    """Wait for the guard to end; it is known by its command line."""
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        words = entry.read_text().split("\0")
        if "deploy.leftovers" in words and str(folder) in words:
            handle = os.pidfd_open(int(entry.parent.name))
            assert select.select([handle], [], [], 30)[0], "the guard hangs"
            os.close(handle)


@pytest.mark.parametrize("end", ["daemon.close()", "raise KeyboardInterrupt", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_nothing_is_left_however_the_starter_ends(folder, end):
    """Closed, interrupted or killed: processes, mounts, cgroups and files are gone."""
    process = starter(folder, end)
    told, said = process.communicate(timeout=60)
    assert process.returncode in (0, 1, -2, -9), said
    wait_for_guard(folder)
    assert processes_of(folder) == []
    assert str(folder) not in Path("/proc/mounts").read_text()
    assert not folder.exists()
    assert cgroups_of(told.strip()) == []


def test_a_failed_start_says_why_and_leaves_nothing(folder):
    """The error holds the tail of the log."""
    with pytest.raises(DockerdFailed, match="no-such-key"):
        PrivateDockerd(folder, config={"no-such-key": 1}).open()
    assert not folder.exists()


def test_a_folder_too_long_for_sockets_is_refused():
    """Better than a socket that cannot be bound, told by nobody."""
    with pytest.raises(ValueError, match="too long"):
        PrivateDockerd(Path("/tmp") / ("x" * 90))


def test_a_default_bridge_of_the_machine_is_not_touched(folder):
    """A dockerd deletes docker0 as it comes up without a bridge: it must not see the machine's."""
    own_network()  # the machine, for this test
    add_bridge("docker0")
    process = starter(folder, "daemon.close()")
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "docker0" in Path("/proc/thread-self/net/dev").read_text()


def test_two_side_by_side(own_dockerd):
    """Same names, different containers, different subnets."""
    subnets = []
    for daemon in (own_dockerd(name="one"), own_dockerd(name="two")):
        api = docker.APIClient(daemon.host, version="auto")
        network = api.create_network("net")["Id"]
        subnets.append(api.inspect_network(network)["IPAM"]["Config"][0]["Subnet"])
        container = api.create_container("app:1", name="web", host_config=api.create_host_config(network_mode="net"))
        api.start(container)
        assert [one["State"] for one in api.containers()] == ["running"]
        api.close()
    assert len(set(subnets)) == 2


def test_an_image_has_what_it_was_made_with(dockerd, api, unique):
    """Command, changes, files and all of busybox are in the image."""
    name = unique("img")
    changes = ["ENV A=1", "LABEL b=2", "EXPOSE 80", "VOLUME /data", "HEALTHCHECK CMD true", "STOPSIGNAL SIGINT"]
    image = make_image(
        dockerd.host, f"{name}:1", command=["cat", "/etc/told"], changes=changes, files={"/etc/told": b"hi\n"}
    )
    config = api.inspect_image(f"{name}:1")["Config"]
    assert api.inspect_image(f"{name}:1")["Id"] == image
    assert (config["Env"], config["Labels"], config["StopSignal"]) == (["A=1"], {"b": "2"}, "SIGINT")
    assert (config["ExposedPorts"], config["Volumes"]) == ({"80/tcp": {}}, {"/data": {}})
    container = api.create_container(f"{name}:1", host_config=api.create_host_config(network_mode="none"))
    api.start(container)
    api.wait(container)
    assert api.logs(container) == b"hi\n"
    api.remove_container(container, v=True)
