"""The verbs at the desk of an agent: the same output and exit codes as without one."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.api import client
from reconciler.api.server import Server
from reconciler.cli.inert import json_text
from reconciler.cli.main import run
from reconciler.errors import NotFastForward
from reconciler.model import Problem, SourceState
from reconciler.pipeline import Listener, Wish
from reconciler.pipeline.report_document import report_document
from reconciler.plan.document import plan_document
from reconciler.plan.text import plan_text
from tests.api import fake
from tests.api.fake import PLAN, REPORT, FakeDesk


@pytest.fixture
def config(tmp_path: Path) -> Path:
    file = tmp_path / "config.yaml"
    file.write_text(f"device: box\nsource: {{url: {tmp_path}/git}}\nstate_dir: {tmp_path}/state\n")
    file.chmod(0o600)
    (tmp_path / "state").mkdir()
    return file


@pytest.fixture
def desk(config: Path) -> Iterator[FakeDesk]:
    """Let an agent answer for the state folder of these settings."""
    desk = FakeDesk()
    server = Server(config.parent / "state" / "agent.sock", lambda _who: desk)
    server.start()
    yield desk
    server.stop()


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def said(config: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a verb; return its exit code and what it said."""

    def command(*words: str) -> tuple[int, str, str]:
        code = run([*words, "--config", str(config)])
        return code, *capsys.readouterr()

    return command


def test_a_plan_of_the_agent(said: Run, desk: FakeDesk, tmp_path: Path) -> None:
    """Text, JSON, saved file and exit code are those of the plan itself."""
    assert said("plan", "--confirm-prune") == (2, plan_text(PLAN) + "\n", "")
    assert said("plan", "--json", "-o", str(tmp_path / "p.json"))[:2] == (2, json_text(plan_document(PLAN)) + "\n")
    assert json.loads((tmp_path / "p.json").read_text()) == plan_document(PLAN)
    assert desk.asked == [("plan", True), ("plan", False)]


def test_a_pass_of_the_agent(said: Run, desk: FakeDesk) -> None:
    """It is followed as one of our own, and judged by its own report."""
    code, out, err = said("apply")

    assert code == 0
    assert out.splitlines() == [
        "web: recreate api",
        "stack/web/service/api: recreate web-api-1: ok (1.5 s)",
        "web: Applied (2.0 s)",
        "Done: 1 action. This host is as c0ffee says.",
    ]
    assert err == ""
    code, out, _ = said("apply", "--json")
    assert (code, json.loads(out)) == (0, report_document(REPORT))


def test_what_is_wrong_with_the_source_is_said(said: Run, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """An older revision is used, and nobody is left to believe that it is the newest."""
    problem = Problem("source", "SourceUnreachable", "no-agent", {"verb": "git"})
    monkeypatch.setattr(fake, "SOURCE", SourceState("url", PLAN.revision, problem))

    assert said("plan")[2].startswith("warning: ")
    assert said("apply")[2].startswith("warning: ")


def test_a_saved_plan_goes_along(said: Run, desk: FakeDesk, tmp_path: Path) -> None:
    """A stale one ends with 3, as without an agent."""
    (tmp_path / "good.json").write_text(json.dumps(plan_document(PLAN)))
    (tmp_path / "stale.json").write_text(json.dumps(plan_document(replace(PLAN, index="old"))))

    assert said("apply", str(tmp_path / "good.json"), "--accept-rewrite", "--confirm-prune")[0] == 0
    assert desk.asked == [("apply", Wish(accept_rewrite=True, confirm_prune=True, expected_index=PLAN.index))]
    code, out, err = said("apply", str(tmp_path / "stale.json"))
    assert (code, out) == (3, "")
    assert err.startswith("error: this is no longer what would be done")


def test_an_error_of_the_agent_is_one_of_ours(said: Run, desk: FakeDesk) -> None:
    """It is told with its place and its hint."""
    desk.error = NotFastForward("plan-stale", file="f.yaml", line=3, saved="1", now="2")

    for verb in ("plan", "apply"):
        code, out, err = said(verb)
        assert (code, out) == (1, "")
        assert err.startswith("error: f.yaml:3: ")
        assert "\n hint: " in err


def test_not_waiting(said: Run, desk: FakeDesk) -> None:
    """The agent is asked, and that is all."""
    assert said("apply", "--no-wait", "--confirm-prune")[:2] == (0, "")
    assert desk.asked == [("begin", Wish(confirm_prune=True))]


def test_the_status_of_the_agent(said: Run, desk: FakeDesk) -> None:
    """It is judged here, by the same document."""
    code, out, _ = said("status", "--json")

    assert (code, json.loads(out)) == (0, fake.STATUS)
    assert said("status", "--json", "--summary")[0] == 0


def test_nothing_is_done_beside_a_silent_agent(said: Run, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where an agent holds the state folder and does not answer, no verb makes a pass of its own."""
    monkeypatch.setattr(client, "_PROBE", 0.2)
    monkeypatch.setattr("reconciler.pipeline.Pipeline.open", lambda _settings: pytest.fail("opened"))
    lock = config.parent / "state" / "agent.lock"
    lock.write_text("4711\n")
    with lock.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)

        for verb in ("plan", "apply", "status"):
            code, out, err = said(verb)
            assert (code, out) == (1, "")
            assert "process 4711" in err


def test_without_an_agent_the_work_is_done_here(said: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket and no lock: the pipeline is opened."""

    class OpenedError(Exception):
        """Says that it came so far."""

    def opened(_settings: object) -> None:
        raise OpenedError

    monkeypatch.setattr("reconciler.pipeline.Pipeline.open", opened)

    with pytest.raises(OpenedError):
        said("plan")


def test_ctrl_c_only_ends_the_following(config: Path, desk: FakeDesk) -> None:
    """Whoever stops following is told that the agent goes on; it does, and the exit code is 130."""
    begun, ended = threading.Event(), threading.Event()

    def wait(_listener: Listener) -> None:
        begun.set()
        ended.wait(20)

    desk.before = wait
    argv = [sys.executable, "-m", "reconciler", "apply", "--config", str(config)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        assert following.stdout.readline() == "web: recreate api\n"
        assert begun.wait(20)
        os.kill(following.pid, signal.SIGINT)
        _, err = following.communicate(timeout=20)

    assert (following.returncode, err) == (130, "The agent goes on with it; see: reconciler status\n\nInterrupted.\n")
    assert not desk.finished.is_set()
    ended.set()
    assert desk.finished.wait(20)
