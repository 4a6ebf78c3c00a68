"""Bad input in git: a clear error where it stands, that stack alone is held up, and nothing that runs is lost."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deploy.private_dockerd import PrivateDockerd
from tests.e2e.host import Host
from tests.e2e.passes import Pass, app, carry_out


@dataclass(frozen=True)
class Row:
    """A mistake: the stack's new `files`, and what must be said of it, whole. `new`: there was no such stack before."""

    stack: str
    files: Mapping[str, str]
    place: str
    text: str
    hint: str
    reason: str = "InvalidSource"
    new: bool = False
    before: str = field(default_factory=app)


ROWS = [
    Row(
        "badyaml", {"compose.yaml": "services:\n  app:\n    image: app:1\n   tty: true\n"}, "compose.yaml:4",
        "this is not YAML: while parsing a block mapping, did not find expected key",
        "Look at this line and the one above: indentation, quotes, colons.",
    ),
    Row(
        "badquote", {"compose.yaml": "services:\n  app:\n    image: 'app:1\n    tty: true\n    init: true\n"},
        "compose.yaml:3", "the quote that begins here does not end",
        "Close it; inside single quotes a quote is written twice: 'it''s'.",
    ),
    Row(
        "badkey", {"compose.yaml": app("comand: [sleep]")}, "compose.yaml:6",
        "compose says: services.app Additional property comand is not allowed",
        "See the spelling of the key, and the level it stands at.",
    ),
    Row(
        "badtop", {"compose.yaml": app().replace("services", "service")}, "compose.yaml:1",
        "service: is not a key of compose files", "Write services: (with an s).",
    ),
    Row(
        "badport", {"compose.yaml": app("ports: ['99999:80']")}, "compose.yaml:6",
        "compose says: Invalid hostPort: 99999",
        "Correct the file; docker compose config in that folder says the same.",
    ),
    Row(
        "badenvfile", {"compose.yaml": app("env_file: gone.env")}, "compose.yaml:6",
        "compose says: env file gone.env not found: stat gone.env: no such file or directory",
        "Add the file to the stack's folder, or correct its name.",
    ),
    Row(
        "badvariable", {"compose.yaml": app("environment: {A: '${TOKEN:?set it, please}'}")}, "compose.yaml:6",
        "compose says: error while interpolating services.app.environment.A: required variable TOKEN is missing a value:"
        " set it, please",
        "Set TOKEN in the stack's .env, in vars of device.yaml, or on the device in <env_dir>/badvariable.env.",
    ),
    Row(
        "badup", {"compose.yaml": app("env_file: ../../x.env")}, "compose.yaml:6",
        "env_file: ../../x.env leads out of the stack's folder",
        "Keep the file in stacks/badup/ and name it from there; only that folder is there on the device.",
    ),
    Row(
        "badabsolute", {"compose.yaml": app("env_file: /etc/passwd")}, "compose.yaml:6",
        "env_file: /etc/passwd leads out of the stack's folder",
        "Keep the file in stacks/badabsolute/ and name it from there; only that folder is there on the device.",
    ),
    Row(
        "badlink", {"compose.yaml": app()}, "users.txt", "users.txt is a symbolic link or a submodule",
        "Put a real file in stacks/badlink/ instead: links could lead out of the repository.",
    ),
    Row(
        "badorder", {"compose.yaml": app(), ".env": "A=1\nCOMPOSE_FILE=other.yaml\n"}, ".env:2",
        "COMPOSE_FILE is an order to compose, not a variable of the stack",
        "Use compose.override.yaml, or include: instead.",
    ),
    Row(
        "badcircle", {"compose.yaml": app(), "stack.yaml": "depends_on: [badcircle2]\n"}, "stack.yaml:1",
        "stacks wait for each other: badcircle → badcircle2 → badcircle", "Take one of these out of depends_on.",
        "DependencyCycle",
    ),
    Row(
        "badcircle2", {"compose.yaml": app(), "stack.yaml": "prune: true\ndepends_on: [badcircle]\n"}, "stack.yaml:2",
        "stacks wait for each other: badcircle2 → badcircle → badcircle2", "Take one of these out of depends_on.",
        "DependencyCycle",
    ),
    Row(
        "badwait", {"compose.yaml": app(), "stack.yaml": "depends_on: [nobody]\n"}, "stack.yaml:1",
        "depends_on names nobody, and this device has no such stack",
        "Correct the name, or give that stack to this device, too.",
    ),
    Row(
        "badtwin", {"compose.yaml": "name: badtwin\n" + app()}, "compose.yaml:1",
        "the project name badtwin is used by stacks/badtwin2/compose.yaml, too",
        "Rename one of the folders, or set another name: at the top of one compose file.",
    ),
    Row(
        "badtwin2", {"compose.yaml": "name: badtwin\n" + app()}, "compose.yaml:1",
        "the project name badtwin is used by stacks/badtwin/compose.yaml, too",
        "Rename one of the folders, or set another name: at the top of one compose file.", new=True,
    ),
    Row(
        "Bad_Name", {"compose.yaml": app()}, "compose.yaml", "stacks/Bad_Name is no valid project name",
        "Use only a–z, 0–9, - and _ (first a letter or digit), or set name: at the top of the compose file.", new=True,
    ),
    Row(
        "badwhere", {"compose.yaml": app(), "stack.yaml": "where: []\n"}, "stack.yaml:1",
        "where: an empty list is for no device; name roles or devices, or leave the key out for all",
        "Correct the value.",
    ),
]  # fmt: skip
OLD = [row.stack for row in ROWS if not row.new]
each_row = pytest.mark.parametrize("row", ROWS, ids=[row.stack for row in ROWS])


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory, dockerd: PrivateDockerd) -> Iterator[Pass]:
    """All mistakes in one commit, beside a stack that is changed as it should be; before, all of them ran."""
    host = Host(tmp_path_factory.mktemp("bad"), dockerd)
    good = {f"stacks/{row.stack}/compose.yaml": row.before for row in ROWS if not row.new}
    host.push({**good, "stacks/goodone/compose.yaml": app()})
    host.apply()
    bad = {f"stacks/{row.stack}/{name}": text for row in ROWS for name, text in row.files.items()}
    host.write({**bad, "stacks/goodone/compose.yaml": app(command="[sleep, '2000']")})
    (host.repository / "stacks/badlink/users.txt").symlink_to("/etc/passwd")
    host.push({})
    yield carry_out(host, [*OLD, "goodone"])
    host.clear(*OLD, "goodone")


@each_row
def test_a_mistake_is_named_with_its_place_and_the_way_out(seen: Pass, row: Row) -> None:
    """The plan blocks that stack: why, in which file and line, in compose's own words where it is compose that refuses."""
    file, _, line = row.place.partition(":")

    (problem,) = seen.blocked(row.stack)

    assert (problem["reason"], problem["text"], problem["hint"]) == (row.reason, row.text, row.hint)
    assert (problem["file"], problem["line"]) == (f"stacks/{row.stack}/{file}", int(line) if line else None)
    assert not [action for action in seen.plan["actions"] if action["target"].split("/")[1] == row.stack]


@each_row
def test_plan_and_status_print_it(seen: Pass, row: Row) -> None:
    """A person reads the same: in the plan, and in the status with the reason and the hint."""
    place = f"stacks/{row.stack}/{row.place}"

    assert f"! stack/{row.stack}  {row.reason}: {row.text} ({place})\n    {row.hint}\n" in seen.shown.out
    assert f"{row.reason}: {place}: {row.text}\n    hint: {row.hint}\n" in seen.told.out
    assert seen.status["stacks"][row.stack]["sync"] == "OutOfSync"
    assert [entry["text"] for entry in seen.status["stacks"][row.stack]["blocked"]] == [row.text]


@pytest.mark.parametrize("stack", OLD)
def test_what_ran_runs_on(seen: Pass, stack: str) -> None:
    """A blocked stack keeps its very containers, and is healthy."""
    assert seen.before[stack]
    assert seen.after[stack] == seen.before[stack]
    assert seen.running(stack)
    assert seen.status["stacks"][stack]["health"] == "Healthy"


def test_what_is_right_converges(seen: Pass) -> None:
    """The one good change among all mistakes is carried out, and nothing else is tried."""
    assert list(seen.report["stacks"]) == ["goodone"]
    assert seen.report["stacks"]["goodone"]["result"] == "Applied"
    assert seen.after["goodone"] != seen.before["goodone"]
    assert seen.running("goodone")


def test_exit_codes_tell(seen: Pass) -> None:
    """2: there are actions; 3: something is blocked; and with nothing but mistakes left the plan ends with 3."""
    assert (seen.shown.code, seen.applied.code, seen.told.code) == (2, 3, 3)
    assert seen.host.run("plan").code == 3


def test_nothing_new_is_made_of_a_mistake(seen: Pass) -> None:
    """A stack that never was stays away, its folder too."""
    assert {row.stack for row in ROWS if row.new}.isdisjoint(path.name for path in seen.host.stacks_dir.iterdir())
    assert seen.status["stacks"]["Bad_Name"]["health"] == "Missing"


def test_validate_says_the_same_before_the_push(seen: Pass) -> None:
    """The check of a folder, without engine and settings, finds each mistake in the same words, and no more."""
    said = seen.host.run("validate", str(seen.host.repository))

    assert said.code == 1
    assert "--env-dir" in said.out
    assert {line for line in said.out.splitlines()[:-1] if not line.startswith((" ", "Variables that"))} == {
        f"stacks/{row.stack}/{row.place}: {row.text}" for row in ROWS
    }
    assert said.out.splitlines()[-1].startswith(f"{len(ROWS)} problems: ")


def test_healed_in_git_all_is_well(tmp_path: Path, dockerd: PrivateDockerd) -> None:
    """Nothing of a mistake sticks: the next good commit converges without touching what ran."""
    host = Host(tmp_path, dockerd)
    host.push({"stacks/badheal/compose.yaml": app()})
    host.apply()
    before = host.ids("badheal")
    host.push({"stacks/badheal/compose.yaml": app("ports: ['99999:80']")})
    host.apply(code=3)

    host.push({"stacks/badheal/compose.yaml": app()})

    assert host.run("plan").out == "No changes.\n"
    host.apply()
    assert host.run("status").code == 0
    assert host.ids("badheal") == before
    host.clear("badheal")
