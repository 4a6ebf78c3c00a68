"""An agent in a container of its own engine does not end itself."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model import DaemonKey, DesiredDaemon, Engine, Observed, ObservedDaemon, Position, Recorded
from tests.plan.build import all_there, desired, lines, observed, plan, record, service, stack

AGENT = stack("agent", service("agent"), service("helper"))
CHANGED = stack("agent", service("agent", environment={"A": "1"}), service("helper", environment={"A": "1"}))
OTHER = stack("other", service("x"))
US = "id-of-agent-agent-1"


def test_our_own_stack_is_left_as_it_is() -> None:
    """What would end our container blocks its stack as a whole, and says what to do; in another one nothing is special."""
    found = plan(desired(CHANGED), all_there(AGENT, own_container=US), record(AGENT))

    assert found.actions == ()
    assert [(p.target, p.reason, p.code) for p in found.blocked] == [
        ("stack/agent/service/agent", "PolicyDenied", "own-container")
    ]
    assert plan(desired(CHANGED), all_there(AGENT, own_container="another"), record(AGENT)).actions


def test_a_neighbour_of_ours_is_kept() -> None:
    """What does not end us is done."""
    wanted = stack("agent", service("agent"), service("helper", environment={"A": "1"}))
    found = plan(desired(wanted), all_there(AGENT, own_container=US), record(AGENT))

    assert [action.object for action in found.actions] == ["agent-helper-1"]


def test_we_do_not_take_ourselves_away() -> None:
    """Gone from git, our own stack stays, with all of it."""
    found = lines(desired(OTHER), all_there(AGENT, OTHER, own_container=US), record(AGENT, OTHER))

    assert [line.partition(":")[0] for line in found] == ["! stack/agent/service/agent  PolicyDenied"]


# ── dockerd settings ─────────────────────────────────────────────────────────────────────────────

BRIDGE = DaemonKey("bridge", "br", "system", Position("config.yaml", 9))
DEBUG = DaemonKey("debug", True, "git", Position("daemon.json", 2))
ON, OFF = (DaemonKey("live-restore", value, "git") for value in (True, False))


def _seen(values: dict[str, Any], *, running: bool, own: str | None = US) -> Observed:
    engine = Engine("26.1.5", "1.45", {"LiveRestoreEnabled": running})
    return observed([], engine=engine, own_container=own, daemon=ObservedDaemon("/d.json", True, values))


def test_keys_that_would_end_us_are_refused() -> None:
    """A key that needs an engine restart is refused with its place; one that does not is set."""
    found = lines(desired(daemon=DesiredDaemon((BRIDGE, DEBUG))), _seen({}, running=False))

    assert [line.partition(":")[0] for line in found] == [
        "+ daemon/debug  set  (change",
        "! daemon/bridge  PolicyDenied",
    ]
    assert "(config.yaml:9)" in found[1]


@pytest.mark.parametrize(
    ("keys", "values", "running", "refused"),
    [
        ((), {"live-restore": True}, True, False),
        ((), {}, True, False),
        ((ON,), {"live-restore": True}, True, False),
        ((ON,), {}, False, True),
        ((OFF,), {"live-restore": True}, True, True),
        ((), {"live-restore": False}, True, True),
        ((), {"live-restore": True}, False, True),
    ],
)
def test_with_live_restore_containers_outlive_it(
    keys: tuple[DaemonKey, ...], values: dict[str, Any], running: bool, refused: bool
) -> None:
    """It has to be on in the running engine, and to stay on."""
    found = plan(desired(daemon=DesiredDaemon((BRIDGE, *keys))), _seen(values, running=running))

    assert bool(found.blocked) is refused


def test_live_restore_that_git_takes_back() -> None:
    """To take the key out and restart would end us, too."""
    known = Recorded(daemon_applied={"live-restore": True})

    assert plan(desired(daemon=DesiredDaemon((BRIDGE,))), _seen({"live-restore": True}, running=True), known).blocked
    assert not plan(
        desired(daemon=DesiredDaemon((BRIDGE,))), _seen({"live-restore": True}, running=True, own=None), known
    ).blocked
