"""The keys of daemon.json."""

from __future__ import annotations

from reconciler.model import DaemonKey, Desired, DesiredDaemon, Document, ObservedDaemon, Position, Problem, Recorded
from tests.plan.build import desired, lines, observed, text

BRIDGE = DaemonKey("bridge", "br-pg", "system", Position("config.yaml", 9))
DEBUG = DaemonKey("debug", True, "git", Position("daemon.json", 2))
PATH = "/etc/docker/daemon.json"


def _wanted(*keys: DaemonKey, problems: tuple[Problem, ...] = ()) -> Desired:
    return desired(daemon=DesiredDaemon(keys, problems))


def _says(wanted: Desired, values: Document | None, applied: Document | None = None) -> list[str]:
    seen = observed([], daemon=ObservedDaemon(PATH, values is not None, values))
    return text(wanted, seen, Recorded(daemon_applied=applied or {})).splitlines()


def test_as_wanted() -> None:
    """A file that holds what is wanted needs nothing; what else stands in it is its owner's business."""
    assert _says(_wanted(BRIDGE, DEBUG), {"bridge": "br-pg", "debug": True, "dns": ["1.1.1.1"]}) == ["No changes."]


def test_system_over_git_over_the_file() -> None:
    """Keys are set by name; what needs an engine restart says so."""
    assert _says(_wanted(DEBUG, BRIDGE), {}) == [
        "+ daemon/bridge  set  (missing: the system owns bridge; config.yaml:9)  [engine-restart]",
        '    + bridge  "br-pg"',
        "+ daemon/debug  set  (change: debug differs; daemon.json:2)",
        "    + debug  true",
        "Plan: 2 set.",
    ]


def test_edited_by_hand() -> None:
    """A wanted key that somebody changed in the file is drift."""
    assert _says(_wanted(BRIDGE, DEBUG), {"bridge": "docker0", "debug": False}, {"debug": True}) == [
        "~ daemon/bridge  put-back  (drift: bridge was changed in the file; config.yaml:9)  [engine-restart]",
        '    - bridge  "docker0"',
        '    + bridge  "br-pg"',
        "~ daemon/debug  put-back  (drift: debug was changed in the file; daemon.json:2)",
        "    - debug  false",
        "    + debug  true",
        "Plan: 2 put-back.",
    ]


def test_no_longer_in_git() -> None:
    """A key that git set once is taken out when git no longer names it, unless somebody gave it another value."""
    assert _says(_wanted(), {"debug": True, "mtu": 1400}, {"debug": True, "mtu": 1500}) == [
        "- daemon/debug  unset  (removed: no longer in git)  [engine-restart]",
        "    - debug  true",
        "Plan: 1 unset.",
    ]


def _after_a_kill(wanted: Desired, values: Document, begun: Document, effective: Document | None = None) -> list[str]:
    seen = observed([], daemon=ObservedDaemon(PATH, True, values, effective or {}))
    return text(wanted, seen, Recorded(daemon_begun=begun)).splitlines()


def test_a_pass_that_was_killed_between_file_and_dockerd() -> None:
    """What the file has, and dockerd is not seen to have, is set once more."""
    assert _after_a_kill(_wanted(DEBUG), {"debug": True}, {"debug": True}, {"debug": False}) == [
        "+ daemon/debug  set  (change: it is in the file, and dockerd may not have read it: a pass was killed; daemon.json:2)",
        "    - debug  false",
        "    + debug  true",
        "Plan: 1 set.",
    ]
    assert _after_a_kill(_wanted(DEBUG), {"debug": True}, {"debug": True}, {"debug": True}) == ["No changes."]
    assert _after_a_kill(_wanted(DEBUG), {"debug": True}, {}, {"debug": False}) == ["No changes."]


def test_git_changes_its_mind_after_a_kill() -> None:
    """What only a killed pass wrote is taken out as if it had been applied; what it took out, dockerd is told again."""
    assert _after_a_kill(_wanted(), {"mtu": 1400}, {"mtu": 1400})[0].startswith("- daemon/mtu  unset")
    assert _after_a_kill(_wanted(), {}, {"mtu": None})[0].startswith("- daemon/mtu  unset")
    assert _after_a_kill(_wanted(), {}, {"mtu": 1400}) == ["No changes."]


def test_rejected() -> None:
    """With problems in git, or a file that is no JSON object, the daemon part stands still."""
    problem = Problem("daemon/bridge", "DaemonRejected", "daemon-unread", file="daemon.json", line=3)

    assert lines(_wanted(BRIDGE, problems=(problem,)), observed([])) == [
        "! daemon/bridge  DaemonRejected: the daemon's config file was not read (daemon.json:3)",
        "! daemon  DaemonRejected: the daemon's config file was not read",
    ]
    assert _says(_wanted(BRIDGE), None)[0] == f"! daemon  DaemonRejected: {PATH} is not a JSON object"


def test_the_system_has_its_way_where_git_names_its_key() -> None:
    """Git's settings are refused for it, and the system's value is put back all the same."""
    problem = Problem("daemon/bridge", "DaemonRejected", "daemon-key-owned", {"key": "bridge"}, "daemon.json", 3)

    found = _says(_wanted(BRIDGE, DEBUG, problems=(problem,)), {"bridge": "docker0"})

    assert found[0].startswith("~ daemon/bridge  put-back")
    assert found[-1] == "Plan: 1 put-back, 1 blocked."


def test_not_managed() -> None:
    """Where the settings name no daemon part, nothing is planned for it."""
    assert text(desired(), observed([], daemon=ObservedDaemon(PATH, True, {"debug": True}))) == "No changes."


def test_what_git_may_not_say_is_rejected_and_the_system_goes_on() -> None:
    """All of git's settings are refused with their places; what git set before stays, the system's keys are enforced."""
    hosts = DaemonKey("hosts", ["tcp://0.0.0.0:2375"], "git", Position("daemon.json", 3))
    found = _says(_wanted(BRIDGE, DEBUG, hosts), {"labels": ["a=b"]}, {"labels": ["a=b"]})

    assert found[:2] == [
        "+ daemon/bridge  set  (missing: the system owns bridge; config.yaml:9)  [engine-restart]",
        '    + bridge  "br-pg"',
    ]
    assert [line for line in found if line.startswith("! ")] == [
        (
            "! daemon/hosts  DaemonRejected: "
            "hosts is part of what makes this dockerd what it is, and cannot be set in git (daemon.json:3)"
        )
    ]
    assert found[-1] == "Plan: 1 set, 1 blocked."
