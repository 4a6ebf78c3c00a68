"""The agent keeps a host: pushes, drift of every kind, what a person stopped, and its own end."""

from __future__ import annotations

import signal
import socket
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.agent import RunningAgent

APP = "services:\n  app:\n    image: app:1\n    init: true\n    environment: {LEVEL: '%s'}\n"


def _runs(host, name, level="1"):
    container = host.containers(name).get(f"{name}-app-1")
    return bool(container and container["State"]["Running"] and f"LEVEL={level}" in container["Config"]["Env"])


@pytest.fixture
def kept(host, unique):
    """A host with one stack, and the agent that keeps it."""
    name = unique("kept")
    host.push({f"stacks/{name}/compose.yaml": APP % 1})
    with RunningAgent(host) as agent:
        agent.until(lambda: _runs(host, name))
        agent.idle()
        yield agent, name
    host.clear(name)


def test_a_push_is_deployed(kept, host):
    """A push to a repository on this machine is noticed, and only the changed service is made anew."""
    agent, name = kept
    commit = host.push({f"stacks/{name}/compose.yaml": APP % 2})
    agent.until(lambda: _runs(host, name, "2"))
    agent.until(lambda: host.status()["revision"]["applied"] == commit)
    assert host.status()["stacks"][name]["result"] == "Applied"


def _rename(host, name):
    host.api.rename(f"{name}-app-1", f"{name}-else")


def _network(host, name):
    host.api.disconnect_container_from_network(f"{name}-app-1", f"{name}_default")


def _part(host, name, part):
    """Return a part of the inspect; of a container that is just being made anew, nothing."""
    return host.containers(name).get(f"{name}-app-1", {}).get(part, {})


@pytest.mark.parametrize(
    ("do", "is_back"),
    [
        (lambda host, name: host.api.remove_container(f"{name}-app-1", force=True), _runs),
        (_rename, _runs),
        (_network, lambda host, name: f"{name}_default" in _part(host, name, "NetworkSettings").get("Networks", {})),
        (
            lambda host, name: host.api.update_container(f"{name}-app-1", mem_limit="64m", memswap_limit="64m"),
            lambda host, name: _part(host, name, "HostConfig").get("Memory") == 0,
        ),
    ],
    ids=["rm", "rename", "disconnect", "update"],
)
def test_drift_is_put_right_at_once(kept, host, do, is_back):
    """Whatever somebody does to a container is seen when it happens, and undone."""
    agent, name = kept
    do(host, name)
    agent.until(lambda: is_back(host, name) and _runs(host, name))


def test_its_own_actions_wake_nobody(kept, host):
    """A push makes one pass and no second one."""
    agent, name = kept
    before = len(agent.passes)
    host.push({f"stacks/{name}/compose.yaml": APP % 2})
    agent.until(lambda: len(agent.passes) > before)
    agent.idle()
    assert [one["pass"]["trigger"] for one in agent.passes[before:]] == ["push", "command"]


def test_what_somebody_stopped_is_left_alone_for_a_while(kept, host):
    """It is held, with the time and the command; a person's apply brings it back at once."""
    agent, name = kept
    host.api.stop(f"{name}-app-1", timeout=1)
    agent.until(lambda: host.status()["stacks"][name]["held"])
    (held,) = host.status()["stacks"][name]["held"]
    assert held["why"] == "stop_grace"
    assert held["until"]
    assert not _runs(host, name)
    host.apply()
    assert _runs(host, name)


def test_after_its_grace_what_was_stopped_comes_back(host, unique):
    """The pass is made when the grace ends, without any event."""
    name = unique("grace")
    host.configure(drift={"stop_grace": "2s"})
    host.push({f"stacks/{name}/compose.yaml": APP % 1})
    with RunningAgent(host) as agent:
        agent.until(lambda: _runs(host, name))
        agent.idle()
        host.api.stop(f"{name}-app-1", timeout=1)
        agent.until(lambda: _runs(host, name))
    host.clear(name)


NEVER_WELL = """\
services:
  app:
    image: app:1
    init: true
    environment: {LEVEL: '%s'}
    healthcheck: {test: ["CMD", "false"], interval: 1s, timeout: 1s, retries: 500, start_period: 500s}
"""


def test_the_newest_revision_ends_the_wait_for_an_older_one(kept, host):
    """Nobody waits out the time that a broken revision has to get well."""
    agent, name = kept
    host.push({f"stacks/{name}/compose.yaml": NEVER_WELL % 2})
    agent.until(lambda: host.status()["stacks"][name]["operation"] == "Verifying")
    commit = host.push({f"stacks/{name}/compose.yaml": APP % 3})
    agent.until(lambda: host.status()["revision"]["applied"] == commit, within=30)
    assert _runs(host, name, "3")


def test_other_stacks_do_not_wait_for_one_that_does(kept, host, unique):
    """While one stack waits for its health, drift of another is put right."""
    agent, name = kept
    slow = unique("slow")
    host.push({f"stacks/{slow}/compose.yaml": NEVER_WELL % 1})
    agent.until(lambda: host.status()["stacks"][slow]["operation"] == "Verifying")
    host.api.remove_container(f"{name}-app-1", force=True)
    agent.until(lambda: _runs(host, name))
    assert host.status()["stacks"][slow]["operation"] == "Verifying"
    assert agent.stop() == 0  # nor does the end of the agent
    host.clear(slow)


def test_three_pushes_at_once_are_one_pass(kept, host):
    """Each trigger only says that there is news; the newest is what is applied."""
    agent, name = kept
    before = len(agent.passes)
    for level in (2, 3, 4):
        host.write({f"stacks/{name}/compose.yaml": APP % level})
        host.git("commit", "--quiet", "--all", "--message", f"level {level}")
    agent.until(lambda: _runs(host, name, "4"))
    agent.idle()
    assert [one["pass"]["trigger"] for one in agent.passes[before:]] == ["push", "command"]


def test_drift_is_put_right_while_git_is_away(kept, host):
    """The last good revision goes on being kept, and the status says how git is."""
    agent, name = kept
    away = host.repository.rename(host.folder / "away")
    host.api.remove_container(f"{name}-app-1", force=True)
    agent.until(lambda: _runs(host, name))
    assert host.run("plan").code == 0
    assert host.status()["source"]["state"] == "unreachable"
    away.rename(host.repository)


def test_a_suspended_stack_is_left_alone_over_a_restart(kept, host):
    """Who, why and the way back are in the status; resumed, it is put right at once."""
    agent, name = kept
    assert host.run("suspend", name, "--reason", "copying its files").code == 0
    host.api.remove_container(f"{name}-app-1", force=True)
    assert agent.stop() == 0
    with RunningAgent(host) as again:
        again.until(lambda: host.status()["stacks"][name]["held"])
        stack = host.status()["stacks"][name]
        assert stack["health"] == "Suspended"
        assert stack["suspended"]["reason"] == "copying its files"
        assert not host.containers(name)
        assert host.run("resume", name).code == 0
        again.until(lambda: _runs(host, name))


def test_settings_are_read_again(kept, host):
    """SIGHUP: bad ones are refused and the old ones stay, good ones count from now on."""
    agent, name = kept
    host.config.write_text(host.config.read_text() + "no_such_key: 1\n")
    agent.process.send_signal(signal.SIGHUP)
    agent.until(lambda: "no_such_key" in agent.said())
    host.configure(drift={"correct": "report"})
    agent.process.send_signal(signal.SIGHUP)
    agent.until(lambda: "settings read again" in agent.said())
    host.api.remove_container(f"{name}-app-1", force=True)
    agent.until(lambda: [held["why"] for held in host.status()["stacks"][name]["held"]] == ["report"])
    assert not host.containers(name)


def test_it_ends_in_good_order_and_goes_on_where_it_was(kept, host):
    """SIGTERM: exit 0. What changed meanwhile is put right when it is back; containers run on."""
    agent, name = kept
    before = host.ids(name)
    assert agent.stop() == 0
    assert host.ids(name) == before
    host.push({f"stacks/{name}/compose.yaml": APP % 3})
    with RunningAgent(host) as again:
        again.until(lambda: _runs(host, name, "3"))


def test_a_second_agent_is_refused(kept, host):
    """It names the first one's process."""
    agent, _ = kept
    said = host.run("run")
    assert said.code == 1
    assert str(agent.process.pid) in said.err


def test_since_is_when_it_happened_and_not_when_somebody_asked(kept, host, unique):
    """A stack that came with a push is as it is since then, although nobody looked at the status."""
    agent, _ = kept
    new, before = unique("new"), len(agent.passes)
    host.push({f"stacks/{new}/compose.yaml": APP % 1})
    agent.until(lambda: len(agent.passes) > before)
    ended = datetime.now(UTC)
    agent.idle()
    assert datetime.fromisoformat(host.status()["stacks"][new]["since"]) <= ended + timedelta(seconds=1)
    host.clear(new)


def test_what_a_person_put_right_waits_for_nothing(kept, host):
    """The end of a grace that is over already is no moment that anybody waits for."""
    agent, name = kept
    host.api.stop(f"{name}-app-1", timeout=1)
    agent.until(lambda: host.status()["stacks"][name]["next"])
    host.apply()
    assert host.status()["stacks"][name]["next"] is None


def test_a_revision_is_applied_once_its_last_stack_is(kept, host, unique):
    """Who gets well on a later try completes the revision, without another look at everything."""
    agent, _ = kept
    late = unique("late")
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    text = APP % 1 + f"    ports: ['127.0.0.1:{port}:80']\n"
    commit = host.push({f"stacks/{late}/compose.yaml": text})
    agent.until(lambda: [p["reason"] for p in host.status()["stacks"][late]["blocked"]] == ["PortTaken"])
    taken.close()
    agent.until(lambda: host.status()["revision"]["applied"] == commit)
    assert [one["pass"]["trigger"] for one in agent.passes].count("command") == 1  # only the one of `idle`
    host.clear(late)
