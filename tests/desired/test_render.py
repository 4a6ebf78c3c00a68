"""Rendering by the real compose, without an engine."""

import json
import os
import threading
from dataclasses import replace

import pytest

from reconciler import process
from reconciler.desired import cache, render
from reconciler.desired.layout import Assignment
from reconciler.desired.render import render_all, render_stack
from reconciler.errors import MissingTool, NoSpace
from reconciler.model import Position
from reconciler.tools import ComposeTool
from tests.compose_program import under_test
from tests.desired.layouts import FOLDER, layout, stack_file

OWN_LINE = "a second line that tells"
WEB = """\
services:
  web:
    image: app:1
    environment:
      COST: $$5
      $KEY: "1"
    volumes:
      - ./conf:/conf:ro
      - ../shared:/shared
      - data:/data
    networks: [front]
  idle:
    image: app:1
    profiles: [debug]
volumes:
  data:
  old: {external: true, name: keep}
networks:
  front: {driver_opts: {a: b}}
"""


def web(**more):
    return layout({"compose.yaml": WEB, "conf/a": "1"}, **more)


def documents(rendered):
    return {service.name: service.document for service in rendered.services}


@pytest.fixture
def started(monkeypatch):
    """Count the programs that are started."""
    under_test()
    calls = []
    run = process.run

    def counted(argv, **options):
        calls.append(argv)
        return run(argv, **options)

    monkeypatch.setattr(process, "run", counted)
    return calls


def test_paths_are_those_of_the_stable_folder(tmp_path):
    """No trace of the private copy is in what comes out, not even for paths above the stack's folder."""
    rendered = render_stack(web(), under_test(), tmp_path)
    volumes = documents(rendered)["web"]["volumes"]
    assert [item["source"] for item in volumes] == [f"{FOLDER}/conf", "/srv/stacks/shared", "data"]
    assert "staging" not in repr(rendered)


def test_dollars_are_unescaped_once(tmp_path):
    """`$$` is one dollar in values and keys."""
    environment = documents(render_stack(web(), under_test(), tmp_path))["web"]["environment"]
    assert environment == {"COST": "$5", "$KEY": "1"}


def test_names_and_positions(tmp_path):
    """The project is named after the folder; services, networks and volumes know their names and lines."""
    rendered = render_stack(web(), under_test(), tmp_path)
    assert rendered.project == "web"
    assert [service.name for service in rendered.services] == ["web"]
    assert rendered.services[0].positions["image"] == Position("stacks/web/compose.yaml", 3)
    assert [(item.key, item.name, item.external) for item in rendered.networks] == [("front", "web_front", False)]
    assert [(item.key, item.name) for item in rendered.volumes] == [("data", "web_data")]
    assert rendered.volumes[0].position == Position("stacks/web/compose.yaml", 16)


def test_external_objects(tmp_path):
    """What is external is marked so and keeps its own name."""
    text = "services: {a: {image: x, volumes: ['old:/x']}}\nvolumes: {old: {external: true, name: keep}}\n"
    (volume,) = render_stack(layout(text), under_test(), tmp_path).volumes
    assert (volume.key, volume.name, volume.external) == ("old", "keep", True)


def test_project_name_of_the_file_wins(tmp_path):
    """Top-level `name:` is compose's own rule."""
    assert render_stack(layout("name: other\nservices: {a: {image: x}}\n"), under_test(), tmp_path).project == "other"


def test_profiles(tmp_path):
    """A service of an active profile is rendered, of any other not."""
    rendered = render_stack(web(profiles=("debug",)), under_test(), tmp_path)
    assert [service.name for service in rendered.services] == ["idle", "web"]


def test_variables_are_ours_alone(tmp_path, monkeypatch):
    """Interpolation knows the stack's variables, exactly, and nothing of the agent's environment."""
    monkeypatch.setenv("TOKEN", "leaked")
    odd = "a 'b' \"c\" $d #e \\f"
    text = "services: {a: {image: x, environment: {A: '${A}', B: '${TOKEN-none}', C: '${HOME-none}'}}}\n"
    rendered = render_stack(layout(text, {"A": odd}), under_test(), tmp_path)
    assert documents(rendered)["a"]["environment"] == {"A": odd, "B": "none", "C": "none"}


def test_env_files_are_merged(tmp_path):
    """An env file of the folder, `.env` too, is read from the copy."""
    files = {"compose.yaml": "services: {a: {image: x, env_file: [.env, b.env]}}\n", ".env": "A=1\n", "b.env": "B=2\n"}
    assert documents(render_stack(layout(files), under_test(), tmp_path))["a"]["environment"] == {"A": "1", "B": "2"}


def test_override_is_merged_and_wins_the_position(tmp_path):
    """The last file that sets a key is named for it."""
    files = {
        "compose.yaml": WEB,
        "compose.override.yaml": "# ours\nservices:\n  web:\n    image: app:2\n",
        "conf/a": "",
    }
    (service,) = render_stack(layout(files), under_test(), tmp_path).services
    assert service.document["image"] == "app:2"
    assert service.positions["image"] == Position("stacks/web/compose.override.yaml", 4)
    assert service.positions["volumes"] == Position("stacks/web/compose.yaml", 7)
    assert service.positions[""] == Position("stacks/web/compose.yaml", 2)


def test_same_inputs_start_nothing(tmp_path, started):
    """A second rendering reads one file and is equal, positions and all."""
    first = render_stack(web(), under_test(), tmp_path)
    assert len(started) == 1
    assert render_stack(web(), under_test(), tmp_path) == first
    assert len(started) == 1


CHANGES = {
    "a file": web(files=(stack_file("compose.yaml", WEB + "#"),)),
    "a variable": web(variables={"X": "1"}),
    "a profile": web(profiles=("debug",)),
    "the folder": web(folder="/opt/stacks/web"),
    "an assignment's place": web(assignments=(Assignment("A", "1", Position("x", 1)),)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_changed_input_renders_again(tmp_path, started, change):
    """Whatever can change the result is part of the key."""
    render_stack(web(), under_test(), tmp_path)
    render_stack(CHANGES[change], under_test(), tmp_path)
    assert len(started) == 2


def test_another_compose_renders_again(tmp_path, started):
    """The version of compose is part of the key."""
    tool = under_test()
    render_stack(web(), tool, tmp_path)
    render_stack(web(), ComposeTool(tool.path, "99.0"), tmp_path)
    assert len(started) == 2


def test_another_stack_is_not_touched(tmp_path, started):
    """A commit that changes one stack renders that one only."""
    pair = [web(), replace(web(), name="two", folder="/srv/stacks/two")]
    render_all(pair, under_test(), tmp_path)
    changed = [pair[0], replace(pair[1], variables={"A": "1"})]
    assert [item.project for item in render_all(changed, under_test(), tmp_path)] == ["web", "two"]
    assert len(started) == 3


def test_compose_works_while_the_next_is_laid_out(tmp_path, monkeypatch):
    """A stack does not wait until all others are put together."""
    at_work = threading.Event()
    run = process.run

    def noted(argv, **options):
        at_work.set()
        return run(argv, **options)

    def laid_out():
        yield web()
        assert at_work.wait(60)
        yield replace(web(), name="two", folder="/srv/stacks/two")

    monkeypatch.setattr(process, "run", noted)
    assert [item.project for item in render_all(laid_out(), under_test(), tmp_path)] == ["web", "two"]


def test_what_is_done_meanwhile_is_done_once_and_only_beside_compose(tmp_path):
    """Where nothing is rendered there is no waiting to make use of."""
    pair = [web(), replace(web(), name="two", folder="/srv/stacks/two")]
    done = []
    render_all(pair, under_test(), tmp_path, lambda: done.append("first"))
    render_all(pair, under_test(), tmp_path, lambda: done.append("again"))
    assert done == ["first"]


def test_a_refusal_is_kept_too(tmp_path, started):
    """What compose refused is not asked again."""
    broken = layout("services: {a: {imge: x}}\n")
    first = render_stack(broken, under_test(), tmp_path)
    assert [problem.code for problem in first.problems] == ["compose-unknown-key"]
    assert render_stack(broken, under_test(), tmp_path) == first
    assert len(started) == 1


def test_what_is_refused_never_reaches_compose(tmp_path, started):
    """A path out of the folder stops before any program."""
    rendered = render_stack(layout("services: {a: {image: x, env_file: /etc/passwd}}\n"), under_test(), tmp_path)
    assert [problem.code for problem in rendered.problems] == ["path-leaves"]
    assert (rendered.services, started) == ((), [])


def test_nothing_stays_but_the_cache(tmp_path):
    """The private copy is gone, and what is kept only root can read."""
    render_stack(web(), under_test(), tmp_path / "cache")
    (entry,) = (tmp_path / "cache").iterdir()
    assert entry.stat().st_mode & 0o777 == 0o600
    assert entry.parent.stat().st_mode & 0o777 == 0o700


def test_old_entries_go(tmp_path):
    """Of each stack only a few renderings are kept, and what a killed run left is removed."""
    folder, file = tmp_path / "staging-left", tmp_path / "new-left"
    folder.mkdir()
    file.write_text("{")
    for left in (folder, file):
        os.utime(left, (0, 0))
    for number in range(cache._KEPT + 2):
        render_stack(web(variables={"N": str(number)}), under_test(), tmp_path)
    assert len(list(tmp_path.iterdir())) == cache._KEPT
    assert not folder.exists()
    assert not file.exists()


def test_damaged_entry_is_rendered_anew(tmp_path):
    """A cut-off entry is no harm."""
    first = render_stack(web(), under_test(), tmp_path)
    (entry,) = tmp_path.iterdir()
    entry.write_text('{"project"')
    assert render_stack(web(), under_test(), tmp_path) == first


def test_secrets_are_known_but_not_kept(tmp_path):
    """Values of secrets come out to be hidden, warm too, and are not in the cache."""
    text = """\
services: {a: {image: x, secrets: [file, variable, elsewhere]}}
secrets: {file: {file: pw.txt}, variable: {environment: PW}, elsewhere: {file: not-in-git}}
"""
    pem = "-----BEGIN KEY-----\nc2hvcnQ\nYSBsaW5lIHRoYXQgdGVsbHM=\n"
    stack = layout(
        {"compose.yaml": text, "pw.txt": pem},
        {"PW": "hunter22", "OWN": "from-env-dir"},
        assignments=(Assignment("OWN", f"from-env-dir\n{OWN_LINE}", secret=True),),
    )
    for _ in range(2):
        secrets = render_stack(stack, under_test(), tmp_path).secrets
        assert {"hunter22", f"from-env-dir\n{OWN_LINE}", OWN_LINE, pem.strip(), "YSBsaW5lIHRoYXQgdGVsbHM="} <= secrets
    (entry,) = tmp_path.iterdir()
    assert not [value for value in (*secrets, "YSBsaW5l") if value in entry.read_text()]


def test_top_level_configs_come_along(tmp_path):
    """The plan learns which configs and secrets are files, at the stable path."""
    text = "services: {a: {image: x, configs: [c], secrets: [s]}}\nconfigs: {c: {file: c.conf}}\nsecrets: {s: {file: ./s}}\n"
    rendered = render_stack(layout({"compose.yaml": text, "c.conf": "", "s": ""}), under_test(), tmp_path)
    assert rendered.config_documents["c"]["file"] == f"{FOLDER}/c.conf"
    assert rendered.secret_documents["s"]["file"] == f"{FOLDER}/s"


def test_cache_that_cannot_be_written(tmp_path):
    """A folder that cannot be written is said, not passed over."""
    (tmp_path / "file").write_text("")
    with pytest.raises(NoSpace):
        render_stack(web(), under_test(), tmp_path / "file" / "cache")


def test_compose_that_cannot_be_started(tmp_path):
    """A compose that vanished is everybody's problem, not this stack's."""
    with pytest.raises(MissingTool):
        render_stack(web(), ComposeTool("/no/such", "2.26.1"), tmp_path)


def test_compose_that_hangs_is_this_stacks_problem(tmp_path, monkeypatch):
    """A rendering that does not end blocks its stack only, and is tried again next time."""
    program = tmp_path / "compose"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(render, "_TIMEOUT", 0.2)
    rendered = render_stack(web(), ComposeTool(str(program), "2.26.1"), tmp_path / "cache")
    assert [problem.code for problem in rendered.problems] == ["program-timeout"]
    assert list((tmp_path / "cache").glob("*.json")) == []


def test_entry_is_plain_json(tmp_path):
    """What is kept can be read by a person in need."""
    render_stack(web(), under_test(), tmp_path)
    (entry,) = tmp_path.iterdir()
    assert json.loads(entry.read_text())["project"] == "web"


def test_compose_stands_in_the_stacks_folder(tmp_path, monkeypatch):
    """An include within an include finds its env file in the stack's folder, never where the agent happens to stand."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.env").write_text("IMAGE=leaked")
    files = {
        "compose.yaml": "include: [a/b.yaml]\nservices: {web: {image: x}}\n",
        "a/b.yaml": "include: [{path: ../c.yaml, env_file: ../own.env}]\n",
        "c.yaml": "services: {c: {image: '${IMAGE}'}}\n",
        "own.env": "IMAGE=ours",
    }
    rendered = render_stack(layout(files), under_test(), tmp_path / "cache")
    assert documents(rendered)["c"]["image"] == "ours"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("services: {web: {image: x, configs: [c]}}\nconfigs:\n  c:\n    file: ../c\n", "configs.c.file"),
        ("services: {web: {image: x, secrets: [c]}}\nsecrets:\n  c:\n    file: /c\n", "secrets.c.file"),
        ("services:\n  web:\n\n    build: ../other\n", "services.web.build"),
        ("services:\n  web:\n\n    build: {context: ., additional_contexts: {a: ../a}}\n", "services.web.build"),
    ],
)
def test_what_compose_made_of_a_path_is_judged_again(tmp_path, monkeypatch, text, key):
    """Should the checks ever read a file otherwise than compose, what leaves the folder is refused all the same."""
    monkeypatch.setattr(render, "check_reading", lambda *_: ())
    (problem,) = render_stack(layout(text), under_test(), tmp_path / "cache").problems
    assert (problem.code, problem.args["key"], problem.line) == ("path-leaves", key, 4)
