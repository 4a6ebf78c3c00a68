"""What stands around us fails: git, the engine, disks, our own database. Said clearly, and nothing that runs is touched."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy.private_dockerd import PrivateDockerd
from tests.e2e.host import Host, Said
from tests.e2e.passes import app

Unique = Callable[[str], str]


WEB = "around"
"""The stack that runs all the time."""


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory, dockerd: PrivateDockerd) -> Iterator[Host]:
    """A host with one stack that runs, shared by all that only look, or leave it as it was."""
    host = Host(tmp_path_factory.mktemp("around"), dockerd)
    host.push({f"stacks/{WEB}/compose.yaml": app()})
    host.apply()
    yield host
    host.clear(WEB)


@pytest.fixture
def home(settled: Host) -> Iterator[Host]:
    """The settled host; its settings are put back afterwards."""
    settings, ids = dict(settled.settings), settled.ids(WEB)
    yield settled
    settled.configure(**settings)
    assert settled.ids(WEB) == ids


def only_error(said: Said) -> str:
    """Insist on an error with a hint, and nothing else, that ends with 1; return it."""
    assert said.code == 1
    assert said.out == ""
    first, hint = said.err.splitlines()
    assert hint.startswith(" hint: ")
    return first.removeprefix("error: ")


# ── git ──────────────────────────────────────────────────────────────────────────────────────────

SOURCES: list[tuple[str, dict[str, Any], str]] = [
    ("no such ref", {"ref": "prod"}, "has no branch or tag prod; there are: main"),
    ("no such path", {"path": "no/folder"}, "has no folder no/folder"),
    ("no repository", {"url": "{folder}/plain"}, "/plain is not a git repository"),
    ("empty repository", {"url": "{folder}/empty"}, "/empty is empty"),
]
AWAY: list[tuple[str, dict[str, Any], str]] = [
    ("gone", {"url": "{folder}/gone"}, "there is no repository at "),
    ("unreachable host", {"url": "https://127.0.0.1:1/x.git"}, "https://127.0.0.1:1/x.git cannot be reached: "),
    ("ssh refused", {"url": "ssh://git@127.0.0.1:1/x"}, "ssh://127.0.0.1:1/x cannot be reached: "),
]


def follow(host: Host, source: dict[str, Any]) -> None:
    subprocess.run(["git", "init", "-q", "--bare", host.folder / "empty"], check=True)
    (host.folder / "plain").mkdir(exist_ok=True)
    named = {key: value.format(folder=host.folder) for key, value in source.items()}
    host.configure(source={**host.settings["source"], **named})


@pytest.mark.parametrize(("source", "words"), [row[1:] for row in SOURCES], ids=[row[0] for row in SOURCES])
def test_a_source_that_holds_nothing_to_follow_is_an_error(home: Host, source: dict[str, Any], words: str) -> None:
    """Plan and apply end with 1 and the fix; status names it with its hint and still shows what runs; nothing is touched."""
    follow(home, source)

    assert words in only_error(home.run("plan"))
    assert words in only_error(home.run("apply"))

    said = home.run("status", "--json")
    status = said.json()
    assert said.code in (1, 3)
    assert words in status["source"]["reason"]
    assert (status["source"]["state"], bool(status["source"]["hint"])) == ("unusable", True)
    assert (status["engine"]["state"], status["stacks"][WEB]["health"]) == ("reachable", "Healthy")


@pytest.mark.parametrize(("source", "words"), [row[1:] for row in AWAY], ids=[row[0] for row in AWAY])
def test_without_git_the_last_good_revision_stays_in_force(home: Host, source: dict[str, Any], words: str) -> None:
    """It is said as a warning, and drift is still repaired from what is known."""
    home.api.kill(f"{WEB}-app-1")
    follow(home, source)

    said, status = home.run("apply"), home.run("status", "--json")

    assert said.code == 0
    assert said.err.startswith(f"warning: {words}")
    assert "\n   hint: " in said.err
    assert home.containers(WEB)[f"{WEB}-app-1"]["State"]["Running"]
    assert status.code == 3
    assert (status.json()["source"]["state"], status.json()["stacks"][WEB]["sync"]) == ("unreachable", "Synced")


def test_a_first_run_without_git_says_so(host: Host) -> None:
    """There is no last good revision yet: an error with the fix, and a status that does not blame the engine."""
    follow(host, {"url": "{folder}/gone"})

    assert "there is no repository at " in only_error(host.run("apply"))
    told = host.run("status")

    assert told.code == 1
    assert "reachable; compose" in told.out
    assert "The engine does not answer" not in told.out
    assert "hint: Correct source.url in the settings" in told.out


def test_a_rewritten_history_waits_for_a_person(host: Host, unique: Unique) -> None:
    """Blocked until --accept-rewrite; meanwhile everything runs on. That the repository is another user's is no obstacle."""
    name = unique("rewritten")
    host.push({f"stacks/{name}/compose.yaml": app()})
    subprocess.run(["chown", "-R", "nobody", host.repository], check=True)
    host.apply()
    before = host.ids(name)
    host.write({f"stacks/{name}/compose.yaml": app(command="[sleep, '2000']")})
    host.git("-c", "safe.directory=*", "commit", "--quiet", "--all", "--amend", "--message", "another past")

    assert only_error(host.run("plan")).startswith("main was rewritten: ")
    refused = host.run("apply")
    assert refused.code == 1
    assert "--accept-rewrite" in refused.err
    assert host.ids(name) == before
    assert "was rewritten" in host.status()["source"]["reason"]

    host.apply("--accept-rewrite")

    assert host.ids(name) != before
    assert host.run("status").code == 0
    host.clear(name)


BROKEN = [
    (
        {"fleet.yaml": 'schema: 1\nrequires: ">=99"\n'}, "AgentTooOld",
        "fleet.yaml:2: the repository requires an agent >=99, this is ",
    ),
    (
        {"devices/box/device.yaml": "rolls: [nas]\n"}, "InvalidSource",
        "devices/box/device.yaml:1: rolls is not a key that we know; did you mean `roles`?",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("files", "reason", "words"), BROKEN, ids=["too old", "device"])
def test_a_repository_that_is_not_understood_changes_nothing(
    home: Host, files: dict[str, str], reason: str, words: str
) -> None:
    """Neither its good parts are applied nor what it no longer names is taken away; status does not call it well."""
    home.push({f"stacks/{WEB}/compose.yaml": None, "stacks/other/compose.yaml": app(), **files})

    plan, applied, told = home.run("plan"), home.run("apply"), home.run("status")

    assert (plan.code, applied.code, told.code) == (3, 3, 1)
    assert f"! source  {reason}: " in plan.out
    assert f"{reason}: {words}" in applied.err
    assert f"source    {words}" in told.out
    assert re.search(rf"{WEB} +Unknown", told.out)
    assert not home.ids("other")
    home.push(dict.fromkeys((*files, "stacks/other/compose.yaml")) | {f"stacks/{WEB}/compose.yaml": app()})
    home.apply()


# ── the engine ───────────────────────────────────────────────────────────────────────────────────


def test_a_stopped_engine_is_said(tmp_path: Path, own_dockerd: Callable[..., PrivateDockerd]) -> None:
    """Exit 1 and what to do, `Unknown` in the status, no health made up; and afterwards all goes on."""
    dockerd = own_dockerd()
    host = Host(tmp_path, dockerd)
    host.push({"stacks/web/compose.yaml": app("restart: always")})
    host.apply()
    dockerd.stop()

    assert "docker" in only_error(host.run("plan"))
    assert "Start" in host.run("apply").err
    told, status = host.run("status"), host.status()

    assert told.code == 1
    assert "The engine does not answer: start it" in told.out
    assert (status["engine"]["state"], status["stacks"]["web"]["sync"]) == ("unreachable", "Unknown")
    assert status["stacks"]["web"]["health"] is None
    dockerd.start()
    host.apply()
    assert host.run("status").code == 0


def test_exhausted_address_pools_are_found_in_the_plan(
    tmp_path: Path, own_dockerd: Callable[..., PrivateDockerd]
) -> None:
    """The one network too many is named; who brings a subnet of its own is not in the way."""
    host = Host(tmp_path, own_dockerd(pools=({"base": "10.250.0.0/23", "size": 24},)))
    host.push({"stacks/one/compose.yaml": app(), "stacks/two/compose.yaml": app()})
    host.apply()
    own = app() + "networks: {default: {ipam: {config: [{subnet: 10.252.0.0/24}]}}}\n"
    host.push({"stacks/three/compose.yaml": app(), "stacks/own/compose.yaml": own})

    (problem,) = host.plan()["blocked"]
    report = host.apply(code=3)

    assert (problem["target"], problem["reason"]) == ("stack/three/network/default", "PoolsExhausted")
    assert problem["text"] == "no address pool of the engine has a free subnet left for network three_default"
    assert problem["file"] == "stacks/three/compose.yaml"
    assert "docker network prune" in problem["hint"]
    assert report["stacks"]["own"]["result"] == "Applied"
    assert not host.ids("three")


# ── disks and the database ───────────────────────────────────────────────────────────────────────


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "disk", folder], check=True)
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)


@pytest.mark.parametrize("failure", ["full", "read-only"])
def test_a_stack_whose_files_cannot_be_written_is_left_as_it_was(
    host: Host, unique: Unique, disk: Path, failure: str
) -> None:
    """Its old files stand whole, its container runs; the file is named, others go on, and status does not call it well."""
    name, other = unique("disk"), unique("disk")
    host.configure(stacks_dir=str(disk))
    host.push({f"stacks/{name}/compose.yaml": app()})
    host.apply()
    before, ids = files_of(disk), host.ids(name)
    if failure == "full":
        host.push({f"stacks/{name}/a.bin": "x" * 2_000_000})  # which no container shows: nothing else is to do
    else:
        host.push({f"stacks/{name}/compose.yaml": app("tty: true")})
        read_only(disk)
    host.push({f"stacks/{other}/compose.yaml": app()})

    report = host.apply(code=3)

    outcome, words = report["stacks"][name], "No space left" if failure == "full" else "Read-only"
    assert outcome["result"] == "FailedUnchanged"
    assert outcome["problem"]["text"].startswith(f"cannot write {disk}/{name}/")
    assert words in outcome["problem"]["text"]
    assert {path: text for path, text in files_of(disk).items() if path.startswith(f"{name}/")} == before
    assert host.ids(name) == ids
    if failure == "full":
        assert report["stacks"][other]["result"] == "Applied"
    status = host.status()["stacks"][name]
    assert (status["health"], status["result"]) == ("Healthy", "FailedUnchanged")
    assert words in status["reason"]
    assert host.run("status").code == 3
    host.clear(name, other)


@pytest.mark.parametrize("failure", ["full", "read-only"])
def test_a_state_that_cannot_be_written_stops_before_anything_is_touched(
    host: Host, unique: Unique, disk: Path, failure: str
) -> None:
    """Plan, apply and status end with 1 and name the file; once there is room again, all goes on."""
    name = unique("disk")
    host.configure(state_dir=str(disk / "state"), stacks_dir=str(host.folder / "stacks"))
    host.push({f"stacks/{name}/compose.yaml": app()})
    host.apply()
    ids = host.ids(name)
    host.push({f"stacks/{name}/compose.yaml": app("tty: true")})
    if failure == "full":
        subprocess.run(["dd", "if=/dev/zero", f"of={disk}/fill", "bs=4k"], check=False, capture_output=True)
    else:
        read_only(disk)

    for verb in ("plan", "apply", "status"):
        assert f"cannot write {disk}/state" in only_error(host.run(verb))

    assert host.ids(name) == ids
    assert (host.folder / "stacks" / name / "compose.yaml").read_text() == app()
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    (disk / "fill").unlink(missing_ok=True)
    host.apply()
    assert host.run("status").code == 0
    host.clear(name)


def corrupt(database: Path) -> None:
    database.write_bytes(b"this is no database" * 1000)


def make_newer(database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 99")
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "words", "way_out"),
    [(corrupt, "is damaged: ", "copy"), (make_newer, "was written by a newer agent", "rebuild")],
)
def test_a_database_that_cannot_be_used_names_the_way_out(
    home: Host, spoil: Callable[[Path], None], words: str, way_out: str
) -> None:
    """Refused, untouched; with the copy in its place, or without any, the next pass finds everything as it is."""
    database = home.state_dir / "state.db"
    spoil(database)
    spoilt = database.read_bytes()

    for verb in ("plan", "apply", "status"):
        assert words in only_error(home.run(verb))

    assert database.read_bytes() == spoilt
    for file in home.state_dir.glob("state.db*"):
        if file.name != "state.db.copy":
            file.unlink()
    if way_out == "copy":
        shutil.copy(home.state_dir / "state.db.copy", database)
    assert home.run("plan").out == "No changes.\n"
    home.apply()
    assert home.run("status").code == 0


# ── the person at the keyboard ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "words", [[], ["plann"], ["plan", "--jsn"], ["plan", "-o"], ["plan", "more"], ["apply", "/no/plan"]]
)
def test_wrong_usage_ends_with_64(host: Host, words: list[str]) -> None:
    """What was meant is guessed or the help is named, on standard error, and nothing is done."""
    said = host.run(*words)

    assert (said.code, said.out) == (64, "")
    assert "--help" in said.err
    assert not host.state_dir.exists()


def test_settings_that_cannot_be_used_name_their_line(host: Host) -> None:
    """The agent's own file is held to the same: place, the nearest known key, the way out."""
    host.config.write_text("device: box\nsorce: {url: /srv/git}\n")
    assert only_error(host.run("plan")) == f"{host.config}:2: sorce is not a key that we know; did you mean `source`?"

    host.config.write_text("device: box\nsource: {url: /srv/git}\n")
    host.config.chmod(0o666)
    assert "others may write the settings file (mode 0666)" in only_error(host.run("status"))
