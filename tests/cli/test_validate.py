"""A repository is checked for every device, all at once."""

import json
from pathlib import Path

import pytest

from reconciler.cli.main import run
from reconciler.cli.validate import check, report
from reconciler.plan.texts import problem_text

EXAMPLE = Path(__file__).resolve().parents[2] / "desired"


@pytest.fixture
def write(tmp_path):
    def write(**files):
        for path, text in files.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return tmp_path

    return lambda files: write(**files)


WEB = "services:\n  web:\n    image: local/web:1\n"


def test_the_example_is_clean(capsys):
    """The repository that people copy has no problems, rendered by the compose that is here."""
    assert run(["validate", str(EXAMPLE)]) == 0

    assert capsys.readouterr().out.startswith("No problems: 3 stacks, 1 device, rendered by compose 2.")


def test_a_folder_can_stand_in_for_the_device_s_own_variables(write, tmp_path, capsys):
    """What only the device knows is missing elsewhere; CI gives it with --env-dir."""
    folder = write(
        {"repo/stacks/web/compose.yaml": WEB + "    environment: {A: '${SECRET:?}'}\n", "env/web.env": "SECRET=x\n"}
    )

    assert run(["validate", str(folder / "repo")]) == 1
    assert "give stand-ins with --env-dir DIR" in capsys.readouterr().out
    assert run(["validate", str(folder / "repo"), "--env-dir", str(folder / "env")]) == 0


def test_all_problems_come_at_once_each_with_its_place(write, capsys):
    """Mistakes in several files are all reported, as `file:line: text`, and counted."""
    folder = write(
        {
            "daemon.json": "[]",
            "stacks/web/compose.yaml": WEB,
            "stacks/web/stack.yaml": "depends_on: [db]\nprnue: true\n",
            "stacks/job/compose.yaml": "services:\n  a:\n    image: a\n    env_file: /etc/passwd\n",
            "stacks/typo/compose.yaml": "service:\n  a:\n    image: a\n",
        }
    )

    assert run(["validate", str(folder)]) == 1

    lines = capsys.readouterr().out.splitlines()
    places = [line.split(": ")[0] for line in lines[:-1] if not line.startswith(" ")]
    assert sorted(places) == places
    assert {"stacks/web/stack.yaml:2", "stacks/job/compose.yaml:4", "stacks/typo/compose.yaml:1"} <= set(places)
    assert any(place.startswith("daemon.json") for place in places)
    assert lines[-1].startswith(f"{len(places)} problems: 3 stacks, 0 devices")


def test_what_two_devices_share_is_said_once(write):
    """A mistake in the common layer is one problem, however many devices see it."""
    folder = write(
        {
            "stacks/web/compose.yaml": WEB + "    env_file: ../../secret\n",
            "devices/attic/device.yaml": "roles: []\n",
            "devices/cellar/device.yaml": "roles: []\n",
        }
    )

    checked = check(folder, None)

    assert checked.devices == ("attic", "cellar")
    assert len(checked.problems) == 1


def test_a_mistake_on_one_device_is_found(write):
    """Every device's own layer is looked at."""
    folder = write(
        {
            "stacks/web/compose.yaml": WEB,
            "devices/attic/stacks/web/.env": "COMPOSE_FILE=other.yaml\n",
            "devices/cellar/device.yaml": "rolls: [nas]\n",
        }
    )

    files = {problem.file for problem in check(folder, None).problems}

    assert files == {"devices/attic/stacks/web/.env", "devices/cellar/device.yaml"}


def test_dependencies_that_cannot_be_met_are_found(write):
    """A circle is printed for each stack on it, a missing stack named; what only some devices have is fine on those."""
    folder = write(
        {
            **{f"stacks/{name}/compose.yaml": WEB for name in ("a", "b", "lone", "web")},
            "stacks/a/stack.yaml": "depends_on: [b]\n",
            "stacks/b/stack.yaml": "drift: {correct: report}\ndepends_on: [a]\n",
            "stacks/lone/stack.yaml": "depends_on: [nobody]\n",
            "stacks/web/stack.yaml": "depends_on: [db]\n",
            "devices/attic/stacks/db/compose.yaml": WEB,
        }
    )

    found = {(f"{problem.file}:{problem.line}", problem_text(problem)) for problem in check(folder, None).problems}

    assert found == {
        ("stacks/a/stack.yaml:1", "stacks wait for each other: a → b → a"),
        ("stacks/b/stack.yaml:2", "stacks wait for each other: b → a → b"),
        ("stacks/lone/stack.yaml:1", "depends_on names nobody, and this device has no such stack"),
    }


def test_a_stack_for_nobody_is_named(write):
    """A stack that no device gets cannot be checked, and that is said: `where` may be misspelt."""
    folder = write(
        {
            "stacks/web/compose.yaml": WEB,
            "stacks/nas/compose.yaml": WEB,
            "stacks/nas/stack.yaml": "where: [nsa]\n",
            "devices/attic/device.yaml": "roles: [nas]\n",
        }
    )

    checked = check(folder, None)

    assert checked.unseen == {"nas"}
    assert next(iter(report(checked, None))).endswith(": nas")


def test_without_compose_ours_is_still_checked(write):
    """Where compose is missing, what we check ourselves is reported, and that nothing was rendered is said."""
    folder = write({"stacks/web/compose.yaml": WEB, "stacks/web/stack.yaml": "where: []\n"})

    checked = check(folder, None)

    assert [problem.file for problem in checked.problems] == ["stacks/web/stack.yaml"]
    assert list(report(checked, None))[-1].endswith("not rendered: compose is missing.")


def test_json_is_for_programs(write, capsys):
    """`--json` prints one document and nothing else; file names cannot act on a terminal."""
    folder = write({"stacks/web/compose.yaml": WEB, "stacks/web/stack.yaml": "where: []\n"})

    assert run(["validate", "--json", str(folder)]) == 1

    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    assert [(each["file"], each["line"]) for each in document["problems"]] == [("stacks/web/stack.yaml", 1)]
    assert all(each["text"] and each["hint"] for each in document["problems"])
