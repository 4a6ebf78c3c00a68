"""Events of the engine are followed over its restarts, crashes and silences."""

from __future__ import annotations

import os
import queue
import signal
import socket
import threading
import time
from contextlib import closing

import docker
import pytest

from reconciler.observed.events import EngineEvent, Gap, _Line, follow


class Listening:
    """Follows an engine in a thread of its own, as the agent does."""

    def __init__(self, host: str) -> None:
        self.stop = threading.Event()
        self.items: queue.Queue[EngineEvent | Gap] = queue.Queue()
        self.thread = threading.Thread(target=self._run, args=(host,))
        self.thread.start()

    def _run(self, host: str) -> None:
        for item in follow(host, self.stop):
            self.items.put(item)

    def gap(self) -> str:
        """Return the reason of the next item, which must be a gap."""
        item = self.items.get(timeout=30)
        assert isinstance(item, Gap), item
        return item.reason

    def until(self, action: str) -> list[EngineEvent]:
        """Return events up to the next one with this action; there must be no gap."""
        found: list[EngineEvent] = []
        while not found or found[-1].action != action:
            item = self.items.get(timeout=30)
            assert isinstance(item, EngineEvent), item
            found.append(item)
        return found

    def until_gap(self) -> tuple[list[EngineEvent], str]:
        """Return events up to the next gap, and its reason."""
        found: list[EngineEvent] = []
        while isinstance(item := self.items.get(timeout=30), EngineEvent):
            found.append(item)
        return found, item.reason

    def close(self) -> None:
        self.stop.set()
        self.thread.join(10)
        assert not self.thread.is_alive()


@pytest.fixture
def listen():
    """Follow an engine until the test ends, and see it end."""
    opened = []

    def begin(host):
        opened.append(Listening(host))
        return opened[-1]

    yield begin
    for one in opened:
        one.close()


def start(api, name, **more):
    """Start a container of the project web that ends at once when it is told to."""
    alone = api.create_host_config(network_mode="none", init=True)
    labels = {"com.docker.compose.project": "web", "com.docker.compose.service": "app"}
    made = api.create_container("app:1", ["sleep", "600"], name=name, labels=labels, host_config=alone, **more)["Id"]
    api.start(made)
    return made


def test_what_happens_is_told(dockerd, api, listen, unique):
    """Of every kind what matters comes, in its order and with whose it is; the commands of health checks do not."""
    told = listen(dockerd.host)
    assert told.gap() == "start"
    name = unique("told")
    made = start(api, name, healthcheck={"test": ["CMD", "true"], "interval": 100_000_000})
    events = told.until("health_status")
    assert [event.action for event in events] == ["create", "connect", "start", "health_status"]
    first = events[0]
    assert (first.kind, first.id, first.name, first.project, first.service) == ("container", made, name, "web", "app")
    assert events[1].args["container"] == made
    api.remove_container(made, force=True)
    assert told.until("destroy")[0].args["signal"] == "9"
    api.create_volume(name)
    api.remove_volume(name)
    assert [(event.kind, event.name) for event in told.until("destroy")] == [("volume", name)] * 2
    api.tag("app:1", name, "2")
    tagged = told.until("tag")[-1]
    assert (tagged.kind, tagged.name, tagged.project) == ("image", f"{name}:2", None)
    api.remove_image(f"{name}:2")
    told.until("untag")
    os.kill(dockerd.pid, signal.SIGHUP)
    assert told.until("reload")[0].kind == "daemon"


def test_a_restarted_engine_is_found_again(own_dockerd, listen):
    """What an engine does as it goes down comes, then a gap, then what the next one does; nothing comes twice."""
    daemon = own_dockerd()
    told = listen(daemon.host)
    assert told.gap() == "start"
    with closing(docker.APIClient(daemon.host, version="auto")) as api:
        made = start(api, "web-app-1")
        assert [event.action for event in told.until("start")] == ["create", "connect", "start"]
        daemon.restart()
        last, reason = told.until_gap()
        assert {event.action for event in last} == {"kill", "disconnect", "die", "stop"}
        assert reason == "engine-lost"
        api.start(made)
        assert [event.action for event in told.until("start")] == ["connect", "start"]


def test_a_crashed_engine_is_found_again(own_dockerd, listen):
    """It stays away a while, and comes back; what it does then, and only that, comes after the gap."""
    daemon = own_dockerd()
    told = listen(daemon.host)
    assert told.gap() == "start"
    with closing(docker.APIClient(daemon.host, version="auto")) as api:
        api.create_volume("before")
        assert told.until("create")[-1].name == "before"
        daemon.kill()
        daemon.start()
        assert told.gap() == "engine-lost"
        api.create_volume("after")
        assert [event.name for event in told.until("create")] == ["after"]


def test_an_engine_that_is_not_there_yet_is_waited_for(own_dockerd, listen):
    """The first gap comes when the engine does."""
    daemon = own_dockerd()
    daemon.stop()
    told = listen(daemon.host)
    daemon.start()
    assert told.gap() == "start"


LINES = [
    '{"Type": "volume", "Action": "create", "Actor": {"ID": "a", "Attributes": null}, "timeNano": 1700000000000000005}',
    '{"Type": "volume", "Action": "create", "Actor": {"ID": "b", "Attributes": null}, "timeNano": 1700000000000000005}',
]


class Engine:
    """Stands where an engine would: what it says to each caller, and how it hangs up, is the test's."""

    def __init__(self, path):
        self.host = f"unix://{path}"
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.bind(str(path))
        self._socket.listen()

    def answer(self, *lines):
        """Take the next call, tell these events, hang up; return what was asked."""
        caller, asked = self.take()
        with caller:
            caller.sendall("\n".join(["HTTP/1.0 200 OK\r\n\r", *lines, ""]).encode())
        return asked

    def take(self):
        """Take the next call and return it with what was asked; it is not answered."""
        caller, _ = self._socket.accept()
        return caller, caller.recv(4096).decode().splitlines()[0]

    def close(self):
        self._socket.close()


@pytest.fixture
def fake(tmp_path):
    with closing(Engine(tmp_path / "docker.sock")) as one:
        yield one


def test_what_comes_twice_is_told_once(fake, listen):
    """A stream that ends in silence is asked again from the last event on, whose repetition is dropped."""
    told = listen(fake.host)
    fake.answer(LINES[0])
    assert told.gap() == "start"
    assert told.until("create")[0].id == "a"
    assert "since=1700000000.000000005&" in fake.answer(*LINES)
    assert told.gap() == "engine-lost"
    assert [event.id for event in told.until("create")] == ["b"]


def test_what_is_no_event_is_an_end(fake, listen):
    """Who answers with something else is not followed, but called again."""
    told = listen(fake.host)
    fake.answer('{"message": "shutting down"}')
    assert told.gap() == "start"
    fake.answer("<html>")
    assert told.gap() == "engine-lost"
    fake.answer(LINES[0])
    assert told.gap() == "engine-lost"
    assert told.until("create")[0].id == "a"


@pytest.mark.parametrize("answers", [True, False])
def test_the_end_comes_at_once(fake, listen, answers):
    """Neither an idle stream nor an engine that takes the call and never answers holds it up."""
    told = listen(fake.host)
    caller, _ = fake.take()
    if answers:
        caller.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
        assert told.gap() == "start"
    began = time.monotonic()
    told.close()
    assert time.monotonic() - began < 5
    caller.close()


@pytest.mark.parametrize(("outage", "least", "most"), [(0, 0.08, 0.12), (4, 0.16, 0.24), (60, 2.4, 3.6), (900, 8, 12)])
def test_the_longer_it_is_away_the_less_it_is_called(outage, least, most):
    """Who comes back in seconds is found at once; who stays away costs next to nothing."""
    line = _Line("unix:///nowhere")
    line._broken_since -= outage
    assert least <= line.pause() <= most
    assert len({line.pause() for _ in range(9)}) > 1
