"""One lock per stack: who holds it is known, and a child that outlives us keeps it."""

from __future__ import annotations

import json
import stat
import subprocess
import sys

import pytest

from reconciler.apply.lock import stack_lock
from reconciler.errors import Locked, NoSpace

HOLD = """
import sys
from pathlib import Path
from reconciler.apply.lock import stack_lock
with stack_lock(Path(sys.argv[1]), "web", who="alice", why="apply by hand"):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_two_stacks_do_not_wait_for_each_other(tmp_path):
    """The lock is per stack."""
    with stack_lock(tmp_path, "web", who="a", why="b"), stack_lock(tmp_path, "db", who="a", why="b"):
        pass


def test_the_second_one_learns_who_and_why(tmp_path):
    """Another process that holds the lock is named, with its reason, its start and its process id."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(Locked) as caught, stack_lock(tmp_path, "web", who="bob", why="timer"):
            pass
        holder = caught.value.arguments
    finally:
        other.communicate("")

    assert (holder["who"], holder["why"], holder["pid"]) == ("alice", "apply by hand", str(other.pid))
    assert holder["since"].endswith("+00:00")


def test_a_full_disk(small_disk):
    """Where the holder's name finds no room the lock is not taken, and the error says why."""
    with stack_lock(small_disk, "web", who="a", why="b"):
        pass
    (small_disk / "locks/web.lock").write_bytes(b"")
    with pytest.raises(OSError, match="No space"):
        (small_disk / "filler").write_bytes(b"x" * 300_000)
    with pytest.raises(NoSpace), stack_lock(small_disk, "web", who="a", why="b"):
        pass


def test_an_earlier_holder_leaves_no_trace(tmp_path):
    """Who held the lock before, with a longer story, is not mixed up with who holds it now."""
    with stack_lock(tmp_path, "web", who="alice" * 10, why="a long story"):
        pass
    with (
        stack_lock(tmp_path, "web", who="bob", why="x"),
        pytest.raises(Locked) as caught,
        stack_lock(tmp_path, "web", who="eve", why="y"),
    ):
        pass

    assert (caught.value.arguments["who"], caught.value.arguments["why"]) == ("bob", "x")


def test_the_lock_is_free_when_its_holder_dies(tmp_path):
    """A killed agent leaves no lock behind."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    other.stdout.readline()
    other.kill()
    other.communicate()
    with stack_lock(tmp_path, "web", who="bob", why="timer"):
        pass


def test_a_child_that_outlives_us_keeps_the_lock(tmp_path):
    """Compose got the descriptor: until it ends nobody else touches the stack."""
    with stack_lock(tmp_path, "web", who="a", why="up") as handle:
        child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, pass_fds=(handle,))
    with pytest.raises(Locked), stack_lock(tmp_path, "web", who="b", why="timer"):
        pass
    child.communicate(b"")
    with stack_lock(tmp_path, "web", who="b", why="timer"):
        pass


def test_waits_as_long_as_it_is_told(tmp_path):
    """With time to wait, a lock that gets free in time is taken."""
    with stack_lock(tmp_path, "web", who="a", why="up") as handle:
        child = subprocess.Popen(["sleep", "0.2"], pass_fds=(handle,))
    with stack_lock(tmp_path, "web", who="b", why="timer", wait=30):
        pass
    child.wait()


def test_the_lock_file_is_private_and_signed(tmp_path):
    """The file says who works here; it is not for everyone to read."""
    with stack_lock(tmp_path, "web", who="alice", why="apply"):
        file = tmp_path / "locks/web.lock"
        signed = json.loads(file.read_text())

    assert signed["who"] == "alice"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
