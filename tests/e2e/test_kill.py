"""We may be killed before every step of a pass: whoever comes next finds its way, and nothing is lost, doubled or left behind.

Which steps there are is found out first, by a pass that nobody kills. `make test` tries some, `make e2e` all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from deploy.private_dockerd import PrivateDockerd
from tests.e2e.agent import RunningAgent
from tests.e2e.host import Host
from tests.e2e.kill_lab import NOWHERE, KillLab, let_compose_finish, run_killed

SHARES = 20
"""All steps are dealt out to so many tests; the first of them is not slow."""
_SLOW = (pytest.mark.slow, pytest.mark.timeout(600))
_shares = pytest.mark.parametrize("share", [0, *(pytest.param(n, marks=_SLOW) for n in range(1, SHARES))])
_some_shares = pytest.mark.parametrize("share", [0, *(pytest.param(n, marks=_SLOW) for n in (3, 7, 12, 16))])
_numbers = count(1)


def _dealt(steps: Sequence[str], share: int) -> Iterator[str]:
    """Give the steps of one share."""
    return (step for number, step in enumerate(steps, 1) if number % SHARES == share)


# ── from one commit to the next ──────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, dockerd: PrivateDockerd) -> Iterator[KillLab]:
    """A host that stands at a commit, with a file in a volume."""
    lab = KillLab(Host(tmp_path_factory.mktemp("kill"), dockerd), f"kill{next(_numbers)}")
    lab.arrive()
    yield lab
    lab.host.clear(*lab.projects)


@pytest.fixture(scope="module")
def steps(lab: KillLab) -> list[str]:
    """The steps of a pass from one commit to the next."""
    lab.turn()
    steps = lab.killed(NOWHERE, "apply")
    assert lab.complaints() == []
    return steps


def test_every_kind_of_step_is_tried(steps: list[str]) -> None:
    """The way from commit to commit has all that a pass does to a host of stacks."""
    kinds = {" ".join(step.partition("/")[0].split(" ")[:2]) for step in steps}

    assert kinds > {
        "begin git", "amid git", "begin docker-compose", "amid docker-compose", "engine stop", "engine remove_container",
        "engine remove_network", "engine restart", "engine update", "replace app.conf", "replace compose.yaml",
        "unlink compose.yaml", "commit wanted", "commit start_run", "commit begin", "commit wrote_files", "commit made",
        "commit finish", "commit forget", "commit applied", "commit end_run", "end",
    }  # fmt: skip


@_shares
def test_an_apply_after_it_was_killed_puts_all_right(lab: KillLab, steps: list[str], share: int) -> None:
    """Killed before any step, status says nothing that is not so, and the next apply reaches what git says.

    Status is asked only once the run had begun: earlier it would do some of the work of the apply after it.
    """
    wrong = {}
    for step in _dealt(steps, share):
        lab.turn()
        reached = lab.killed(step, "apply")
        lab.let_compose_finish()
        lies = lab.dishonest() if any(one.startswith("commit start_run") for one in reached) else []
        wrong[f"before {step}"] = [*lies, *lab.complaints(lab.host.run("apply"))]
        assert reached[-1] == step

    assert {place: found for place, found in wrong.items() if found} == {}


@_some_shares
def test_an_agent_after_it_was_killed_puts_all_right(lab: KillLab, steps: list[str], share: int) -> None:
    """The same for an agent that is started again, while a compose run may still be under way."""
    wrong = {}
    for step in _dealt(steps, share):
        lab.turn()
        lab.killed(step, "run")
        with RunningAgent(lab.host) as agent:
            agent.until(lambda: lab.host.status()["revision"]["applied"] == lab.commit)
            agent.idle()
            wrong[f"before {step}"] = lab.complaints()

    assert {place: found for place, found in wrong.items() if found} == {}


# ── the first apply on a host ────────────────────────────────────────────────────────────────────


@_shares
def test_the_first_apply_of_a_host_may_be_killed(tmp_path: Path, dockerd: PrivateDockerd, share: int) -> None:
    """The state folder, its database, its key and the copy of the repository: half of them is as good as none."""
    compose = "services: {app: {image: 'app:1'}}\n"

    def fresh(step: str) -> tuple[Host, str, list[str]]:
        name = f"first{next(_numbers)}"
        host = Host(tmp_path / name, dockerd)
        host.push({f"stacks/{name}/compose.yaml": compose})
        return host, name, run_killed(host, step, "apply")

    host, name, steps = fresh(NOWHERE)
    host.clear(name)
    for step in _dealt(steps, share):
        host, name, _ = fresh(step)
        let_compose_finish(host)
        host.apply()
        assert list(host.containers(name)) == [f"{name}-app-1"], step
        assert host.actions() == [], step
        host.clear(name)


# ── settings of dockerd ──────────────────────────────────────────────────────────────────────────


def _managed(folder: Path, dockerd: PrivateDockerd) -> Host:
    by_pidfile = {"kind": "pidfile", "pidfile": str(dockerd.pidfile), "start": dockerd.command}
    return Host(folder, dockerd, daemon={"config_file": str(dockerd.config_file), "control": by_pidfile})


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("key", "values"),
    [("labels", (["a=1"], ["a=2"])), ("log-opts", ({"max-size": "1m"}, {"max-size": "2m"}))],
    ids=["reload", "restart"],
)
def test_settings_of_dockerd_are_reached_although_we_were_killed(
    tmp_path: Path, own_dockerd: Callable[..., PrivateDockerd], key: str, values: Sequence[object]
) -> None:
    """Killed before any step of a reload, or of a restart: dockerd runs, with the file that git wants, read by it."""
    dockerd = own_dockerd(config={"debug": True})
    host = _managed(tmp_path, dockerd)
    host.push({"daemon.json": json.dumps({key: values[1]})})
    steps = run_killed(host, NOWHERE, "apply")
    for turn, step in enumerate(steps):
        wanted = {key: values[turn % 2]}
        host.push({"daemon.json": json.dumps(wanted)})
        run_killed(host, step, "apply")
        dockerd.wait_ready()
        host.apply()
        assert json.loads(dockerd.config_file.read_text()) == {"debug": True, **wanted}, step
        assert host.actions() == [], step
        assert host.status()["daemon"]["sync"] == "Synced", step
