"""A stack's life: jobs, profiles, layers, secrets, where it is wanted, and what happens when the record is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from deploy.images import make_image
from tests.e2e.host import Host
from tests.e2e.story import kept, settle, steps


@pytest.fixture
def stack(host: Host, unique: Callable[[str], str]) -> Iterator[str]:
    """The name of a stack that is cleared away in the end."""
    name = unique("shape")
    yield name
    host.clear(name)


JOBS = """\
services:
  app: {image: app:1, depends_on: {migrate: {condition: service_completed_successfully}}}
  migrate: {image: app:1, command: [sh, -c, "echo run >> /log/migrate"], volumes: ["./log:/log"], environment: {V: "%s"}}
  listed: {image: app:1, command: [sh, -c, "echo run >> /log/listed"], volumes: ["./log:/log"]}
"""


def test_jobs_run_when_git_says_so_and_only_then(host, stack):
    """A changed job runs again, alone; one whose container was swept away has run all the same."""
    runs = host.stacks_dir / stack / "log"
    host.push({f"stacks/{stack}/compose.yaml": JOBS % 1, f"stacks/{stack}/stack.yaml": "jobs: [listed]\n"})
    before = settle(host, stack)

    host.push({f"stacks/{stack}/compose.yaml": JOBS % 2})
    assert steps(host) == [f"recreate {stack}-migrate-1 (change)"]
    after = settle(host, stack)
    assert kept(before, after) == set(before) - {f"{stack}-migrate-1"}

    host.api.prune_containers({"label": [f"com.docker.compose.project={stack}"]})
    assert set(host.ids(stack)) == {f"{stack}-app-1"}
    assert host.run("plan").out == "No changes.\n"
    assert host.status()["stacks"][stack]["health"] == "Healthy"
    host.api.remove_container(f"{stack}-app-1", force=True)
    assert steps(host) == [f"create {stack}-app-1 (missing)"]
    settle(host, stack)
    assert {path.name: path.read_text().count("run") for path in runs.iterdir()} == {"migrate": 2, "listed": 1}

    host.push({f"stacks/{stack}/compose.yaml": JOBS % 3})
    assert steps(host) == [f"create {stack}-migrate-1 (change)"]
    settle(host, stack)
    assert (runs / "migrate").read_text() == "run\n" * 3


def test_what_a_person_stopped_is_no_finished_job(host, stack):
    """A service that nobody calls a job and that exits with 0 when it is told to is started again."""
    host.push({f"stacks/{stack}/compose.yaml": "services:\n  app: {image: 'app:1'}\n"})
    before = settle(host, stack)

    host.api.stop(f"{stack}-app-1")

    assert host.api.inspect_container(f"{stack}-app-1")["State"]["ExitCode"] == 0
    assert steps(host) == [f"start {stack}-app-1 (drift)"]
    assert settle(host, stack) == before


PROFILES = """\
services:
  app: {image: app:1, depends_on: {cache: {condition: service_started, required: false}}}
  cache: {image: app:1, profiles: [fast]}
  debug: {image: app:1, profiles: [debug]}
"""


def test_a_profile_brings_its_services_and_takes_them_away(host, stack):
    """Profiles of stack.yaml and of COMPOSE_PROFILES; what is optional holds nobody up, and nobody else is touched."""
    host.push({f"stacks/{stack}/compose.yaml": PROFILES})
    before = settle(host, stack)
    assert set(before) == {f"{stack}-app-1"}

    host.push({
        f"stacks/{stack}/stack.yaml": "profiles: [debug]\n", f"stacks/{stack}/.env": "COMPOSE_PROFILES=fast\n",
    })  # fmt: skip
    assert sorted(steps(host)) == [f"create {stack}-cache-1 (change)", f"create {stack}-debug-1 (change)"]
    assert kept(before, settle(host, stack)) == {f"{stack}-app-1"}

    host.push({f"stacks/{stack}/stack.yaml": None, f"stacks/{stack}/.env": None})
    assert sorted(steps(host)) == [f"remove {stack}-cache-1 (removed)", f"remove {stack}-debug-1 (removed)"]
    assert settle(host, stack) == before


def test_layers_lie_over_each_other(host, stack):
    """Overrides of the common layer, a role and the device all count, in that order; a change in one is told with its file."""
    layer = "services: {app: {environment: {%s}}}\n"
    host.push({
        f"stacks/{stack}/compose.yaml": "services:\n  app: {image: app:1, environment: {A: common, B: common, C: $C}}\n",
        f"stacks/{stack}/compose.override.yaml": layer % "A: override",
        f"stacks/{stack}/.env": "C=common\n",
        "devices/box/device.yaml": "roles: [nas]\n",
        f"roles/nas/stacks/{stack}/compose.override.yaml": layer % "B: role, D: role",
        f"roles/nas/stacks/{stack}/.env": "C=role\n",
        f"devices/box/stacks/{stack}/compose.override.yaml": layer % "D: device",
    })  # fmt: skip
    settle(host, stack)
    found = host.containers(stack)[f"{stack}-app-1"]["Config"]["Env"]
    assert {"A=override", "B=role", "C=role", "D=device"} <= set(found)

    host.push({f"devices/box/stacks/{stack}/compose.override.yaml": layer % "D: other"})
    (action,) = host.plan()["actions"]
    assert [field["path"] for field in action["fields"]] == ["environment.D"]
    assert action["cause"]["file"] == f"devices/box/stacks/{stack}/compose.override.yaml"


def test_a_value_of_env_dir_is_never_shown(host, stack, tmp_path):
    """That it changed is seen, what it was and is stands nowhere but where compose reads it."""
    secrets = ("hunter2-the-first", "hunter2-the-second")
    folder = tmp_path / "env"
    folder.mkdir()
    host.configure(env_dir=str(folder))
    text = "services:\n  app: {image: app:1, environment: {TOKEN: $TOKEN, URL: 'http://me:$TOKEN@there/'}}\n"
    host.push({f"stacks/{stack}/compose.yaml": text})
    said: list[str] = []
    for secret in secrets:
        (folder / f"{stack}.env").write_text(f"TOKEN={secret}\n")
        told = [
            host.run("plan"),
            host.run("plan", "--json"),
            host.run("apply"),
            host.run("status"),
            host.run("status", "--json"),
        ]
        said += [text for one in told for text in (one.out, one.err)]
        assert f"TOKEN={secret}" in host.containers(stack)[f"{stack}-app-1"]["Config"]["Env"]
        assert host.run("plan").out == "No changes.\n"
    assert any("environment.TOKEN" in text for text in said)
    assert not [text for text in said for secret in secrets if secret in text]
    # what compose is given, and what it made of it, is for root alone
    kept_in = [path for path in host.state_dir.rglob("*") if path.is_file() and holds(path, secrets)]
    assert {path.parent.name for path in kept_in} == {"env", "cache"}
    assert {path.stat().st_mode & 0o777 for path in kept_in} == {0o600}


def holds(path: Path, secrets: tuple[str, ...]) -> bool:
    content = path.read_bytes()
    return any(secret.encode() in content for secret in secrets)


def test_a_stack_that_is_wanted_elsewhere_goes_and_comes_back(host, stack, unique):
    """`where` moves it off this device like one that is gone; back again it finds its volume."""
    others = [unique("rest"), unique("rest")]
    text = 'services:\n  app: {image: app:1, volumes: ["data:/data"]}\nvolumes: {data: {}}\n'
    host.push({f"stacks/{name}/compose.yaml": text for name in (stack, *others)})
    before = settle(host, stack, *others)

    host.push({f"stacks/{stack}/stack.yaml": "where: [elsewhere]\n"})
    assert steps(host) == [f"remove {stack}-app-1 (removed)", f"remove {stack}_default (removed)"]
    assert kept(before, settle(host, stack, *others)) == set(before) - {f"{stack}-app-1"}
    assert host.api.inspect_volume(f"{stack}_data")

    host.push({f"stacks/{stack}/stack.yaml": "where: [box]\n"})
    assert steps(host) == [f"create {stack}_default (missing)", f"create {stack}-app-1 (missing)"]
    assert kept(before, settle(host, stack, *others)) == set(before) - {f"{stack}-app-1"}
    host.clear(*others)


TWO = """\
services:
  app: {image: app:1, environment: {A: "%s"}}
  rest: {image: app:1}
"""


def test_drift_is_found_without_a_record_and_beside_a_change(host, stack):
    """What somebody did is repaired when the record is lost, and goes along when git changes the same service."""
    host.push({f"stacks/{stack}/compose.yaml": TWO % 1})
    before = settle(host, stack)
    for file in host.state_dir.glob("*.db*"):
        file.unlink()
    host.api.rename(f"{stack}-app-1", f"{stack}-other")
    host.api.pause(f"{stack}-rest-1")

    assert sorted(steps(host)) == [f"rename {stack}-other (drift)", f"unpause {stack}-rest-1 (drift)"]
    assert settle(host, stack) == before

    host.api.update_container(f"{stack}-app-1", restart_policy={"Name": "always"})
    host.push({f"stacks/{stack}/compose.yaml": TWO % 2})
    (action,) = host.plan()["actions"]
    assert (action["kind"], action["because"]) == ("recreate", "change")
    fields = {field["path"]: (field["desired"], field["applied"], field["observed"]) for field in action["fields"]}
    assert fields == {"environment.A": ("2", "1", "1"), "restart": ("no", "no", "always")}
    assert kept(before, settle(host, stack)) == {f"{stack}-rest-1"}


def test_proxies_of_the_client_are_no_drift(host, stack, tmp_path):
    """What docker's own settings put into every container is not in git, and not taken for somebody's doing."""
    folder = tmp_path / "docker"
    folder.mkdir()
    proxies = {"httpProxy": "http://proxy:3128", "noProxy": "localhost"}
    (folder / "config.json").write_text(json.dumps({"proxies": {"default": proxies}}))
    host.configure(docker={"host": host.dockerd.host, "config": str(folder)})
    make_image(host.dockerd.host, f"{stack}:1", changes=["ENV HTTP_PROXY=http://the-image-says-so"])
    text = "services:\n  app: {image: '%s:1', environment: {NO_PROXY: mine, A: '%s'}}\n"
    host.push({f"stacks/{stack}/compose.yaml": text % (stack, 1)})
    before = settle(host, stack)
    found = host.containers(stack)[f"{stack}-app-1"]["Config"]["Env"]
    assert {
        "HTTP_PROXY=http://proxy:3128",
        "http_proxy=http://proxy:3128",
        "NO_PROXY=mine",
        "no_proxy=localhost",
    } <= set(found)

    for file in host.state_dir.glob("*.db*"):
        file.unlink()
    assert settle(host, stack) == before
    host.push({f"stacks/{stack}/compose.yaml": text % (stack, 2)})
    (action,) = host.plan()["actions"]
    assert [field["path"] for field in action["fields"]] == ["environment.A"]
