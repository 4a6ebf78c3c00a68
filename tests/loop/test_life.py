"""The life of an agent: one for each state folder, ended and told to reload by signals. The agent is a stand-in."""

import fcntl
import os
import signal
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs

from reconciler import settings
from reconciler.errors import AgentRuns
from reconciler.loop.life import Life, kept_fixed, only_agent
from reconciler.loop.notify import Notifier
from reconciler.plan.texts import problem_text

LEAST = "device: attic\nsource: {url: /srv/home.git}\n"


class Agent:
    """Runs until it is stopped, and hands out what it is told; `lead` sends signals meanwhile."""

    def __init__(self):
        self.begun, self.over = threading.Event(), threading.Event()
        self.stops, self.reloads = 0, []
        self.told = threading.Semaphore(0)

    def run(self):
        self.begun.set()
        assert self.over.wait(60)

    def stop(self):
        self.stops += 1
        self.told.release()

    def reload(self, new):
        self.reloads.append(new)
        self.told.release()


@dataclass(frozen=True, slots=True)
class Notes(Notifier):
    said: list[str] = field(default_factory=list)
    told: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def _send(self, *lines):
        self.said.append(lines[0])
        self.told.release()


class Obedient(Life):
    """Tells when it has done what a signal says."""

    obeyed: threading.Semaphore

    def _obey(self, number):
        super()._obey(number)
        self.obeyed.release()


def write(folder, text):
    file = folder / "config.yaml"
    file.write_text(text)
    file.chmod(0o600)
    return settings.load(file)


def lead(agent, loaded, script, notes=None):
    """Let an agent live while `script` runs in a thread of its own; return what was logged."""
    Obedient.obeyed = threading.Semaphore(0)
    life = Obedient(agent, loaded, lambda: settings.load(loaded.file), notes or Notifier())

    def play():
        assert agent.begun.wait(60)
        try:
            script()
        finally:
            agent.over.set()

    player = threading.Thread(target=play)
    player.start()
    with capture_logs() as logs:
        life.lead()
    player.join()
    return logs


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_agent_and_lets_it_finish(tmp_path, number):
    """The agent is told at once, and we end when it has ended: without an error."""
    agent, notes = Agent(), Notes()

    def script():
        send(number)
        assert agent.told.acquire(timeout=60)

    lead(agent, write(tmp_path, LEAST), script, notes)

    assert notes.said == ["STOPPING=1"]


def test_a_second_signal_changes_nothing(tmp_path):
    """Who is impatient does not cut off compose: we go on waiting."""
    agent, notes = Agent(), Notes()
    loaded = write(tmp_path, LEAST)
    seen = []

    def script():
        for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            send(number)
            assert Obedient.obeyed.acquire(timeout=60)
        seen.append((agent.stops, agent.over.is_set()))

    logs = lead(agent, loaded, script, notes)

    assert seen == [(1, False)]
    assert notes.said == ["STOPPING=1"]
    assert agent.reloads == []
    assert next(entry["event"] for entry in logs) == "stopping"


def test_hangup_reads_the_settings_again(tmp_path):
    """What changed is taken over while the agent runs, and systemd hears when that began and ended."""
    agent, notes = Agent(), Notes()
    loaded = write(tmp_path, LEAST)
    write(tmp_path, LEAST + "drift: {every: 5m}\n")

    def script():
        send(signal.SIGHUP)
        for _ in range(2):
            assert notes.told.acquire(timeout=60)

    lead(agent, loaded, script, notes)

    assert [new.drift.every for new in agent.reloads] == [300.0]
    assert notes.said == ["RELOADING=1", "READY=1"]


def test_bad_settings_are_refused_with_their_line(tmp_path):
    """The old ones stay, and the next good ones are measured against them."""
    agent, notes = Agent(), Notes()
    loaded = write(tmp_path, LEAST)

    def script():
        (tmp_path / "config.yaml").write_text(LEAST + "drift: {evry: 5m}\n")
        send(signal.SIGHUP)
        for _ in range(2):
            assert notes.told.acquire(timeout=60)
        (tmp_path / "config.yaml").write_text(LEAST + "drift: {every: 5m}\n")
        send(signal.SIGHUP)
        assert agent.told.acquire(timeout=60)

    logs = lead(agent, loaded, script, notes)

    refused = [entry for entry in logs if entry["log_level"] == "error"]
    assert [entry["where"] for entry in refused] == [f"{tmp_path}/config.yaml:3"]
    assert "evry" in refused[0]["why"]
    assert "every" in refused[0]["why"]
    assert [new.drift.every for new in agent.reloads] == [300.0]


def test_what_needs_a_restart_is_said_and_the_rest_taken(tmp_path):
    """Folders, engine and the port of the metrics stay; everything else is new."""
    agent, loaded = Agent(), write(tmp_path, LEAST)
    write(
        tmp_path,
        LEAST + "state_dir: /elsewhere\nstacks_dir: /opt/stacks\ndocker: {host: tcp://127.0.0.1:1}\n"
        "metrics: {listen: 127.0.0.1:9}\ndrift: {correct: report}\n",
    )

    def script():
        send(signal.SIGHUP)
        assert agent.told.acquire(timeout=60)

    logs = lead(agent, loaded, script)

    assert agent.reloads == [replace(loaded, drift=settings.DriftSettings("report"))]
    said = [entry["key"] for entry in logs if "needs a restart" in entry["event"]]
    assert said == ["state_dir", "stacks_dir", "docker", "metrics"]


def test_the_same_settings_need_no_restart(tmp_path):
    """Reading an unchanged file says nothing about a restart."""
    loaded = write(tmp_path, LEAST)

    assert kept_fixed(loaded, loaded) == (loaded, ())


def test_an_agent_that_breaks_ends_the_process(tmp_path):
    """A bug is raised, so that systemd starts us anew and the log has its traceback."""

    class Broken(Agent):
        def run(self):
            self.begun.set()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        lead(Broken(), write(tmp_path, LEAST), lambda: None)


def test_the_handlers_are_put_back(tmp_path):
    """Whoever called us has its own signals again."""
    before = signal.getsignal(signal.SIGTERM)

    lead(Agent(), write(tmp_path, LEAST), lambda: None)

    assert signal.getsignal(signal.SIGTERM) is before


# ── one agent for each state folder ──────────────────────────────────────────────────────────────


def test_a_second_agent_is_refused_with_the_first_ones_pid(tmp_path):
    """One state folder, one agent; whoever comes second learns who is there."""
    state = tmp_path / "state"
    with only_agent(state), pytest.raises(AgentRuns) as caught, only_agent(state):
        pass

    assert caught.value.arguments == {"pid": str(os.getpid()), "state_dir": str(state)}
    assert f"process {os.getpid()}" in problem_text(caught.value.problem(""))


def test_the_lock_is_private_and_free_afterwards(tmp_path):
    """Nobody else can read or hold it, and an agent that has ended is in nobody's way."""
    state = tmp_path / "state"
    with only_agent(state):
        assert (state / "agent.lock").stat().st_mode & 0o777 == 0o600
        assert state.stat().st_mode & 0o777 == 0o700

    with only_agent(state):
        assert (state / "agent.lock").read_text() == f"{os.getpid()}\n"


def test_who_asks_for_the_holder_keeps_no_agent_out(tmp_path):
    """A command that looks whether an agent runs, at the moment one begins, is not taken for one."""
    began = threading.Event()

    def begin():
        with only_agent(tmp_path):
            began.set()

    with ThreadPoolExecutor(1) as pool:
        with (tmp_path / "agent.lock").open("w") as looking:
            fcntl.flock(looking, fcntl.LOCK_SH)
            beginning = pool.submit(begin)
            assert not began.wait(0.2)
            assert not beginning.done()
        beginning.result(60)


def test_no_child_keeps_the_lock_of_a_killed_agent(tmp_path):
    """A compose run that outlives the agent does not lock the next one out."""
    script = f"""
        import os, subprocess, sys
        from pathlib import Path
        from reconciler.loop.life import only_agent
        with only_agent(Path({str(tmp_path)!r})):
            child = subprocess.Popen(["sleep", "60"], close_fds=False, stdout=-3, stderr=-3)
            print(child.pid, flush=True)
            os.kill(os.getpid(), 9)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=60, check=False
    )
    child = int(done.stdout)
    try:
        os.kill(child, 0)  # it lives
        with only_agent(tmp_path):
            pass
    finally:
        os.kill(child, signal.SIGKILL)
