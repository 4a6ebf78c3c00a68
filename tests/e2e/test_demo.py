"""The demo shows what it promises, and leaves nothing behind."""

import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

TOP = Path(__file__).resolve().parents[2]
DEMO = [sys.executable, "deploy/demo.py"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def left_of(folder):
    """Tell whether a mount or a process still mentions the demo's folder."""
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it may end while we look
            commands.append(path.read_bytes())
    return folder in Path("/proc/mounts").read_text() or any(folder.encode() in command for command in commands)


def test_the_tour_sees_every_step_and_cleans_up():
    """`--tour only` ends with 0 when all was seen on the engine; its folder, processes and mounts are gone."""
    done = subprocess.run([*DEMO, "--tour", "only"], cwd=TOP, capture_output=True, text=True, check=False, timeout=240)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "All 9 steps were seen." in done.stdout
    folder = re.search(r"/tmp/demo\w+", done.stdout)
    assert folder
    assert not Path(folder[0]).exists()
    assert not left_of(folder[0])


@pytest.mark.parametrize(
    ("ending", "code"),
    [(signal.SIGINT, 0), (signal.SIGHUP, 129), (signal.SIGKILL, -9)],
    ids=["ctrl-c", "hang-up", "kill"],
)
def test_it_stays_until_it_is_told_to_end(ending, code):
    """Afterwards it stays up with the agent and what there is to try, and cleans up however it ends."""
    with subprocess.Popen(DEMO, cwd=TOP, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        said = said_until(running, "kill the agent")
        folder = re.search(r"DOCKER_HOST=unix://(/tmp/demo\w+)/", said)
        assert folder, said
        assert Path(folder[1], "docker.sock").is_socket()
        assert Path(folder[1], "state/agent.sock").is_socket()
        assert "Synced" in said_until(running, "store ")
        running.send_signal(ending)
        running.communicate(timeout=60)

    assert running.returncode == code
    assert gone(folder[1])


def said_until(running, words):
    """Return what it says up to the line that holds these words."""
    said = ""
    for line in running.stdout:
        said += line
        if words in line:
            break
    return said


def gone(folder):
    """Wait until nothing of the folder is left: where the demo was killed its guard goes on for a while."""
    deadline = time.monotonic() + 60
    while Path(folder).exists() or left_of(folder):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True
