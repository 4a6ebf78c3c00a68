"""The table of keys, and what is found wrong with wanted ones."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from reconciler.model import DaemonKey, DesiredDaemon, Json, Owner, Position
from reconciler.plan.daemon_checks import check_keys
from reconciler.plan.daemon_doc import daemon_page
from reconciler.plan.daemon_keys import KEYS, SHAPES, fits, is_known, is_live, nearest
from reconciler.plan.texts import problem_hint, problem_text

ENGINE = "26.1.5"
COMES = {
    "26.1.4": {"cdi-spec-dirs", "default-network-opts", "log-format", "proxies"},
    "27.5.1": set[str](),
    "28.5.2": {"allow-direct-routing", "bip6", "host-gateway-ips", "ip-forward-no-drop"},
    "29.7.2": {"bridge-accept-fwmark", "default-stop-timeout", "firewall-backend", "min-api-version", "nri-opts"},
}
"""Keys that each engine takes and the one before does not, read off its source."""
GOES = {
    "26.1.4": {"oom-score-adjust"},
    "27.5.1": set[str](),
    "28.5.2": {"allow-nondistributable-artifacts"},
    "29.7.2": {"api-cors-header"},
}


def _codes(
    name: str, value: Json, *, owner: Owner = "git", engine: str = ENGINE, allow: Iterable[str] = ()
) -> list[str]:
    key = DaemonKey(name, value, owner, Position("daemon.json", 7))
    found = check_keys(DesiredDaemon((key,), allow=frozenset(allow)), engine)
    assert all((one.file, one.line, one.target) == ("daemon.json", 7, f"daemon/{name}") for one in found)
    assert all(problem_text(one) and problem_hint(one) for one in found)
    return [one.code.removeprefix("daemon-key-") for one in found]


@pytest.mark.parametrize(
    ("key", "engine", "unset", "expected"),
    [
        ("debug", "26.1.5", False, True),
        ("debug", "26.1.5", True, False),
        ("features", "26.1.5", True, True),
        ("bridge", "26.1.5", False, False),
        ("default-stop-timeout", "26.1.5", False, False),
        ("default-stop-timeout", "29.0.1", False, True),
        ("allow-nondistributable-artifacts", "26.1.5", False, True),
        ("allow-nondistributable-artifacts", "28.0.0", False, False),
    ],
)
def test_live_keys(key: str, engine: str, unset: bool, expected: bool) -> None:
    """A reload is enough for the keys that this engine takes over live; taking one out often is not."""
    assert is_live(key, engine, unset=unset) is expected


def test_the_table_is_sorted_and_whole() -> None:
    """A new key is one line in its place, with a shape that is described."""
    assert list(KEYS) == sorted(KEYS)
    assert {key.shape for key in KEYS.values()} == SHAPES.keys()


def test_keys_come_and_go_with_the_engine() -> None:
    """Each version takes what the one before took, but for what its source says."""
    known = {key for key in KEYS if is_known(key, "20.10.27")}
    assert len(known) == 79
    for engine, new in COMES.items():
        known = (known | new) - GOES[engine]
        assert {key for key in KEYS if is_known(key, engine)} == known


@pytest.mark.parametrize(
    ("name", "value", "codes"),
    [
        ("debug", True, []),
        ("log-opts", {"max-size": "10m"}, []),
        ("max-concurrent-downloads", 3, []),
        ("registry-mirrors", ["https://mirror.example/path"], []),
        ("default-address-pools", [{"base": "10.0.0.0/16", "size": 24}], []),
        ("debgu", True, ["unknown"]),
        ("http-proxy", "http://p", ["unknown"]),
        ("Debug", True, ["unknown"]),
        ("default-stop-timeout", 9, ["version"]),
        ("oom-score-adjust", 1, ["version", "closed"]),
        ("debug", "true", ["shape"]),
        ("debug", None, ["shape"]),
        ("log-opts", {"max-file": 3}, ["shape"]),
        ("max-concurrent-downloads", -1, ["shape"]),
        ("max-concurrent-downloads", True, ["shape"]),
        ("max-concurrent-downloads", 3.5, ["shape"]),
        ("registry-mirrors", ["mirror.example"], ["shape"]),
        ("registry-mirrors", ["https://me@mirror.example"], ["shape"]),
        ("registry-mirrors", ["https://mirror.example/?a=b"], ["shape"]),
        ("registry-mirrors", "https://mirror.example", ["shape"]),
        ("labels", ["=x"], ["shape"]),
        ("features", {"buildkit": "yes"}, ["shape"]),
        ("default-address-pools", [{"base": "10.0.0.0/16"}], ["shape"]),
        ("default-shm-size", ["64M"], ["shape"]),
        ("default-ipc-mode", "host", ["shape"]),
        ("default-ipc-mode", "shareable", ["closed"]),
        ("no-new-privileges", True, []),
        ("no-new-privileges", False, ["closed"]),
        ("runtimes", {"x": {"path": "/bin/x"}}, ["closed"]),
        ("proxies", {"socks-proxy": "x"}, ["shape", "closed"]),
        ("hosts", ["tcp://0.0.0.0:2375"], ["identity"]),
        ("data-root", "/elsewhere", ["identity"]),
        ("data-root", "elsewhere", ["shape", "identity"]),
        ("containerd-plugins-namespace", "x", ["identity"]),
        ("rootless", True, ["closed"]),
    ],
)
def test_what_is_wrong_with_a_key_of_git(name: str, value: Json, codes: list[str]) -> None:
    """All that is wrong with it is told at once, with its place and what to do."""
    assert _codes(name, value) == codes


def test_the_device_opens_a_key_by_name() -> None:
    """What changes who has power over the device is for its own settings to allow; what makes it what it is never is."""
    assert _codes("runtimes", {}, allow=["runtimes"]) == []
    assert _codes("hosts", [], allow=["hosts"]) == ["identity"]
    assert _codes("rootless", True, allow=["rootless"]) == ["idle"]


def test_the_system_may_set_what_the_engine_knows() -> None:
    """Its keys are checked for what the engine takes, not for who may set them."""
    assert _codes("bridge", "br-pg", owner="system") == []
    assert _codes("bridge", 7, owner="system") == ["shape"]
    assert _codes("birdge", "br-pg", owner="system") == ["unknown"]


def test_without_an_engine_a_key_of_any_version_will_do() -> None:
    """So that a repository can be checked anywhere."""
    assert _codes("default-stop-timeout", 9, engine="") == []
    assert _codes("default-stop-timout", 9, engine="") == ["unknown"]


def test_a_guess_is_a_key_of_this_engine() -> None:
    """Nobody is sent to a key that the engine would refuse."""
    assert nearest("default-stop-timeou", "29.1.0") == "default-stop-timeout"
    assert nearest("default-stop-timeou", ENGINE) != "default-stop-timeout"
    assert nearest("zzz", ENGINE) is None


def test_the_page_is_up_to_date() -> None:
    """docs/daemon-settings.md says what the code does; CONTRIBUTING.md says how it is made anew."""
    page = Path(__file__).parents[2] / "docs/daemon-settings.md"

    assert page.read_text() == daemon_page()


def test_numbers_are_no_switches() -> None:
    """JSON tells 1 from true, and so does the engine."""
    assert not fits("bool", 1)
    assert not fits("number", True)
