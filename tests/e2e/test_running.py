"""The agent as a process on a host: what systemd, a second agent, a scraper and the reader of the log see of it."""

import os
import signal
import socket
import subprocess
import sys
import urllib.request

import pytest

from tests.e2e.host import Host

pytestmark = pytest.mark.e2e

COMPOSE = "services:\n  one:\n    image: app:1\n    container_name: {name}\n"


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(60)
        yield listening


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        number: int = free.getsockname()[1]
    return number


@pytest.fixture
def host(tmp_path, dockerd, unique, port):
    name = unique("run")
    host = Host(tmp_path, dockerd, metrics={"listen": f"127.0.0.1:{port}"}, drift={"every": "1h"})
    host.push({f"stacks/{name}/compose.yaml": COMPOSE.format(name=name)})
    yield host
    host.clear(name)


@pytest.fixture
def agent(host, systemd, tmp_path):
    environment = {**os.environ, "NOTIFY_SOCKET": systemd.getsockname()}
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "run", "--config", str(host.config)], env=environment, stderr=log
        )
    yield process
    process.kill()
    process.wait()


def heard(systemd, begins):
    """Wait until systemd hears a message that begins so."""
    while not (message := systemd.recv(4096).decode()).startswith(begins):
        pass
    return message


def test_the_life_of_an_agent(host, agent, systemd, port, tmp_path):
    """Ready after the first look; alone in its state folder; scraped; told to reload and to stop, which is no error."""
    assert heard(systemd, "STATUS=This host is as ")
    assert [*host.ids(host_stack(host))] != []

    second = host.run("run")
    assert second.code == 1
    assert f"process {agent.pid}" in second.err

    scraped = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=30).read().decode()
    assert 'reconciler_stacks{health="Healthy",result="Applied",sync="Synced"} 1.0' in scraped
    assert "reconciler_last_success_timestamp_seconds" in scraped
    for room in ("desired", "observed", "plan", "apply", "record"):
        assert f'reconciler_room_seconds_count{{room="{room}"}}' in scraped

    host.configure(drift={"evry": "1h"})
    agent.send_signal(signal.SIGHUP)
    heard(systemd, "RELOADING=1")
    heard(systemd, "READY=1")
    agent.send_signal(signal.SIGTERM)
    heard(systemd, "STOPPING=1")

    assert agent.wait(60) == 0
    log = (tmp_path / "log").read_text()
    assert "agent runs" in log
    [applied] = [line for line in log.splitlines() if f"stack={host_stack(host)} result=Applied" in line]
    assert applied.endswith(" run=1")
    assert "settings refused, the old ones stay" in log
    assert f"where={host.config}:" in log
    assert log.splitlines()[-1].endswith("agent ended")


def host_stack(host):
    [folder] = (host.repository / "stacks").iterdir()
    return folder.name
