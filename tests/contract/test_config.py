"""What rendering relies on; no engine is needed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler import compose, process
from tests.compose_program import under_test


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "web").mkdir()
    (tmp_path / "env").write_text("")
    return tmp_path / "web"


def rendered(folder: Path, text: str, *, environment: dict[str, str] | None = None, **more):
    """Render a compose file that stands in a folder; `more` are fields of the call."""
    (folder / "compose.yaml").write_text(text)
    call = compose.Project(under_test().path, "", str(folder), ("compose.yaml",), str(folder.parent / "env"))
    given = compose.environment(None, None) | (environment or {})
    done = process.run(compose.config(replace(call, **more)), env=given, timeout=20)
    return json.loads(done.require().stdout)


ONE = "services: {a: {image: x, environment: {V: '%s'}}}\n"


def value(model):
    return model["services"]["a"]["environment"]["V"]


def test_neither_engine_nor_docker_is_needed(folder):
    """The plugin file stands alone: no docker on PATH, an engine that is not there."""
    gone = {"PATH": "/nonexistent", "DOCKER_HOST": "unix:///nonexistent"}
    assert value(rendered(folder, ONE % "1", environment=gone)) == "1"


def test_version_is_bare():
    """The version is one line that begins with a number."""
    done = process.run(compose.version(under_test().path), env=compose.environment(None, None), timeout=20)
    assert done.stdout.strip().lstrip("v")[0].isdecimal()
    assert len(done.stdout.splitlines()) == 1


def test_dollars_are_doubled_everywhere(folder):
    """`$` comes out as `$$` in values and keys."""
    model = rendered(folder, "services: {a: {image: x, environment: {$K: 'a$$b'}}}\n")
    assert model["services"]["a"]["environment"] == {"$$K": "a$$b"}


def test_env_file_replaces_dotenv(folder):
    """With `--env-file` the folder's `.env` is not read."""
    (folder / ".env").write_text("A=dotenv\nB=dotenv\n")
    (folder.parent / "env").write_text("A=ours\n")
    assert value(rendered(folder, ONE % "${A} ${B-none}")) == "ours none"


def test_environment_of_the_process_wins(folder):
    """A variable of the process beats the env file, which is why the process gets next to none."""
    (folder.parent / "env").write_text("A=ours\n")
    assert value(rendered(folder, ONE % "${A}", environment={"A": "process"})) == "process"


def test_project_is_named_after_the_folder_or_by_the_file(folder):
    """Without a name of ours compose's own rule counts."""
    assert rendered(folder, ONE % "1")["name"] == "web"
    assert rendered(folder, "name: other\n" + ONE % "1")["name"] == "other"


def test_inactive_profiles_and_unused_networks_are_left_out(folder):
    """What does not run is not rendered; of active profiles it is."""
    text = "services: {a: {image: x}, b: {image: x, profiles: [p]}}\nnetworks: {unused: }\n"
    assert set(rendered(folder, text)["services"]) == {"a"}
    assert set(rendered(folder, text)["networks"]) == {"default"}
    assert set(rendered(folder, text, profiles=("p",))["services"]) == {"a", "b"}


def test_env_file_of_an_override_starts_at_the_project_directory(folder):
    """All relative paths of main files start at the stack's folder."""
    (folder / "x.env").write_text("V=2\n")
    (folder / "compose.override.yaml").write_text("services: {a: {env_file: [x.env]}}\n")
    text = "services: {a: {image: x}}\n"
    assert value(rendered(folder, text, files=("compose.yaml", "compose.override.yaml"))) == "2"


@pytest.mark.parametrize("remote", ["https://example.org/x.git", "git@example.org:x/y.git", "oci://127.0.0.1:1/x"])
def test_remotes_stay_off(folder, remote):
    """With remotes set to false no git is started and nothing fetched, whatever the env file says."""
    (folder.parent / "env").write_text("COMPOSE_EXPERIMENTAL_GIT_REMOTE=true\nCOMPOSE_EXPERIMENTAL_OCI_REMOTE=true\n")
    mark, program = folder / "mark", folder / "git"
    program.write_text(f"#!/bin/sh\n: > {mark}\nexit 1\n")
    program.chmod(0o755)
    (folder / "compose.yaml").write_text(f"include: ['{remote}']\nservices: {{a: {{image: x}}}}\n")
    call = compose.Project(under_test().path, "", str(folder), ("compose.yaml",), str(folder.parent / "env"))
    given = compose.environment(None, None) | {"PATH": f"{folder}:/usr/bin:/bin"}
    assert process.run(compose.config(call), env=given, timeout=20).code != 0
    assert not mark.exists()
