from __future__ import annotations

from pathlib import Path

import pytest

from reconciler import __version__, process
from reconciler.desired.load import Context, load
from reconciler.desired.repo import Repository
from reconciler.desired.tree import blob_id, folder_tree
from reconciler.errors import InvalidSource
from reconciler.model import IgnoreRule, Position, StackSettings
from reconciler.plan.texts import problem_hint, problem_text
from reconciler.settings import SourceSettings
from reconciler.tools import find_compose
from tests.desired.sources import COMPOSE, Source, codes, stack, wanted, write

WEB = "stacks/web"


def test_stack_yaml_is_understood_whole(tmp_path: Path) -> None:
    """Every documented key arrives, and keys know where they stand."""
    text = """\
where: [attic]
depends_on: [db]
profiles: [debug]
jobs: [migrate]
prune: false
adopt: true
ignore:
  - services.web.labels.traefik*
  - {path: services.web.image, reason: moved by hand}
drift: {correct: report, stop_grace: 10m}
"""
    got = stack(wanted(tmp_path, {f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/stack.yaml": text})).settings

    assert got == StackSettings(
        where=("attic",),
        depends_on=("db",),
        profiles=("debug",),
        jobs=("migrate",),
        prune=False,
        adopt=True,
        ignore=(IgnoreRule("services.web.labels.traefik*"), IgnoreRule("services.web.image", "moved by hand")),
        correct="report",
        stop_grace=600.0,
        positions=got.positions,
    )
    assert got.positions["depends_on"] == Position(f"{WEB}/stack.yaml", 2)
    assert got.positions["ignore.1"] == Position(f"{WEB}/stack.yaml", 9)


def test_stack_yaml_merges_by_top_level_key(tmp_path: Path) -> None:
    """A layer replaces whole keys, the others stay; positions name the layer that has the word."""
    files = {
        f"{WEB}/compose.yaml": COMPOSE,
        f"{WEB}/stack.yaml": "depends_on: [a, b]\ndrift: {correct: report, stop_grace: 5m}\n",
        f"devices/attic/{WEB}/stack.yaml": "\ndepends_on: [c]\ndrift: {stop_grace: 1m}\n",
    }
    got = stack(wanted(tmp_path, files)).settings

    assert (got.depends_on, got.correct, got.stop_grace) == (("c",), None, 60.0)
    assert got.positions["depends_on"] == Position(f"devices/attic/{WEB}/stack.yaml", 2)


@pytest.mark.parametrize(
    ("text", "code", "line", "says"),
    [
        ("prun: true\n", "unknown-key", 1, "did you mean `prune`?"),
        ("drift:\n  stop_grase: 1m\n", "unknown-key", 2, "did you mean `stop_grace`?"),
        ("ignore:\n  - {path: services.x, raeson: y}\n", "unknown-key", 2, "did you mean `reason`?"),
        ("prune: 'yes'\n", "wrong-type", 1, "prune must be true or false"),
        ("depends_on: db\n", "wrong-type", 1, "depends_on must be a list"),
        ("prune: true\ndepends_on:\n  - db\n  - 1\n", "wrong-type", 4, "depends_on.1 must be text"),
        ("where: []\n", "bad-value", 1, "where"),
        ("where: [../x]\n", "bad-value", 1, "is not a name"),
        ("drift: {stop_grace: 10}\n", "bad-value", 1, "90s, 15m, 2h, 1d"),
        ("drift: {correct: never}\n", "bad-choice", 1, "'auto' or 'report'"),
        ("ignore: [web.image]\n", "bad-value", 1, "services.web.labels"),
        ("- a\n", "wrong-type", 1, "a mapping"),
        ("a: b: c\n", "yaml-syntax", 1, "not YAML"),
    ],
)
def test_a_fault_in_stack_yaml_blocks_that_stack(tmp_path: Path, text: str, code: str, line: int, says: str) -> None:
    """The stack is blocked with file, line and a way out; other stacks go on."""
    files = {f"{WEB}/compose.yaml": COMPOSE, f"{WEB}/stack.yaml": text, "stacks/db/compose.yaml": COMPOSE}
    found = wanted(tmp_path, files)

    assert codes(found) == [("stack/web", code, f"{WEB}/stack.yaml", line)]
    problem = stack(found).problems[0]
    assert problem.reason == "InvalidSource"
    assert says in problem_text(problem)
    assert problem_hint(problem)
    assert stack(found, "db").problems == ()


def test_all_faults_of_a_stack_are_said_at_once(tmp_path: Path) -> None:
    """Faults of stack.yaml, of the layers and of the files do not hide each other."""
    files = {
        f"{WEB}/compose.yaml": "services:\n  app:\n    image: x\n    env_file: /etc/passwd\n",
        f"{WEB}/docker-compose.yml": COMPOSE,
        f"{WEB}/stack.yaml": "prun: true\nadopt: 3\n",
    }

    found = {code for _, code, _, _ in codes(wanted(tmp_path, files))}

    assert found == {"unknown-key", "wrong-type", "compose-file-twice", "path-leaves"}


@pytest.mark.parametrize(
    ("where", "here"),
    [("[attic]", True), ("[nas]", True), ("[tv, nas]", True), ("[tv]", False), ("[stacks]", False)],
)
def test_where_names_roles_or_devices(tmp_path: Path, where: str, here: bool) -> None:
    """A stack is for the devices that `where` names by role or name; elsewhere it is only known."""
    files = {
        f"{WEB}/compose.yaml": COMPOSE,
        f"{WEB}/stack.yaml": f"where: {where}\n",
        "devices/attic/device.yaml": "roles: [nas]\n",
    }
    found = wanted(tmp_path, files)

    assert ([item.name for item in found.stacks], found.elsewhere) == ((["web"], ()) if here else ([], ("web",)))


def test_a_role_without_a_folder_is_fine(tmp_path: Path) -> None:
    """Roles may be used by `where` alone."""
    assert (
        codes(wanted(tmp_path, {"devices/attic/device.yaml": "roles: [nowhere]\n", f"{WEB}/compose.yaml": COMPOSE}))
        == []
    )


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("roles: nas\n", "wrong-type", 1),
        ("rolls: [nas]\n", "unknown-key", 1),
        ("vars:\n  A: [1]\n", "wrong-type", 2),
        ("roles: [a/b]\n", "bad-value", 1),
        ("roles: [a\n", "yaml-syntax", 1),
    ],
)
def test_a_fault_in_device_yaml_stops_everything(tmp_path: Path, text: str, code: str, line: int) -> None:
    """Without knowing the layers nothing can be wanted: no stack is given, so none is changed or removed."""
    found = wanted(tmp_path, {"devices/attic/device.yaml": text, f"{WEB}/compose.yaml": COMPOSE}, owned={"a": 1})

    assert codes(found) == [("source", code, "devices/attic/device.yaml", line)]
    assert (found.stacks, found.daemon) == ((), None)


@pytest.mark.parametrize(
    ("requires", "old"), [(">=0.1", False), (f">={__version__}", False), (">= 0.2", True), (">=1", True)]
)
def test_an_agent_that_is_too_old_changes_nothing(tmp_path: Path, requires: str, old: bool) -> None:
    """fleet.yaml may require an agent; an older one wants nothing and says so."""
    found = wanted(tmp_path, {"fleet.yaml": f'schema: 1\nrequires: "{requires}"\n', f"{WEB}/compose.yaml": COMPOSE})

    assert [problem.reason for problem in found.problems] == (["AgentTooOld"] if old else [])
    assert codes(found) == ([("source", "agent-too-old", "fleet.yaml", 2)] if old else [])
    assert bool(found.stacks) is not old


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("requires: '>=0.1'\n", "missing-key", 1),
        ("schema: 2\n", "bad-choice", 1),
        ("schema: 1\nrequires: '0.1'\n", "fleet-requires", 2),
        ("schema: 1\nrequire: '>=0.1'\n", "unknown-key", 2),
        ("schema: 1\nrequires: 0.1\n", "wrong-type", 2),
    ],
)
def test_a_fault_in_fleet_yaml_stops_everything(tmp_path: Path, text: str, code: str, line: int) -> None:
    """A repository that we do not understand is not acted on."""
    found = wanted(tmp_path, {"fleet.yaml": text, f"{WEB}/compose.yaml": COMPOSE})

    assert codes(found) == [("source", code, "fleet.yaml", line)]
    assert found.stacks == ()


def test_whether_the_device_has_a_folder_is_known(tmp_path: Path) -> None:
    """Any file below devices/<device> counts, a file of that name does not."""
    assert wanted(tmp_path / "a", {"devices/attic/notes": ""}).has_device_folder
    assert not wanted(tmp_path / "b", {"devices/attic2/device.yaml": "", "devices/README": ""}).has_device_folder


def test_two_stacks_with_one_project_name_name_each_other(tmp_path: Path) -> None:
    """Both are blocked, and each says where the other one is."""
    files = {
        f"{WEB}/compose.yaml": COMPOSE,
        "stacks/site/compose.yml": "name: web\n" + COMPOSE,
        "stacks/db/compose.yaml": COMPOSE,
    }
    found = wanted(tmp_path, files, compose=find_compose(None))

    assert [item.name for item in found.stacks if item.problems] == ["site", "web"]
    assert {item.problems[0].file: item.problems[0].args["other"] for item in found.stacks if item.problems} == {
        "stacks/site/compose.yml": f"{WEB}/compose.yaml",
        f"{WEB}/compose.yaml": "stacks/site/compose.yml",
    }
    assert stack(found).services == ()


def test_a_stack_carries_all_that_compose_is_called_with(tmp_path: Path) -> None:
    """Folder, files, env file, project and services are those of the stable path."""
    files = {f"{WEB}/compose.yaml": COMPOSE.replace("busybox", "busybox:$TAG"), f"{WEB}/.env": "TAG=1\n"}
    found = stack(wanted(tmp_path, files, compose=find_compose(None)))

    assert (found.project, found.folder, found.env_file) == ("web", "/srv/stacks/web", f"{tmp_path}/state/env/web.env")
    assert (found.compose_files, found.position) == (("compose.yaml",), Position(f"{WEB}/compose.yaml", 1))
    assert [service.document["image"] for service in found.services] == ["busybox:1"]
    assert {file.path: file.digest for file in found.files}[".env"] == blob_id(b"TAG=1\n")


def test_a_second_pass_starts_no_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred unchanged stacks are loaded again without compose and without git."""
    source = Source(tmp_path / "home")
    files = {f"stacks/s{n}/compose.yaml": COMPOSE for n in range(100)} | {
        f"stacks/s{n}/.env": "A=1\n" for n in range(100)
    }
    files |= {f"stacks/s{n}/stack.yaml": "prune: false\n" for n in range(100)}
    commit = source.commit(files)
    context = Context("attic", Path("/srv/stacks"), tmp_path / "state", compose=find_compose(None))
    repository = Repository(SourceSettings(str(source.folder)), tmp_path / "state")
    repository.fetch(last_good=None)
    first = load(repository.tree(commit), context)

    monkeypatch.setattr(process, "run", None)
    again = load(repository.tree(commit), context)

    assert again == first
    assert len(again.stacks) == 100


def test_a_plain_folder_is_a_tree(tmp_path: Path) -> None:
    """Ids are git's, `.git` is left out, links are not followed."""
    source = Source(tmp_path / "home")
    source.commit({"a/b": "1\n"})
    (source.folder / "link").symlink_to("/")
    tree = folder_tree(source.folder)

    assert [(entry.path, entry.kind) for entry in tree.entries] == [("a/b", "file"), ("link", "link")]
    assert tree.entries[0].digest == source.git("rev-parse", "HEAD:a/b")
    with pytest.raises(InvalidSource, match="folder-missing"):
        folder_tree(tmp_path / "none")


@pytest.mark.parametrize("name", ["Web", "we b", "-web", ".web", "wéb"])
def test_a_folder_name_that_is_no_project_name_is_said(tmp_path: Path, name: str) -> None:
    """Compose would quietly use another name; so that stack is blocked."""
    write(tmp_path / "tree", {"stacks/ok/compose.yaml": COMPOSE})

    found = wanted(tmp_path, {f"stacks/{name}/compose.yaml": COMPOSE})

    assert codes(found) == [(f"stack/{name}", "folder-no-project-name", f"stacks/{name}/compose.yaml", None)]


def test_a_folder_name_that_is_too_long_blocks_that_stack_only(tmp_path: Path) -> None:
    """Its lock and its kept rendering could have no name; the others go on."""
    name = "w" * 240

    found = wanted(tmp_path, {f"stacks/{name}/compose.yaml": COMPOSE, "stacks/ok/compose.yaml": COMPOSE})

    assert codes(found) == [(f"stack/{name}", "folder-name-long", f"stacks/{name}", None)]


@pytest.mark.parametrize("path", ["stacks/we\nb/compose.yaml", "stacks/web/a\x1b[31mb", "stacks/web/\x85"])
def test_a_name_with_control_characters_is_refused(tmp_path: Path, path: str) -> None:
    """A name that could not be shown safely blocks its stack."""
    found = wanted(tmp_path, {f"{WEB}/compose.yaml": COMPOSE, path: COMPOSE})

    assert [(code, file) for _, code, file, _ in codes(found)] == [("file-name-odd", path)]
