from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.desired.layout import StackLayout
from reconciler.envfile import env_text
from tests.desired.sources import COMPOSE, codes, stack, wanted

WEB = "stacks/web"
NAS = {"devices/attic/device.yaml": "roles: [nas, media]\n"}


def effective(tmp_path: Path, files: dict[str, str]) -> dict[str, str]:
    """Return what stands in the stack's folder, and from where."""
    return {file.path: file.origin for file in stack(wanted(tmp_path, {**NAS, **files})).files}


# each row: what stands in the repository → effective path: where it comes from
LAYERING: list[tuple[str, dict[str, str], dict[str, str]]] = [
    (
        "common alone",
        {f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/conf/a": "1"},
        {"compose.yaml": f"{WEB}/compose.yaml", "conf/a": f"{WEB}/conf/a"},
    ),
    (
        "a role's file wins over common, file by file",
        {f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/conf/a": "1", f"{WEB}/conf/b": "1", f"roles/nas/{WEB}/conf/a": "2"},
        {"compose.yaml": f"{WEB}/compose.yaml", "conf/a": f"roles/nas/{WEB}/conf/a", "conf/b": f"{WEB}/conf/b"},
    ),
    (
        "the later role wins",
        {f"{WEB}/compose.yaml": COMPOSE, f"roles/media/{WEB}/a": "2", f"roles/nas/{WEB}/a": "1"},
        {"compose.yaml": f"{WEB}/compose.yaml", "a": f"roles/media/{WEB}/a"},
    ),
    (
        "the device wins over its roles",
        {f"{WEB}/compose.yaml": COMPOSE, f"roles/media/{WEB}/a": "1", f"devices/attic/{WEB}/a": "2"},
        {"compose.yaml": f"{WEB}/compose.yaml", "a": f"devices/attic/{WEB}/a"},
    ),
    (
        "foreign roles and devices do not count",
        {f"{WEB}/compose.yaml": COMPOSE, f"roles/tv/{WEB}/compose.yaml": "x", f"devices/cellar/{WEB}/a": "2"},
        {"compose.yaml": f"{WEB}/compose.yaml"},
    ),
    (
        "a stack that stands only in the device's layer",
        {f"devices/attic/{WEB}/compose.yaml": COMPOSE},
        {"compose.yaml": f"devices/attic/{WEB}/compose.yaml"},
    ),
    (
        "a base file replaces one of another spelling",
        {f"{WEB}/compose.yaml": COMPOSE, f"roles/nas/{WEB}/docker-compose.yml": COMPOSE},
        {"docker-compose.yml": f"roles/nas/{WEB}/docker-compose.yml"},
    ),
    (
        "a file replaces a folder",
        {f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/conf/a": "1", f"roles/nas/{WEB}/conf": "2"},
        {"compose.yaml": f"{WEB}/compose.yaml", "conf": f"roles/nas/{WEB}/conf"},
    ),
    (
        "a folder replaces a file",
        {f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/conf": "1", f"roles/nas/{WEB}/conf/a": "2"},
        {"compose.yaml": f"{WEB}/compose.yaml", "conf/a": f"roles/nas/{WEB}/conf/a"},
    ),
    (
        "stack.yaml is for us alone",
        {f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/stack.yaml": "prune: false\n"},
        {"compose.yaml": f"{WEB}/compose.yaml"},
    ),
]


@pytest.mark.parametrize(("files", "expected"), [row[1:] for row in LAYERING], ids=[row[0] for row in LAYERING])
def test_stack_folders_are_laid_over_each_other(
    tmp_path: Path, files: dict[str, str], expected: dict[str, str]
) -> None:
    """Common, the roles in their order, the device: file by file the last one wins."""
    assert effective(tmp_path, files) == expected


def test_overrides_of_all_layers_apply_in_their_order(tmp_path: Path) -> None:
    """The first override keeps its name, later ones get the layer's; all are handed to compose after the base file."""
    found = stack(
        wanted(
            tmp_path,
            {
                **NAS,
                f"{WEB}/compose.yml": COMPOSE,
                f"{WEB}/compose.override.yaml": "a: 1",
                f"roles/nas/{WEB}/docker-compose.override.yml": "a: 2",
                f"roles/media/{WEB}/compose.override.yaml": "a: 3",
                f"devices/attic/{WEB}/compose.override.yml": "a: 4",
            },
        )
    )

    assert found.compose_files == (
        "compose.yml",
        "compose.override.yaml",
        "compose.override.role-nas.yaml",
        "compose.override.role-media.yaml",
        "compose.override.device.yaml",
    )
    origins = {file.path: file.origin for file in found.files}
    assert origins["compose.override.role-nas.yaml"] == f"roles/nas/{WEB}/docker-compose.override.yml"
    assert origins["compose.override.device.yaml"] == f"devices/attic/{WEB}/compose.override.yml"


def test_the_first_override_keeps_its_name_in_any_layer(tmp_path: Path) -> None:
    """A lone override of a role is found by a plain `docker compose` in the stack's folder."""
    found = stack(
        wanted(tmp_path, {**NAS, f"{WEB}/compose.yaml": COMPOSE, f"roles/nas/{WEB}/compose.override.yaml": "a: 2"})
    )

    assert found.compose_files == ("compose.yaml", "compose.override.yaml")


def test_a_role_may_have_the_devices_name(tmp_path: Path) -> None:
    """Role and device of one name are two layers with two override files."""
    found = stack(
        wanted(
            tmp_path,
            {
                "devices/attic/device.yaml": "roles: [attic, attic]\n",
                f"{WEB}/compose.yaml": COMPOSE,
                f"{WEB}/compose.override.yaml": "a: 1",
                f"roles/attic/{WEB}/compose.override.yaml": "a: 2",
                f"devices/attic/{WEB}/compose.override.yaml": "a: 3",
            },
        )
    )

    assert found.compose_files[2:] == ("compose.override.role-attic.yaml", "compose.override.device.yaml")


def test_dotenv_of_several_layers_is_merged_by_variable(tmp_path: Path) -> None:
    """Each variable is as the last layer says; one layer's `.env` stays as it was written."""
    files = {**NAS, f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/.env": "# mine\nA=1\nB=$A\n"}
    alone = stack(wanted(tmp_path / "one", files)).files[0]
    merged = stack(wanted(tmp_path / "two", {**files, f"roles/nas/{WEB}/.env": "A=2\nC='x y'\n"})).files[0]

    assert (alone.path, alone.content, alone.origin) == (".env", None, f"{WEB}/.env")
    assert merged.content == env_text({"A": "2", "B": "1", "C": "x y"}).encode()
    assert merged.origin == f"roles/nas/{WEB}/.env"
    assert merged.digest != alone.digest


PROBLEMS: list[tuple[str, dict[str, str], tuple[str, str, str, int | None]]] = [
    (
        "two base files in one layer",
        {f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/docker-compose.yml": COMPOSE},
        ("stack/web", "compose-file-twice", f"{WEB}/compose.yaml", None),
    ),
    (
        "two overrides in one layer",
        {f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/compose.override.yaml": "", f"{WEB}/compose.override.yml": ""},
        ("stack/web", "compose-file-twice", f"{WEB}/compose.override.yaml", None),
    ),
    (
        "an override's name that is taken",
        {
            f"{WEB}/compose.yaml": COMPOSE,
            f"{WEB}/compose.override.yaml": "",
            f"{WEB}/compose.override.device.yaml": "",
            f"devices/attic/{WEB}/compose.override.yaml": "",
        },
        ("stack/web", "override-name-taken", f"{WEB}/compose.override.device.yaml", None),
    ),
    (
        "stack.yml",
        {f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/stack.yml": "prune: false"},
        ("stack/web", "file-misnamed", f"{WEB}/stack.yml", None),
    ),
    (
        "device.yml",
        {"devices/attic/device.yml": "roles: []"},
        ("source", "file-misnamed", "devices/attic/device.yml", None),
    ),
    (
        "an override without a base anywhere",
        {f"roles/nas/{WEB}/compose.override.yaml": "", **NAS},
        ("stack/web", "compose-file-absent", f"roles/nas/{WEB}/compose.override.yaml", None),
    ),
]


@pytest.mark.parametrize(("files", "problem"), [row[1:] for row in PROBLEMS], ids=[row[0] for row in PROBLEMS])
def test_what_cannot_be_layered_is_said(
    tmp_path: Path, files: dict[str, str], problem: tuple[str, str, str, int | None]
) -> None:
    """Ambiguous and misnamed files are problems with a file, never a silent choice."""
    assert codes(wanted(tmp_path, files)) == [problem]


def test_folders_and_files_that_are_no_stack_do_not_matter(tmp_path: Path) -> None:
    """A README beside the stacks, a folder without a compose file, an override for a stack of other devices: no stack."""
    found = wanted(
        tmp_path,
        {
            **NAS,
            "stacks/README.md": "",
            "stacks/notes/todo.txt": "",
            f"roles/nas/{WEB}/compose.override.yaml": "",
            f"devices/cellar/{WEB}/compose.yaml": COMPOSE,
        },
    )

    assert (found.stacks, codes(found), found.elsewhere) == ((), [], ("web",))


@pytest.mark.parametrize(
    ("link", "problem"),
    [
        ("stacks/web/conf", ("stack/web", "link-refused", "stacks/web/conf", None)),
        ("stacks/web/.env", ("stack/web", "link-refused", "stacks/web/.env", None)),
        ("stacks/web/stack.yaml", ("stack/web", "link-refused", "stacks/web/stack.yaml", None)),
        ("stacks/web/compose.override.yaml", ("stack/web", "link-refused", "stacks/web/compose.override.yaml", None)),
        ("stacks/other", ("stack/other", "link-refused", "stacks/other", None)),
        ("roles/nas", ("source", "structure-link", "roles/nas", None)),
        ("devices/attic", ("source", "structure-link", "devices/attic", None)),
        ("fleet.yaml", ("source", "file-unreadable", "fleet.yaml", None)),
        ("daemon.json", ("daemon", "daemon-link", "daemon.json", None)),
    ],
)
def test_no_link_is_followed(tmp_path: Path, link: str, problem: tuple[str, str, str, int | None]) -> None:
    """A link is refused wherever it would be read, and what it points to never shows."""
    place = tmp_path / "tree" / link
    place.parent.mkdir(parents=True)
    place.symlink_to("/etc/hosts")

    assert codes(wanted(tmp_path, {f"{WEB}/compose.yaml": COMPOSE}, owned={})) == [problem]


def test_a_commit_for_another_device_changes_no_layout(tmp_path: Path) -> None:
    """What decides the rendering of a stack stays equal when only other devices' files change."""
    files = {**NAS, f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/.env": "A=1\n", f"roles/nas/{WEB}/.env": "B=1\n"}
    before = wanted(tmp_path, files)
    more = {
        f"devices/cellar/{WEB}/compose.override.yaml": "services: {}",
        f"roles/tv/{WEB}/.env": "A=9\n",
        "devices/cellar/device.yaml": "vars: {A: 7}\n",
        "stacks/other/compose.yaml": COMPOSE,
        f"{WEB}/../README.md": "hello",
    }
    after = wanted(tmp_path, more)

    assert stack(after) == stack(before)


def test_a_layout_finds_the_way_back() -> None:
    """A place in an effective file is named as the repository knows it."""
    from reconciler.model import StackFile, StackSettings  # noqa: PLC0415 - only this test builds one by hand

    layout = StackLayout("web", "/s/web", StackSettings(), (StackFile("a", "1", "roles/nas/stacks/web/a"),), (), "/e")

    assert layout.position("a", 3).file == "roles/nas/stacks/web/a"
    assert layout.origin("unknown") == "unknown"
