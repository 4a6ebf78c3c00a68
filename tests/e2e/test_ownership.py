"""Ours is ours, everything else is left alone: foreign projects, adoption, and what goes when git no longer names it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.host import Host

APP = "services:\n  app: {image: 'app:1', init: true, command: [sleep, '1000'], volumes: ['data:/data']}\nvolumes: {data: {}}\n"
BOUND = "services:\n  app: {image: 'app:1', init: true, command: [sleep, '1000'], volumes: ['./data:/data']}\n"


@pytest.fixture
def names(host: Host, unique: Callable[[str], str]) -> Iterator[list[str]]:
    """Five names of stacks."""
    found = [unique(word) for word in ("one", "two", "three", "four", "five")]
    yield found
    host.clear(*found)


def pushed(host: Host, names: list[str], text: str = APP) -> None:
    host.push({f"stacks/{name}/compose.yaml": text for name in names})


def running(host: Host, name: str) -> bool:
    return any(found["State"]["Running"] for found in host.containers(name).values())


def test_a_foreign_project_is_refused_until_it_is_adopted(host, names, compose_up):
    """Somebody runs a project of this name: blocked, until `adopt: true`; then it is ours, without a restart."""
    name = names[0]
    compose_up(name, APP)
    before = host.ids(name)
    pushed(host, [name])

    assert [b["reason"] for b in host.plan()["blocked"]] == ["ForeignProject"]
    host.apply(code=3)
    assert host.ids(name) == before
    host.push({f"stacks/{name}/stack.yaml": "adopt: true\n"})
    assert [a["kind"] for a in host.plan()["actions"]] == ["adopt"]
    host.apply()

    assert host.ids(name) == before
    assert host.run("plan").out == "No changes.\n"
    host.push({f"stacks/{name}/stack.yaml": None})
    assert host.run("plan").out == "No changes.\n"


def test_adoption_is_refused_where_a_relative_bind_means_another_folder(host, names, compose_up):
    """Made again by us, the container would see an empty folder in place of its data."""
    name = names[0]
    compose_up(name, BOUND)
    pushed(host, [name], BOUND)
    host.push({f"stacks/{name}/stack.yaml": "adopt: true\n"})

    (blocked,) = host.plan()["blocked"]

    assert blocked["reason"] == "ForeignProject"
    assert "/data" in blocked["text"]
    host.apply(code=3)
    assert running(host, name)


def test_an_existing_folder_of_stacks_is_taken_over_without_a_restart(host, names, tmp_path, compose_up):
    """With `stacks_dir` on the folder of another tool and equal files, adoption changes nothing."""
    name = names[0]
    folder = compose_up(name, BOUND)
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "precious").write_text("x")
    host.configure(stacks_dir=str(folder.parent))
    host.push({f"stacks/{folder.name}/compose.yaml": BOUND, f"stacks/{folder.name}/stack.yaml": "adopt: true\n"})
    before = host.ids(name)

    assert [a["kind"] for a in host.plan()["actions"]] == ["adopt"]
    host.apply()

    assert host.run("plan").out == "No changes.\n"
    assert host.ids(name) == before
    assert (folder / "data" / "precious").read_text() == "x"


def test_a_stack_gone_from_git_is_taken_away(host, names):
    """Containers and networks go, the volume and files of others stay, and status names what is left."""
    pushed(host, names[:3])
    host.apply()
    foreign = host.stacks_dir / names[0] / "notes.txt"
    foreign.write_text("mine\n")
    kept = host.ids(names[1])
    host.push({f"stacks/{names[0]}/compose.yaml": None})

    assert {a["kind"] for a in host.plan()["actions"]} == {"remove"}
    host.apply()

    assert not host.ids(names[0])
    assert host.ids(names[1]) == kept
    assert not host.api.networks(names=[f"{names[0]}_default"])
    assert host.api.volumes(filters={"name": f"{names[0]}_data"})["Volumes"]
    assert [path.name for path in foreign.parent.iterdir()] == ["notes.txt"]
    assert host.run("plan").out == "No changes.\n"


def test_a_stack_that_keeps_itself_is_only_reported(host, names):
    """`prune: false` counts as it was last applied."""
    pushed(host, names[:3])
    host.push({f"stacks/{names[0]}/stack.yaml": "prune: false\n"})
    host.apply()
    host.push({f"stacks/{names[0]}/compose.yaml": None, f"stacks/{names[0]}/stack.yaml": None})

    plan = host.plan()
    host.apply()

    assert plan["actions"] == []
    assert [held["target"] for held in plan["held"]] == [f"stack/{names[0]}"]
    assert running(host, names[0])


@pytest.mark.parametrize(("applied", "gone", "refused"), [(5, 2, False), (5, 3, True), (2, 1, False), (2, 2, True)])
def test_a_plan_that_would_take_most_away_waits_for_a_person(host, names, applied, gone, refused):
    """Every stack, or more than half of three or more: only with --confirm-prune."""
    pushed(host, names[:applied])
    host.apply()
    host.push({f"stacks/{name}/compose.yaml": None for name in names[:gone]})

    plan = host.plan()

    assert (["PruneRefused"] if refused else []) == sorted({b["reason"] for b in plan["blocked"]})
    assert bool(plan["actions"]) != refused
    if refused:
        host.apply(code=3)
        assert all(running(host, name) for name in names[:applied])
        host.apply("--confirm-prune")
        assert not any(host.ids(name) for name in names[:gone])


@pytest.mark.parametrize("change", ["device", "folder"])
def test_another_device_prunes_nothing(host, names, change):
    """A changed name, or a vanished folder, may be a mistake of settings: nothing is taken away for it."""
    pushed(host, names[:3])
    host.push({"devices/box/device.yaml": "vars: {A: b}\n", f"devices/box/stacks/{names[3]}/compose.yaml": APP})
    host.apply()
    if change == "device":
        host.configure(device="other")
    else:
        host.git("rm", "--quiet", "-r", "devices")
        host.push({})

    for _ in range(2):
        assert [b["reason"] for b in host.plan()["blocked"]] == ["DeviceChanged"]
        host.apply(code=3)

    assert running(host, names[3])
    host.apply("--confirm-prune")
    assert not host.ids(names[3])
    assert running(host, names[0])


def test_what_is_not_ours_is_listed_and_left(host, names, compose_up):
    """Foreign containers and projects show as unmanaged, and an apply does not touch them."""
    compose_up(names[4], APP)
    lone = host.api.create_container("app:1", ["sleep", "1000"], name=f"{names[4]}-lone")
    pushed(host, names[:1])
    before = host.ids(names[4])

    host.apply()

    assert {names[4], f"{names[4]}-lone"} <= set(host.status()["unmanaged"])
    assert host.ids(names[4]) == before
    host.api.remove_container(lone["Id"])


def test_a_link_in_place_of_a_folder_is_not_followed(host, names, tmp_path):
    """A container with a writable bind can swap a folder for a link; files of ours do not go where it points."""
    name = names[0]
    host.push({f"stacks/{name}/compose.yaml": APP, f"stacks/{name}/conf/a.conf": "1\n"})
    host.apply()
    outside = tmp_path / "outside"
    outside.mkdir()
    conf = host.stacks_dir / name / "conf"
    (conf / "a.conf").unlink()
    conf.rmdir()
    conf.symlink_to(outside)
    host.push({f"stacks/{name}/conf/a.conf": "2\n"})

    report = host.apply(code=3)

    assert "conf" in report["stacks"][name]["problem"]["text"]
    assert list(outside.iterdir()) == []
    assert Path(conf).is_symlink()
