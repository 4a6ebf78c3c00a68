"""People ask the agent: what they are told is what they would be told without one."""

from __future__ import annotations

import json
import re
import signal
import stat

import pytest

from tests.e2e.agent import RunningAgent

GOOD = "services:\n  app:\n    image: app:1\n    init: true\n"
BAD = "services:\n  app:\n    image: app:1\n    entrypoint: [/nothing]\n"
_VARIES = {"created", "seconds", "observed_at", "since", "next", "operation"}


def lasting(value):
    """Take away what is another at every look."""
    if isinstance(value, dict):
        return {key: lasting(one) for key, one in value.items() if key not in _VARIES}
    if isinstance(value, str):
        return re.sub(r"\d+\.\d s\b", "… s", value)
    return [lasting(one) for one in value] if isinstance(value, list) else value


def answers(host):
    """Ask each verb, as a program and as a person; return exit codes and what was said."""
    programs = {verb: host.run(verb, "--json") for verb in ("plan", "apply", "status")}
    people = {verb: host.run(verb) for verb in ("plan", "status")}
    return {
        **{f"{verb} --json": (said.code, lasting(said.json()), lasting(said.err)) for verb, said in programs.items()},
        **{verb: (said.code, said.out, said.err) for verb, said in people.items()},
    }


@pytest.fixture
def mixed(host, unique):
    """A stack that runs, and one that cannot."""
    good, bad = unique("good"), unique("bad")
    host.push({f"stacks/{good}/compose.yaml": GOOD, f"stacks/{bad}/compose.yaml": BAD})
    assert host.run("apply").code == 3
    yield good, bad
    host.clear(good, bad)


def test_the_answers_are_the_same(host, mixed):
    """Plan, apply and status: documents, words and exit codes with an agent are those without one."""
    without = answers(host)
    with RunningAgent(host) as agent:
        agent.until(lambda: agent.passes)
        found = answers(host)

    assert {question: said[0] for question, said in without.items()} == {
        "plan --json": 2, "apply --json": 3, "status --json": 3, "plan": 2, "status": 3,
    }  # fmt: skip
    for question in ("plan --json", "apply --json", "plan"):
        assert found[question] == without[question]
    for question in ("status --json", "status"):
        assert (found[question][0], found[question][2]) == (without[question][0], without[question][2])


def test_a_pass_is_followed_and_a_stale_plan_refused(host, mixed, tmp_path):
    """What happens is shown as it does; a saved plan counts with an agent as without."""
    good, _ = mixed
    with RunningAgent(host) as agent:
        agent.until(lambda: agent.passes)
        assert host.run("plan", "-o", str(tmp_path / "plan.json")).code == 2
        stale = {**json.loads((tmp_path / "plan.json").read_text()), "index": "0" * 64}
        (tmp_path / "stale.json").write_text(json.dumps(stale))

        followed, refused = host.run("apply"), host.run("apply", str(tmp_path / "stale.json"))

    assert followed.code == 3
    assert "failed" in followed.out
    assert "Not converged" in followed.out
    assert (refused.code, refused.out) == (3, "")
    assert "no longer what would be done" in refused.err
    assert f"{good}-app-1" in host.containers(good)


def test_asking_without_waiting(host, mixed):
    """`apply --no-wait` returns at once and a person's pass is made; without an agent it is refused."""
    with RunningAgent(host) as agent:
        agent.until(lambda: agent.passes)
        assert stat.S_IMODE(agent.socket.stat().st_mode) == 0o600

        assert host.run("apply", "--no-wait").code == 0

        agent.until(lambda: any(ended["pass"]["trigger"] == "command" for ended in agent.passes))
        asked = next(ended["pass"] for ended in agent.passes if ended["pass"]["trigger"] == "command")
    assert asked["who"]
    said = host.run("apply", "--no-wait")
    assert (said.code, said.out) == (1, "")
    assert "no agent runs here" in said.err


def test_a_killed_agent_is_no_obstacle(host, mixed):
    """The socket that it leaves behind answers nobody, and the work is done without it."""
    with RunningAgent(host) as agent:
        agent.kill()
        assert agent.socket.exists()

        assert host.run("plan").code == 2


def test_a_hung_agent_is_not_passed_over(host, mixed):
    """One that is stopped in its tracks still has the host: verbs say so with its pid, and change nothing."""
    with RunningAgent(host) as agent:
        agent.process.send_signal(signal.SIGSTOP)
        try:
            said = host.run("apply")
        finally:
            agent.process.send_signal(signal.SIGCONT)

    assert (said.code, said.out) == (1, "")
    assert f"process {agent.process.pid}" in said.err
