"""Why something is as it is, history, suspensions and the first repository, on a real engine."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.settings import load
from tests.e2e.agent import RunningAgent
from tests.e2e.host import Host

COMPOSE = """\
services:
  api:
    image: app:1
    init: true
    command: [sleep, '1000']
    environment:
      A: '{value}'
"""


@pytest.fixture
def stack(host: Host, unique: Callable[[str], str]) -> Iterator[str]:
    """A stack's name of its own; its objects are taken away in the end."""
    name = unique("why")
    yield name
    host.clear(name)


def compose(value: str) -> str:
    return COMPOSE.format(value=value)


def why(host: Host, target: str) -> Any:
    said = host.run("why", target, "--json")
    assert said.code == 0, said
    return said.json()


def test_the_commit_of_the_last_change_is_named_also_after_a_repair(host: Host, stack: str) -> None:
    """A push, then a container removed by hand and put back, then commits that are about something else."""
    file = f"stacks/{stack}/compose.yaml"
    host.push({file: compose("1")}, "First")
    host.apply()
    commit = host.push({file: compose("2")}, "Let A be 2")
    host.push({"README.md": "words"}, "Only words")
    host.apply()
    host.api.remove_container(f"{stack}-api-1", force=True)
    host.push({"README.md": "other words"}, "Again only words")
    host.apply()
    (name,) = host.ids(stack)

    for target in (stack, f"{stack}/api", f"stack/{stack}/service/api", name, host.ids(stack)[name][:12]):
        answer = why(host, target)
        changed, repaired = answer["changed"], answer["repaired"]
        assert (changed["commit"], changed["subject"], changed["author"]) == (commit, "Let A be 2", "Ada"), target
        assert (changed["kind"], changed["because"], changed["file"], changed["line"]) == (
            "recreate",
            "change",
            file,
            6,
        )
        assert changed["fields"] == [{"path": "environment.A", "before": "1", "after": "2"}]
        assert (repaired["kind"], repaired["because"], repaired["text"]) == ("create", "missing", "not there")
        assert int(repaired["run"]) > int(changed["run"])
        assert (answer["pending"], answer["waiting"], answer["failed"]) == ([], None, None)
    container = why(host, name)["container"]
    assert (container["service"], container["image"], container["made"]["run"]) == ("api", "app:1", repaired["run"])

    told = host.run("why", f"{stack}/api").out
    assert f'Commit {commit[:12]} "Let A be 2" by Ada' in told
    assert f"{file}:6" in told
    assert told.endswith("Nothing is to be done.\n")


def test_another_container_of_the_same_name_was_not_made_by_the_run_that_made_its_predecessor(
    host: Host, stack: str
) -> None:
    """Compose run by hand, or by an agent that was killed: nothing is said of who made it."""
    host.push({f"stacks/{stack}/compose.yaml": compose("1")})
    host.apply()
    name = f"{stack}-api-1"
    assert why(host, name)["container"]["made"]
    seen = host.containers(stack)[name]
    host.api.remove_container(name, force=True)
    host.api.create_container(seen["Image"], name=name, labels=seen["Config"]["Labels"])

    assert why(host, name)["container"]["made"] is None


def test_what_is_not_yet_done_is_told_with_its_reason(host: Host, stack: str) -> None:
    """A commit that was not applied, a stack that waits for another, an attempt that failed."""
    other = f"{stack}x"
    host.push({f"stacks/{stack}/compose.yaml": compose("1")})
    host.apply()
    broken = compose("1").replace("app:1", "nowhere.invalid/app:1")
    host.push(
        {
            f"stacks/{stack}/compose.yaml": compose("2"),
            f"stacks/{other}/compose.yaml": broken.replace("    init", "    pull_policy: never\n    init"),
            f"stacks/{stack}/stack.yaml": f"depends_on: [{other}]\n",
        }
    )
    answer = why(host, stack)

    assert [(one["kind"], one["because"]) for one in answer["pending"]] == []
    assert answer["blocked"][0]["reason"] == "DependencyNotReady"
    assert answer["waiting"]["code"] == "blocked"
    assert answer["changed"]["because"] == "missing"
    assert "Blocked, DependencyNotReady" in host.run("why", stack).out

    host.push({f"stacks/{stack}/stack.yaml": None, f"stacks/{other}/compose.yaml": None})
    (pending,) = why(host, f"{stack}/api")["pending"]
    assert (pending["kind"], pending["file"], pending["line"]) == ("recreate", f"stacks/{stack}/compose.yaml", 6)


def test_a_failure_is_told_until_it_is_healed(host: Host, stack: str) -> None:
    """A container that ends at once: history and why name it, with what it said last."""
    bad = compose("1").replace("[sleep, '1000']", "[sh, -c, 'echo no such luck; exit 3']")
    host.push({f"stacks/{stack}/compose.yaml": bad}, "Break it")
    host.apply(code=3)
    answer = why(host, stack)
    (run,) = host.run("history", stack, "--json").json()["runs"]

    assert answer["failed"]["problem"]["reason"] == "HealthFailed"
    assert "no such luck" in answer["failed"]["problem"]["text"]
    assert answer["changed"]["subject"] == "Break it"
    assert (run["result"], run["stacks"][stack]["problem"]["reason"]) == ("FailedPartial", "HealthFailed")
    assert {action["kind"]: action["ok"] for action in run["actions"]}["create"] is True
    assert "exit code 3" in host.run("history", stack).out


def test_what_we_did_not_make_is_said_to_be_others(host: Host, stack: str) -> None:
    """A container that somebody started by hand has no reason of ours, and an unknown name gets near ones."""
    container = host.api.create_container("app:1", ["sleep", "100"], name=f"{stack}-hand")
    try:
        host.push({f"stacks/{stack}/compose.yaml": compose("1")})
        host.apply()
        answer = why(host, f"{stack}-hand")

        assert (answer["ours"], answer["changed"], answer["stack"]) == (False, None, None)
        assert "never made by reconciler" in host.run("why", f"{stack}-hand").out
        unknown = host.run("why", f"{stack}/apy")
        assert unknown.code == 1
        assert f"{stack}/api" in unknown.err
    finally:
        host.api.remove_container(container["Id"], force=True)


def test_a_suspended_stack_is_left_alone_and_says_so(host: Host, stack: str) -> None:
    """Who, why and until are in status and why; nothing is changed until it is resumed."""
    host.push({f"stacks/{stack}/compose.yaml": compose("1")})
    host.apply()
    before = host.ids(stack)
    assert host.run("suspend", stack, "--reason", "the disk is being copied", "--until", "2h").code == 0
    host.push({f"stacks/{stack}/compose.yaml": compose("2")})
    host.apply()

    assert host.ids(stack) == before
    told = host.status()["stacks"][stack]["suspended"]
    assert (told["reason"], told["who"]) == ("the disk is being copied", "root")
    answer = why(host, stack)
    assert answer["suspended"] == told
    assert {held["why"] for held in answer["held"]} == {"suspended"}
    assert "the disk is being copied (root, since" in host.run("why", stack).out

    assert host.run("resume", stack).code == 0
    assert host.run("resume", stack).code == 1
    host.apply()
    assert host.ids(stack) != before
    assert host.run("suspend", f"{stack}y", "--reason", "x").code == 1


def test_history_tells_what_was_done(host: Host, stack: str) -> None:
    """Newest last for people, newest first for programs; quiet runs are left out, --follow needs an agent."""
    for value in ("1", "2"):
        host.push({f"stacks/{stack}/compose.yaml": compose(value)}, f"Let A be {value}")
        host.apply()
        host.apply()
    runs = host.run("history", "--json").json()["runs"]
    told = host.run("history", stack).out

    assert [run["subject"] for run in runs] == ["Let A be 2", "Let A be 1"]
    assert (runs[0]["trigger"], runs[0]["who"], runs[0]["result"]) == ("command", "root", "Applied")
    assert told.index('"Let A be 1" by Ada') < told.index('"Let A be 2" by Ada')
    assert "environment.A: 1 → 2" in told
    assert len(host.run("history", "--json", "--limit", "1").json()["runs"]) == 1
    assert host.run("history", "--follow").code == 1
    assert host.run("history", "nothing").code == 1


def test_the_first_repository_is_followed_as_it_is(host: Host, stack: str) -> None:
    """What `init` writes is valid, its settings are taken, and plan and status work with it."""
    home, config = host.folder / "home", host.folder / "etc" / "config.yaml"
    identity = host.folder / "user" / ".gitconfig"
    identity.parent.mkdir()
    identity.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n")

    said = host.run("init", str(home), "--device", "attic", "--config", str(config), HOME=str(identity.parent))

    assert said.code == 0, said
    assert "Committed as" in said.out
    assert host.run("validate", str(home)).code == 0
    settings = load(config)
    assert (settings.device, settings.source.url, load(home / "config.example.yaml").device) == (
        "attic",
        str(home),
        "attic",
    )
    mine = host.folder / "mine.yaml"
    mine.write_text(
        config.read_text()
        .replace("unix:///var/run/docker.sock", host.dockerd.host)
        .replace("/var/lib", str(host.folder))
    )
    mine.chmod(0o600)
    plan = host.run("plan", "--config", str(mine))
    assert (plan.code, "stack/hello/service/page  create hello-page-1" in plan.out) == (2, True), plan
    assert host.run("status", "--config", str(mine), "--json").json()["stacks"]["hello"]["health"] == "Missing"
    again = host.run("init", str(home), "--config", str(config))
    assert (again.code, "holds something already" in again.err) == (1, True)


def test_a_push_to_the_first_repository_works(host: Host, stack: str) -> None:
    """The branch that is checked out takes a push, and its files follow."""
    home, clone = host.folder / "home", host.folder / "clone"
    host.run("init", str(home), HOME=str(host.folder))
    for words in (
        ["-C", str(home), "add", "--all"],
        ["-C", str(home), "commit", "-qm", "Start"],
        ["clone", "-q", str(home), str(clone)],
    ):
        git(*words)
    (clone / "stacks/hello/.env").write_text("PORT=9090\n")
    git("-C", str(clone), "commit", "-qam", "Another port")
    git("-C", str(clone), "push", "-q")

    assert (home / "stacks/hello/.env").read_text() == "PORT=9090\n"


def git(*words: str) -> None:
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", *who, *words], check=True, capture_output=True)


def test_a_watched_status_is_printed_when_it_changes(host: Host, stack: str) -> None:
    """Into a pipe a status is printed at once and whenever something else is to be said; Ctrl-C ends it quietly."""
    host.push({f"stacks/{stack}/compose.yaml": compose("1")})
    command = [str(Path(sys.executable).with_name("reconciler")), "--config", str(host.config), "status", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert any("OutOfSync" in line for line in watching.stdout)
        host.apply()
        assert "1 Synced\n" in watching.stdout
        watching.send_signal(signal.SIGINT)
        _, complaints = watching.communicate(timeout=20)

    assert (watching.returncode, complaints) == (0, "")


def test_with_an_agent_the_same_is_asked_of_it(host: Host, stack: str) -> None:
    """A push is told by `history --follow` when it has run; why knows whose stop waits how long, and for what else not."""
    file, two = (
        f"stacks/{stack}/compose.yaml",
        "  db:\n    image: app:1\n    init: true\n    command: [sleep, '1000']\n",
    )
    host.push({file: compose("1") + two}, "First")
    with RunningAgent(host) as agent:
        agent.until(lambda: host.status()["counts"] == {"Synced": 1})
        command = [
            str(Path(sys.executable).with_name("reconciler")),
            "--config",
            str(host.config),
            "history",
            "--follow",
        ]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
            assert following.stdout is not None
            assert any('"First" by Ada' in line for line in following.stdout)
            host.push({file: compose("2") + two}, "Let A be 2")
            assert any('"Let A be 2" by Ada' in line for line in following.stdout)
            following.terminate()
        host.api.stop(f"{stack}-db-1", timeout=0)
        agent.until(lambda: why(host, f"{stack}/db")["held"])
        stopped, other = why(host, f"{stack}-db-1"), why(host, f"{stack}/api")

    assert (stopped["changed"]["trigger"], stopped["waiting"]["code"], stopped["pending"]) == (
        "start",
        "stop-grace",
        [],
    )
    assert stopped["held"][0]["until"] == stopped["waiting"]["until"]
    assert (other["changed"]["subject"], other["changed"]["trigger"]) == ("Let A be 2", "push")
    assert (other["waiting"], other["held"]) == (None, [])
