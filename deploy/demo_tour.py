"""The steps of the demo's tour. Each yields what was really observed on the engine, or raises NotSeen."""

from __future__ import annotations

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from deploy.demo_stage import OWNED, NotSeen, Stage, wait_until

Step = Callable[[Stage], Iterator[str]]


def expect(seen: object, what: str) -> None:
    """Raise NotSeen unless it was seen."""
    if not seen:
        raise NotSeen(what)


def first_apply(stage: Stage) -> Iterator[str]:
    stage.reconciler("plan", expect=2)
    expect(not stage.containers(), "a plan changes nothing")
    stage.reconciler("apply", expect=0)
    states = {name: _state(each) for name, each in stage.containers().items()}
    good = {"store-server-1": "healthy", "web-api-1": "healthy", "web-site-1": "healthy", "clock-clock-1": "healthy"}
    expect(states == {**good, "store-prepare-1": "exited 0"}, f"five containers in order; there are {states}")
    yield ", ".join(f"{name} {state}" for name, state in sorted(states.items()))
    yield f"the site answers: {stage.greeting()}"
    logging = stage.containers()["web-site-1"]["HostConfig"]["LogConfig"]["Config"]
    expect(
        logging == {"max-file": "3", "max-size": "10m"},
        f"the engine runs with daemon.json; containers log with {logging}",
    )
    expect(stage.engine.info()["Labels"] == OWNED, "the engine has the label that belongs to the system")
    yield f"containers log with {logging}, as daemon.json says, and the engine has the system's labels {OWNED}"


def second_plan(stage: Stage) -> Iterator[str]:
    before = stage.lives()
    stage.reconciler("plan", expect=0)
    stage.reconciler("apply", expect=0)
    expect(stage.lives() == before, "no container was touched")
    yield "an empty plan, and no container was touched by a second apply"


def pushed_change(stage: Stage) -> Iterator[str]:
    before = stage.lives()
    compose = stage.copy / "stacks/web/compose.yaml"
    compose.write_text(compose.read_text().replace("GREETING: hello", "GREETING: good morning"))
    stage.push("A friendlier greeting")
    stage.reconciler("plan", expect=2)
    stage.reconciler("apply", expect=0)
    after = stage.lives()
    expect(_differing(before, after) == ["web-api-1"], f"only web-api-1 is new; differing: {_differing(before, after)}")
    yield "web-api-1 is a new container; the others have their ids and start times of before"
    expect("good morning" in stage.greeting(), "the site hands on the new greeting")
    yield f"the site answers: {stage.greeting()}"


def changed_field(stage: Stage) -> Iterator[str]:
    before = stage.lives()
    stage.engine.update_container("web-site-1", restart_policy={"Name": "no"})
    action = _only_action(stage, "stack/web/service/site")
    paths = [field["path"] for field in action["fields"]]
    expect(paths == ["restart"] and action["because"] == "drift", f"the plan names `restart` as drift; it has {action}")
    stage.reconciler("plan", expect=2)
    stage.reconciler("apply", expect=0)
    policy = stage.containers()["web-site-1"]["HostConfig"]["RestartPolicy"]["Name"]
    expect(policy == "unless-stopped", f"the restart policy is back; it is {policy}")
    expect(stage.lives() == before, "nothing was restarted for it")
    yield "the restart policy set to `no` by hand was named, and is `unless-stopped` again; nothing was restarted for it"


def owned_key(stage: Stage) -> Iterator[str]:
    file = stage.dockerd.config_file
    file.write_text(json.dumps({**json.loads(file.read_text()), "labels": ["mine=all-mine"]}))
    os.kill(stage.dockerd.pid, signal.SIGHUP)
    expect(wait_until(lambda: stage.engine.info()["Labels"] == ["mine=all-mine"]), "the engine took the edited file")
    action = _only_action(stage, "daemon/labels")
    expect(action["because"] == "drift", f"the plan calls it drift; it has {action}")
    stage.reconciler("plan", expect=2)
    stage.reconciler("apply", expect=0)
    held, used = json.loads(file.read_text())["labels"], stage.engine.info()["Labels"]
    expect(held == used == OWNED, f"the file and the engine have it back; they have {held} and {used}")
    yield f"`labels` was edited by hand; the file and the running engine say {OWNED} again"


def removed_stack(stage: Stage) -> Iterator[str]:
    shutil.rmtree(stage.copy / "stacks/clock")
    shutil.rmtree(stage.copy / "roles")
    stage.push("The clock is no longer needed")
    stage.reconciler("plan", expect=2)
    stage.reconciler("apply", expect=0)
    expect("clock-clock-1" not in stage.containers(), "its container is gone")
    networks = [each["Name"] for each in stage.engine.networks()]
    expect("clock_default" not in networks, "its network is gone")
    volumes = [each["Name"] for each in stage.engine.volumes()["Volumes"]]
    expect("clock_journal" in volumes, "its volume is still there")
    yield "the container and the network of `clock` are gone, the volume clock_journal is still there"


TOUR: Sequence[tuple[str, Step]] = (
    ("A first plan, and its apply", first_apply),
    ("A second plan is empty", second_plan),
    ("A pushed change redeploys just its service", pushed_change),
    ("A field changed behind our back is named and repaired", changed_field),
    ("An owned key of daemon.json, edited by hand, is put back", owned_key),
    ("A stack gone from git is removed, its volume is kept", removed_stack),
)


def _state(container: Any) -> str:
    state = container["State"]
    if state["Running"]:
        return str(state.get("Health", {}).get("Status", "running"))
    return f"{state['Status']} {state['ExitCode']}"


def _differing(before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _only_action(stage: Stage, target: str) -> Any:
    actions = stage.plan()["actions"]
    expect([each["target"] for each in actions] == [target], f"a plan with {target} alone; it has {actions}")
    return actions[0]
