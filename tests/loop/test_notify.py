"""systemd's notify protocol, spoken to a socket of our own."""

import os
import socket
import threading
import time

import pytest

from reconciler.loop.notify import Notifier


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(30)
        yield listening


def told(environment):
    return Notifier.from_environment(environment, os.getpid())


def address(systemd):
    return systemd.getsockname()


def test_each_state_is_said_in_the_words_of_the_protocol(systemd):
    """Ready, status, reloading with the time it began, stopping."""
    notifier = told({"NOTIFY_SOCKET": address(systemd)})

    before = time.monotonic_ns() // 1000
    notifier.ready()
    notifier.status("two\nlines")
    notifier.reloading()
    notifier.stopping()

    assert systemd.recv(4096) == b"READY=1"
    assert systemd.recv(4096) == b"STATUS=two lines"
    reloading = systemd.recv(4096).decode().splitlines()
    assert reloading[0] == "RELOADING=1"
    assert before <= int(reloading[1].removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000
    assert systemd.recv(4096) == b"STOPPING=1"


def test_an_abstract_socket_is_found(tmp_path):
    """An address that begins with @ is one of Linux's nameless ones."""
    name = f"reconciler-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0{name}")
        listening.settimeout(30)

        told({"NOTIFY_SOCKET": f"@{name}"}).ready()

        assert listening.recv(4096) == b"READY=1"


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}, {"NOTIFY_SOCKET": "vsock:2:1"}])
def test_where_nobody_listens_nothing_happens(environment):
    """Without systemd, or when it has gone, we go on."""
    told(environment).ready()


def test_ready_once_we_have_looked_and_not_before(systemd):
    """What boots after us waits for the first look."""
    looked = threading.Event()
    notifier = told({"NOTIFY_SOCKET": address(systemd)})

    with notifier.telling(looked, lambda: 0.0):
        notifier.status("looking")
        assert systemd.recv(4096) == b"STATUS=looking"
        looked.set()
        assert systemd.recv(4096) == b"READY=1"


def test_ready_in_the_end_although_the_look_does_not_end(systemd, monkeypatch):
    """The boot is never held up for long."""
    monkeypatch.setattr("reconciler.loop.notify.READY_SECONDS", 0.01)

    with told({"NOTIFY_SOCKET": address(systemd)}).telling(threading.Event(), lambda: 0.0):
        assert systemd.recv(4096) == b"READY=1"


def test_the_watchdog_hears_that_the_dispatcher_turns_and_nothing_when_it_hangs(systemd):
    """Twice in its time; once the dispatcher has been silent for that long, no more."""
    asked = threading.Semaphore(0)
    turned = [0.0, 0.0, 99.0, 99.0, 0.0]

    def silent_for():
        asked.release()
        return turned.pop(0) if turned else 0.0

    looked = threading.Event()
    looked.set()
    environment = {"NOTIFY_SOCKET": address(systemd), "WATCHDOG_USEC": "100000", "WATCHDOG_PID": str(os.getpid())}
    with told(environment).telling(looked, silent_for):
        heard = [systemd.recv(4096) for _ in range(3)]
        for _ in range(4):  # asked two times while it hung, before it says a word again
            assert asked.acquire(timeout=30)
        assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]
        assert systemd.recv(4096) == b"WATCHDOG=1"
        assert len(turned) == 0


def test_while_we_stop_the_watchdog_is_content(systemd):
    """Nothing turns any more then; compose may take long, and the stop timeout is its limit."""
    looked = threading.Event()
    notifier = told({"NOTIFY_SOCKET": address(systemd), "WATCHDOG_USEC": "20000"})
    notifier.stopping()
    assert systemd.recv(4096) == b"STOPPING=1"

    with notifier.telling(looked, lambda: 99.0):
        looked.set()
        assert systemd.recv(4096) == b"WATCHDOG=1"  # and not READY


def test_the_watchdog_of_another_process_is_not_ours():
    """What a parent was told, and handed down, does not bind us."""
    assert told({"WATCHDOG_USEC": "100", "WATCHDOG_PID": "1"}).watchdog is None
    assert told({"WATCHDOG_USEC": "x"}).watchdog is None
    assert told({"WATCHDOG_USEC": "3000000"}).watchdog == 3.0
