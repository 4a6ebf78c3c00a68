"""Promises of the only module that starts programs."""

import os
import signal
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from reconciler import process
from reconciler.errors import Cut, MissingTool, ProgramFailed

ENV = {"PATH": os.environ["PATH"]}


sh = partial(lambda script, **options: process.run(["sh", "-c", script], **options), env=ENV, timeout=20)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_output_and_code_come_back():
    """The exit code, all of stdout, and a tail of both streams come back."""
    done = sh("echo one; echo two >&2; exit 3")
    assert (done.code, done.stdout) == (3, "one\n")
    assert set(done.tail.splitlines()) == {"one", "two"}


def test_environment_is_exactly_what_is_given(monkeypatch):
    """Nothing of our own environment reaches a program."""
    monkeypatch.setenv("SECRET_TOKEN", "x")
    done = process.run(["/usr/bin/env"], env={"A": "1"}, timeout=20)
    assert done.stdout == "A=1\n"


def test_program_has_its_own_session():
    """A signal for our terminal's group does not reach the program."""
    done = process.run([sys.executable, "-c", "import os; print(os.getsid(0) == os.getpid())"], env=ENV, timeout=20)
    assert done.stdout == "True\n"


def test_stdin_is_empty_or_the_given_bytes():
    """A program that reads gets what it is given, and else the end of file, never a prompt."""
    assert sh("cat").stdout == ""
    assert sh("cat", input=b"x" * 200_000).stdout == "x" * 200_000


def test_lines_arrive_while_it_runs(tmp_path):
    """Each whole line is handed on before the program ends, both streams in order."""
    seen = []
    go = tmp_path / "go"

    def note(line):
        seen.append(line)
        go.touch()

    done = sh(f"echo first; while [ ! -e {go} ]; do sleep 0.02; done; echo second >&2; printf last", output=note)
    assert seen == ["first", "second", "last"]
    assert (done.stdout, done.tail) == ("", "first\nsecond\nlast")


def test_timeout_stops_the_whole_group_politely(tmp_path):
    """Past its time a program gets SIGTERM, and so do its children; the error holds what it said."""
    mark = tmp_path / "mark"
    script = f"trap 'echo stopped > {mark}; exit 0' TERM; echo hello; sleep 60 & wait"
    with pytest.raises(ProgramFailed) as caught:
        sh(script, timeout=0.5)
    assert caught.value.code == "program-timeout"
    assert caught.value.arguments["words"] == "hello"
    assert mark.read_text() == "stopped\n"


def test_who_ignores_the_polite_stop_is_killed(monkeypatch):
    """After the grace comes SIGKILL."""
    monkeypatch.setattr(process, "GRACE", 0.2)
    with pytest.raises(ProgramFailed):
        sh("trap '' TERM; while :; do sleep 0.1; done", timeout=0.3)


def test_missing_program_is_a_missing_tool():
    """A program that is not there is said by name."""
    with pytest.raises(MissingTool) as caught:
        process.run(["/no/such/program"], env=ENV, timeout=1)
    assert caught.value.arguments["program"] == "/no/such/program"


def test_a_word_that_no_program_can_get():
    """A NUL, which YAML can spell, is no bug of ours."""
    with pytest.raises(MissingTool):
        process.run(["/bin/true", "a\0b"], env=ENV, timeout=1)


def test_require_raises_with_the_tail():
    """A failure that matters carries the program's own words."""
    with pytest.raises(ProgramFailed) as caught:
        sh("echo broken >&2; exit 7").require()
    assert caught.value.arguments == {"program": "sh", "exit": "7", "words": "broken"}
    assert sh("true").require().code == 0


def test_tail_is_bounded():
    """The tail is short however much was said."""
    done = sh("seq 1 100000 >&2")
    assert done.tail.splitlines()[-1] == "100000"
    assert len(done.tail.splitlines()) == process.TAIL_LINES


def test_output_beyond_the_limit_is_an_error(monkeypatch):
    """Output is never cut silently."""
    monkeypatch.setattr(process, "LIMIT", 1000)
    with pytest.raises(ProgramFailed) as caught:
        sh("seq 1 1000")
    assert caught.value.code == "program-too-loud"


def test_descriptors_are_inherited(tmp_path):
    """A lock's descriptor stays open in the program."""
    with (tmp_path / "lock").open("w") as lock:
        fd = lock.fileno()
        assert sh(f"test -e /proc/self/fd/{fd}", pass_fds=(fd,)).code == 0
        assert sh(f"test -e /proc/self/fd/{fd}").code == 1


def test_no_descriptor_leaks():
    """Many runs leave nothing open."""
    before = open_descriptors()
    for _ in range(20):
        sh("true", input=b"x")
    assert open_descriptors() == before


INTERRUPTED = """
import sys
from reconciler import process
process.run(["sh", "-c", "echo started >&2; trap 'exit 1' TERM; sleep 0.5; echo done > " + sys.argv[1]], timeout=20,
            env={"PATH": "/usr/bin:/bin"}, output=lambda line: print(line, flush=True),
            cut=process.NEVER if sys.argv[2] == "finish" else None)
"""


@pytest.mark.parametrize(("how", "finished"), [("finish", True), ("stop", False)])
def test_interruption(tmp_path, how, finished):
    """Ctrl-C lets a program finish where that is asked for, and stops it otherwise."""
    mark = tmp_path / "mark"
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, str(mark), how],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as ours:
        assert ours.stdout
        assert ours.stdout.readline() == "started\n"
        ours.send_signal(signal.SIGINT)
        _, words = ours.communicate(timeout=20)
    assert "KeyboardInterrupt" in words
    assert mark.exists() == finished


def test_program_survives_our_death(tmp_path):
    """When we are killed, the program goes on, although nobody reads what it says."""
    fifo, go = tmp_path / "fifo", tmp_path / "go"
    os.mkfifo(fifo)
    script = f"echo started; while [ ! -e {go} ]; do sleep 0.02; done; echo talk; echo talk >&2; echo alive > {fifo}"
    code = (
        "import sys; from reconciler import process; process.run(['sh', '-c', sys.argv[1]], timeout=20,"
        " env={'PATH': '/usr/bin:/bin'}, output=lambda line: print(line, flush=True))"
    )
    with subprocess.Popen([sys.executable, "-c", code, script], stdout=subprocess.PIPE, text=True) as ours:
        assert ours.stdout
        assert ours.stdout.readline() == "started\n"
        ours.kill()
    go.touch()
    assert fifo.read_text() == "alive\n"


def test_launched_program_lives_on_and_logs(tmp_path):
    """A launched program has its own session, writes to the log and is not waited for."""
    log, fifo = tmp_path / "log", tmp_path / "fifo"
    os.mkfifo(fifo)
    pid = process.launch(["sh", "-c", f"echo hello; exec cat {fifo}"], env=ENV, log=log)
    assert os.getsid(pid) == pid
    fifo.write_text("bye\n")
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert log.read_text() == "hello\nbye\n"
    process.launch(["true"], env=ENV)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_module_is_the_only_one_that_spawns():
    """No other module of ours starts programs."""
    root = Path(process.__file__).parent
    spawning = [file.name for file in root.rglob("*.py") if "subprocess" in file.read_text()]
    assert spawning == ["process.py"]


def test_cut_ends_a_program_before_its_time(tmp_path):
    """Once cut, a program is stopped at once and the caller knows why; uncut it ends by itself."""
    cut, ready = threading.Event(), tmp_path / "ready"

    def note(line):
        cut.set()

    with pytest.raises(Cut):
        sh(f"touch {ready}; echo running; exec sleep 60", output=note, cut=cut)
    assert ready.exists()
    assert sh("exit 0", cut=threading.Event()).code == 0
