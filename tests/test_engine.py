"""The engine's client on a real engine: what it reads, changes, and says when it cannot."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from deploy.images import SERVE
from reconciler.engine import EngineClient, _agreed_version, _raise_unreachable
from reconciler.errors import EngineRefused, EngineUnreachable

VERSION = b'HTTP/1.1 200 OK\r\nContent-Length: 22\r\n\r\n{"ApiVersion": "1.45"}'


def answer_once(sock, answer, open_until=None):
    """Answer one question, and close the connection then or when an event comes."""
    with sock.accept()[0] as connection:
        connection.recv(4096)
        connection.sendall(answer)
        if open_until is not None:
            open_until.wait(10)


def unreachable_code(host, timeout=5.0):
    with pytest.raises(EngineUnreachable) as raised:
        EngineClient.connect(host, timeout=timeout)
    return raised.value.code


# ── unreachable, each kind told apart ────────────────────────────────────────────────────────────


def test_no_socket(tmp_path):
    """No socket file: the engine was never started here."""
    assert unreachable_code(f"unix://{tmp_path}/docker.sock") == "engine-no-socket"


def test_dead_socket(tmp_path):
    """A socket file that nobody listens on: the engine died."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
    assert unreachable_code(f"unix://{path}") == "engine-dead-socket"


def test_an_engine_that_hangs_ends_in_a_timeout(tmp_path):
    """A socket that accepts and never answers does not hold us longer than the timeout."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        assert unreachable_code(f"unix://{path}", timeout=0.2) == "engine-timeout"


def test_an_engine_that_hangs_up(tmp_path):
    """A connection that breaks before the answer is told apart from a hanging engine."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        hang_up = threading.Thread(target=lambda: sock.accept()[0].close())  # noqa: PLW0108 - accepting blocks
        hang_up.start()
        assert unreachable_code(f"unix://{path}") == "engine-lost"
        hang_up.join()


def test_an_engine_that_hangs_later(tmp_path):
    """The connection that was kept from an earlier answer is held to the timeout, too."""
    path, done = tmp_path / "docker.sock", threading.Event()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        engine = threading.Thread(target=answer_once, args=(sock, VERSION, done))
        engine.start()
        client = EngineClient.connect(f"unix://{path}", timeout=0.5)
        with pytest.raises(EngineUnreachable) as raised:
            client.info()
        done.set()
        engine.join()
    assert raised.value.code == "engine-timeout"


def test_somebody_else_answers(tmp_path):
    """What answers with anything but JSON is no engine."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        other = threading.Thread(target=answer_once, args=(sock, b"HTTP/1.1 200 OK\r\n\r\n<html>"))
        other.start()
        assert unreachable_code(f"unix://{path}") == "engine-lost"
        other.join()


def test_permission():
    """Root is never refused here, so the mapping alone is looked at."""
    with pytest.raises(EngineUnreachable) as raised:
        _raise_unreachable("unix:///run/docker.sock", PermissionError(13, "Permission denied"))
    assert raised.value.code == "engine-permission"


@pytest.mark.parametrize(
    "host", ["/var/run/docker.sock", "npipe:////./pipe/docker", "tcp://", "tcp://h:99999", "tcp://[h", ""]
)
def test_what_is_no_address(host):
    """An address of another kind is named as such."""
    assert unreachable_code(host) == "engine-address"


def test_the_sdks_errors_are_mapped_too(tmp_path):
    """Changes go through the SDK, which wraps the system's error three layers deep."""
    client = EngineClient(f"unix://{tmp_path}/docker.sock", timeout=5, api_version="1.45")
    with pytest.raises(EngineUnreachable) as raised:
        client.start("web")
    assert raised.value.code == "engine-no-socket"


def test_the_sdks_timeout_is_mapped_too(tmp_path):
    """A change that is never answered ends in a timeout."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        with pytest.raises(EngineUnreachable) as raised:
            EngineClient(f"unix://{path}", timeout=0.2, api_version="1.45").start("web")
    assert raised.value.code == "engine-timeout"


# ── versions ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("newest", "oldest", "agreed"),
    [("1.41", "1.12", "1.41"), ("1.45", "1.24", "1.45"), ("1.52", "1.44", "1.45"), ("1.60", "1.50", "1.50")],
)
def test_the_agreed_version(newest, oldest, agreed):
    """We speak the newest version that both know, and our normal forms were measured on; a younger engine decides."""
    assert _agreed_version({"ApiVersion": newest, "MinAPIVersion": oldest}) == agreed


# ── on a real engine ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def made(api, unique):
    """A container that was made and not started."""
    name = unique("made")
    container = api.create_container(
        "app:1", command=list(SERVE), name=name, host_config=api.create_host_config(network_mode="none")
    )
    yield container["Id"]
    api.remove_container(container["Id"], force=True)


def state(api, container):
    return api.inspect_container(container)["State"]


def test_a_containers_life(engine, api, made, unique):
    """Start, unpause, restart, rename, update and stop do what they are named after."""
    engine.start(made)
    begun = state(api, made)["StartedAt"]
    api.pause(made)
    engine.unpause(made)
    assert state(api, made)["Status"] == "running"
    engine.restart(made)
    assert state(api, made)["StartedAt"] > begun
    name = unique("renamed")
    engine.rename(made, name)
    engine.update(made, {"Memory": 64 << 20, "MemorySwap": 64 << 20, "RestartPolicy": {"Name": "always"}})
    document = api.inspect_container(name)
    assert (document["HostConfig"]["Memory"], document["HostConfig"]["RestartPolicy"]["Name"]) == (64 << 20, "always")
    engine.stop(made)
    assert (state(api, made)["Status"], state(api, made)["ExitCode"]) == ("exited", 0)


def test_networks_are_connected_and_left_with_all_options(engine, api, made, unique):
    """A full endpoint keeps aliases and the fixed address."""
    name = unique("net")
    pool = {"Config": [{"Subnet": "10.255.7.0/24"}]}
    network = api.create_network(name, ipam=pool)["Id"]
    engine.disconnect("none", made)
    engine.connect_network(network, made, {"Aliases": ["db"], "IPAMConfig": {"IPv4Address": "10.255.7.9"}})
    there = api.inspect_container(made)["NetworkSettings"]["Networks"][name]
    assert (there["Aliases"], there["IPAMConfig"]["IPv4Address"]) == (["db"], "10.255.7.9")
    engine.disconnect(network, made, force=True)
    engine.remove_network(network)
    assert engine.inspect_network(name) is None


def test_a_refusal_carries_the_engines_words(engine, made):
    """What the engine says, and its status, are kept; over the SDK and without it."""
    for refused in (lambda: engine.rename(made, "no/name"), lambda: engine.update(made, {"Memory": 1})):
        with pytest.raises(EngineRefused) as raised:
            refused()
        assert raised.value.arguments["status"] in ("400", "500")
        assert raised.value.arguments["words"]
    with pytest.raises(EngineRefused) as raised:
        engine.start("nobody")
    assert raised.value.arguments == {"words": "No such container: nobody", "status": "404"}


def test_what_is_not_there_is_none(engine):
    """Looking for something that is gone is no error."""
    assert engine.inspect_container("nobody") is None
    assert engine.inspect_image("nobody/nothing:1") is None
    assert engine.inspect_network("nowhere") is None


@pytest.mark.parametrize("tty", [False, True])
@pytest.mark.parametrize("stream", [1, 2])
def test_the_log_tail_keeps_control_characters(engine, api, unique, tty, stream):
    """The last lines come as they were written, from either stream, with and without a terminal."""
    script = f"exec >&{stream}; echo one; printf '\\033[31mtwo\\007\\n'; echo three"
    isolated = api.create_host_config(network_mode="none")
    container = api.create_container(
        "app:1", command=["sh", "-c", script], name=unique("log"), tty=tty, host_config=isolated
    )
    api.start(container)
    api.wait(container)
    assert [line.rstrip("\r") for line in engine.log_tail(container["Id"], 2)] == ["\033[31mtwo\007", "three"]
    api.remove_container(container)


def test_one_client_serves_many_threads(engine):
    """Threads share a client without sharing its connections."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: engine.info()["ID"], range(64)))
    assert len(set(answers)) == 1


def test_a_restarted_engine_is_found_again(own_dockerd):
    """The kept connection breaks with the engine; the next question simply asks anew."""
    daemon = own_dockerd()
    client = EngineClient.connect(daemon.host)
    daemon.restart()
    assert client.info()["ServerVersion"] == client.version()["Version"]


def test_a_stream_of_events_says_that_the_engine_went(own_dockerd):
    """An engine that is killed in mid-stream is lost."""
    daemon = own_dockerd()
    events = EngineClient.connect(daemon.host).events(since=0, filters={"type": ("image",)})
    assert next(events)["Type"] == "image"
    daemon.kill()
    with pytest.raises(EngineUnreachable) as raised:
        list(events)
    assert raised.value.code == "engine-lost"


def test_a_stream_of_events_never_ends_in_silence(tmp_path):
    """An engine that stops in good order closes the stream, which looks like success."""
    path = tmp_path / "docker.sock"
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(path))
        sock.listen()
        served = threading.Thread(target=lambda: answer_once(sock, b'HTTP/1.0 200 OK\r\n\r\n{"Type": "image"}\n'))
        served.start()
        events = EngineClient(f"unix://{path}", timeout=5).events(since=0)
        assert next(events) == {"Type": "image"}
        with pytest.raises(EngineUnreachable):
            next(events)
        served.join()


def test_a_quiet_pass_does_not_load_the_sdk(dockerd):
    """Reading needs no SDK: its import alone costs more than the whole look."""
    code = (
        "import sys; from reconciler.engine import EngineClient; "
        f"EngineClient.connect({dockerd.host!r}).containers(); sys.exit('docker' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
