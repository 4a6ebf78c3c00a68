"""What a running agent tells holds no secret and nothing that a terminal obeys; its own surroundings reach nobody."""

from __future__ import annotations

import json
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.errors import NoAgent
from reconciler.plan.text import UNSAFE
from tests.e2e.agent import RunningAgent
from tests.e2e.host import Host

OWN = "Hunter2-of-the-device"
QUOTED = 'a"b\\c-quoted'
FILED = "first-line-of-a-key\nsecond-line-of-a-key"
TOKEN = "of-the-service-itself"
OBEYED = "\x1b[2J\x1b]0;owned\x07\u202e"
CRASHES = """
services:
  app:
    image: app:1
    command: [sh, -c, 'cat /run/secrets/filed; echo; echo "$${OWN} $${QUOTED}"; exit 3']
    restart: 'no'
    environment: {OWN: '${OWN}', QUOTED: '${QUOTED}', AGENTS: '${GITHUB_TOKEN-none}'}
    secrets: [filed, given]
secrets:
  filed: {file: ./filed.txt}
  given: {environment: OWN}
"""
REFUSED = "services:\n  app:\n    image: app:1\n    user: '${OWN}'\n    security_opt: ['${QUOTED}']\n"


@pytest.fixture
def port() -> int:
    """A port that is free."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        number: int = listening.getsockname()[1]
    return number


@pytest.fixture
def agent(host: Host, port: int, tmp_path: Path) -> Iterator[RunningAgent]:
    """An agent that was started in surroundings full of tokens and traps."""
    (tmp_path / "env").mkdir()
    host.configure(env_dir=str(tmp_path / "env"), metrics={"listen": f"127.0.0.1:{port}"})
    surroundings = {
        "GITHUB_TOKEN": TOKEN, "COMPOSE_FILE": "/nowhere", "COMPOSE_PROFILES": "none", "DOCKER_HOST": "unix:///nowhere",
        "GIT_DIR": "/nowhere", "GIT_TRACE": str(tmp_path / "trace"), "GIT_CONFIG_COUNT": "many",
    }  # fmt: skip
    with RunningAgent(host, **surroundings) as running:
        yield running


@pytest.fixture
def events(agent: RunningAgent) -> list[Any]:
    """All that the agent tells those who follow it."""
    heard: list[Any] = []
    following = agent.desk.follow()

    def listen() -> None:
        with suppress(NoAgent):
            heard.extend(following)

    threading.Thread(target=listen, daemon=True).start()
    return heard


def shown(host: Host, agent: RunningAgent, *targets: str) -> dict[str, str]:
    """Return what people and programs are shown, by how they asked."""
    asked = [[verb] for verb in ("plan", "apply", "status", "history")] + [["why", target] for target in targets]
    said = {" ".join([*words, *form]): host.run(*words, *form) for words in asked for form in ([], ["--json"])}
    return {"log": agent.log.read_text(), **{words: one.out + one.err for words, one in said.items()}}


def record(host: Host) -> str:
    """Return all that is written down."""
    with sqlite3.connect(host.state_dir / "state.db") as db:
        return "\n".join(db.iterdump())


def test_no_secret_is_told(
    host: Host, agent: RunningAgent, events: list[Any], port: int, unique: Callable[[str], str], tmp_path: Path
) -> None:
    """A device's own values, a secret's lines and the agent's token stand in no event, document, log, metric or row."""
    crashes, refused = unique("crashes"), unique("refused")
    for name in (crashes, refused):
        (tmp_path / "env" / f"{name}.env").write_text(f"OWN={OWN}\nQUOTED='{QUOTED}'\n")
    files = {f"stacks/{crashes}/compose.yaml": CRASHES, f"stacks/{refused}/compose.yaml": REFUSED}
    host.push({**files, f"stacks/{crashes}/filed.txt": FILED})
    try:
        agent.until(lambda: len(agent.passes) and {crashes, refused} <= host.status()["stacks"].keys())
        said = shown(host, agent, crashes, f"{crashes}/app", f"{refused}/app")
        environment = host.containers(crashes)[f"{crashes}-app-1"]["Config"]["Env"]
    finally:
        host.clear(crashes, refused)
    said["events"], said["record"] = json.dumps(events, ensure_ascii=False), record(host)
    said["metrics"] = requests.get(f"http://127.0.0.1:{port}/metrics", timeout=20).text

    assert {f"OWN={OWN}", "AGENTS=none"} <= set(environment)
    assert not (tmp_path / "trace").exists()
    assert "outcome" in said["events"]
    assert "security" in said["history"]  # each compose has its own words for it
    for secret in (OWN, QUOTED, "c-quoted", *FILED.splitlines(), TOKEN):
        assert [place for place, text in said.items() if secret in text] == []


def test_foreign_text_is_inert(host: Host, agent: RunningAgent, unique: Callable[[str], str]) -> None:
    """Subjects, authors, reasons and labels with terminal escapes are shown as text, wherever."""
    name, foreign = unique("inert"), unique("foreign")
    stack = f"services:\n  app:\n    image: app:1\n    init: true\n    labels: {{evil: {json.dumps(OBEYED)}}}\n"
    labels = {"com.docker.compose.project": f"p{OBEYED}", "com.docker.compose.service": f"s{OBEYED}"}
    host.api.create_container("app:1", ["true"], name=foreign, labels=labels)
    host.git("config", "user.name", f"Eve{OBEYED}")
    try:
        host.push({f"stacks/{name}/compose.yaml": stack}, f"subject {OBEYED}")
        host.run("apply")
        host.push({f"stacks/{name}/compose.yaml": stack.replace("2J", "3J")}, f"subject {OBEYED}")
        host.run("apply")
        said = {"suspend": host.run("suspend", name, "--reason", f"because {OBEYED}").out}
        said |= {
            "unknown": host.run("suspend", OBEYED, "--reason", OBEYED).err,
            **shown(host, agent, name, foreign, OBEYED),
        }
    finally:
        host.api.remove_container(foreign, force=True)
        host.clear(name)

    assert "subject" in said[f"why {name}"]
    assert "because" in said["status"]
    for place, text in said.items():
        assert [line for line in text.split("\n") if UNSAFE.search(line)] == [], place
