"""The steps of the demo's tour. Each yields what was really observed on the engine, or raises NotSeen."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from deploy.demo_stage import OWNED, NotSeen, Stage, wait_until

Step = Callable[[Stage], Iterator[str]]

_HEALTHY = ("clock-clock-1", "store-server-1", "web-api-1", "web-site-1")
_STATES = {**dict.fromkeys(_HEALTHY, "healthy"), "store-prepare-1": "exited 0"}


def expect(seen: object, what: str) -> None:
    """Raise NotSeen unless it was seen."""
    if not seen:
        raise NotSeen(what)


def agent_starts(stage: Stage) -> Iterator[str]:
    stage.reconciler("plan", expect=2)
    expect(not stage.containers(), "a plan changes nothing")
    begun = time.time()
    stage.agent.start()
    wait_until(lambda: _states(stage) == _STATES and _is_good(stage))
    expect(_states(stage) == _STATES, f"five containers in order; there are {_states(stage)}")
    yield f"the agent made them all in {time.time() - begun:.1f} s: {_told(_states(stage))}"
    yield f"the site answers: {stage.greeting()}"
    logging = stage.containers()["web-site-1"]["HostConfig"]["LogConfig"]["Config"]
    expect(
        logging == {"max-file": "3", "max-size": "10m"},
        f"the engine runs with daemon.json; containers log with {logging}",
    )
    expect(stage.engine.info()["Labels"] == OWNED, "the engine has the label that belongs to the system")
    yield f"containers log with {logging}, as daemon.json says, and the engine has the system's labels {OWNED}"
    stage.reconciler("why", "store", expect=0)


def second_plan(stage: Stage) -> Iterator[str]:
    before = stage.lives()
    stage.reconciler("plan", expect=0)
    stage.reconciler("apply", expect=0)
    expect(stage.lives() == before, "no container was touched")
    yield "an empty plan, and no container was touched by an apply"


def pushed_change(stage: Stage) -> Iterator[str]:
    before = stage.lives()
    _edit_greeting(stage, "good morning")
    begun = stage.push("A friendlier greeting")
    expect(wait_until(lambda: _differs(stage, "web-api-1", before)), "web-api-1 is a new container, and runs")
    yield f"web-api-1 runs anew {_started(stage, 'web-api-1') - begun:.2f} s after the push began"
    expect(wait_until(lambda: _is_good(stage)), "the host is as git says")
    changed = _differing(before, stage.lives())
    expect(changed == ["web-api-1"], f"only web-api-1 is new; differing: {changed}")
    yield "the other containers have their ids and start times of before"
    expect("good morning" in stage.greeting(), "the site hands on the new greeting")
    yield f"the site answers: {stage.greeting()}"
    stage.reconciler("why", "web/api", expect=0)


def removed_container(stage: Stage) -> Iterator[str]:
    before = stage.lives()
    stage.engine.remove_container("web-site-1", force=True)
    begun = time.time()
    expect(wait_until(lambda: _differs(stage, "web-site-1", before)), "web-site-1 is back, and runs")
    yield f"after `docker rm -f web-site-1` it ran again within {_started(stage, 'web-site-1') - begun:.2f} s"
    expect(wait_until(lambda: _is_good(stage)), "the host is as git says")
    stage.reconciler("why", "web-site-1", expect=0)


def changed_field(stage: Stage) -> Iterator[str]:
    before, begun = stage.lives(), time.time()
    stage.engine.update_container("web-site-1", restart_policy={"Name": "no"})
    expect(wait_until(lambda: _restart_policy(stage) == "unless-stopped"), "the restart policy is back")
    seconds = time.time() - begun
    expect(wait_until(lambda: _is_good(stage)), "the host is as git says")
    repaired: Any = stage.agent.desk.why("web/site")["repaired"]
    paths = [field["path"] for field in repaired["fields"]]
    expect(paths == ["restart"] and repaired["because"] == "drift", f"`restart` is named as drift; it says {repaired}")
    expect(stage.lives() == before, "nothing was restarted for it")
    yield f"the restart policy set to `no` by hand was `unless-stopped` again {seconds:.2f} s later"
    yield "the field is named, and nothing was restarted for it"
    stage.reconciler("why", "web/site", expect=0)


def stopped_by_hand(stage: Stage) -> Iterator[str]:
    stage.engine.stop("store-server-1")
    expect(wait_until(lambda: _held(stage, "store")), "the agent leaves it alone, and says so")
    held = _held(stage, "store")
    until = datetime.fromisoformat(held["until"]).astimezone()
    yield f"after `docker stop store-server-1` it is left so until {until:%H:%M:%S}: {held['note']}"
    stage.reconciler("why", "store/server", expect=0)
    expect(_states(stage)["store-server-1"].startswith("exited"), "it is still stopped")
    stage.reconciler("apply", expect=0)
    expect(_states(stage) == _STATES, f"it runs again; there are {_states(stage)}")
    yield "a person's `reconciler apply` does not wait: it runs"


def owned_key(stage: Stage) -> Iterator[str]:
    file = stage.dockerd.config_file
    file.write_text(json.dumps({**json.loads(file.read_text()), "labels": ["mine=all-mine"]}))
    begun = time.time()
    os.kill(stage.dockerd.pid, signal.SIGHUP)
    expect(wait_until(lambda: _labels(stage) == (OWNED, OWNED)), f"both have it back; they have {_labels(stage)}")
    yield f"`labels` was edited by hand; file and engine say {OWNED} again {time.time() - begun:.2f} s after its reload"
    expect(wait_until(lambda: _is_good(stage)), "the host is as git says")
    stage.reconciler("why", "labels", expect=0)


def killed_midway(stage: Stage) -> Iterator[str]:
    before = stage.lives()
    _edit_greeting(stage, "good evening")
    stage.push("A later greeting")
    command = stage.agent.kill_during_compose()
    yield f"SIGKILL hit the agent while it ran compose {' '.join(command[command.index('up') :]).strip()}"
    begun = time.time()
    stage.agent.start()
    expect(wait_until(lambda: _is_good(stage) and _states(stage) == _STATES), f"all is well; {_states(stage)}")
    expect("good evening" in stage.greeting(), "the site hands on the new greeting")
    yield f"started again, it was as git says {time.time() - begun:.1f} s later; the site answers: {stage.greeting()}"
    yield f"new since the push: {', '.join(_differing(before, stage.lives()))}; none is double, none is missing"
    stage.reconciler("why", "web/api", expect=0)


def removed_stack(stage: Stage) -> Iterator[str]:
    shutil.rmtree(stage.copy / "stacks/clock")
    shutil.rmtree(stage.copy / "roles")
    begun = stage.push("The clock is no longer needed")
    expect(wait_until(lambda: "clock_default" not in _networks(stage)), "its network is gone")
    expect("clock-clock-1" not in stage.containers(), "its container is gone")
    seconds = time.time() - begun
    volumes = [each["Name"] for each in stage.engine.volumes()["Volumes"]]
    expect("clock_journal" in volumes, "its volume is still there")
    yield f"container and network of `clock` are gone {seconds:.1f} s after the push, the volume clock_journal is still there"
    expect(wait_until(lambda: _is_good(stage)), "the host is as git says")
    stage.reconciler("why", "clock", expect=0)


TOUR: Sequence[tuple[str, Step]] = (
    ("A first plan; the agent starts, and carries it out", agent_starts),
    ("A second plan is empty", second_plan),
    ("A pushed change redeploys just its service", pushed_change),
    ("A container that is removed by hand is put back", removed_container),
    ("A field changed behind our back is named and repaired", changed_field),
    ("A container that is stopped by hand is left so for a while", stopped_by_hand),
    ("An owned key of daemon.json, edited by hand, is put back", owned_key),
    ("An agent that is killed in the middle goes on where it was", killed_midway),
    ("A stack gone from git is removed, its volume is kept", removed_stack),
)


# ── what is there ────────────────────────────────────────────────────────────────────────────────


def _is_good(stage: Stage) -> bool:
    """Tell whether all is as git says, and the agent has found that out by itself."""
    status = stage.status()
    stacks, daemon = status["stacks"].values(), status["daemon"]
    good = all((one["sync"], one["operation"]) == ("Synced", "Idle") and one["health"] == "Healthy" for one in stacks)
    head = (stage.folder / "home.git/refs/heads/main").read_text().strip()
    return bool(stacks and good and daemon["sync"] == "Synced" and status["revision"]["applied"] == head)


def _states(stage: Stage) -> dict[str, str]:
    return {name: _state(each["State"]) for name, each in sorted(stage.containers().items())}


def _state(state: Any) -> str:
    if state["Running"]:
        return str(state.get("Health", {}).get("Status", "running"))
    return f"{state['Status']} {state['ExitCode']}"


def _told(states: dict[str, str]) -> str:
    return ", ".join(f"{name} {state}" for name, state in states.items())


def _differs(stage: Stage, name: str, before: dict[str, tuple[str, str]]) -> bool:
    """Tell whether a container is another one than before, and runs."""
    found = stage.containers().get(name)
    return bool(found and found["State"]["Running"] and found["Id"] != before[name][0])


def _differing(before: dict[str, tuple[str, str]], after: dict[str, tuple[str, str]]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def _started(stage: Stage, name: str) -> float:
    """Return when a container started, by the engine's own word, in seconds since 1970."""
    return datetime.fromisoformat(stage.containers()[name]["State"]["StartedAt"]).timestamp()


def _restart_policy(stage: Stage) -> str:
    return str(stage.containers()["web-site-1"]["HostConfig"]["RestartPolicy"]["Name"])


def _labels(stage: Stage) -> tuple[Any, Any]:
    """Return the owned key as daemon.json has it, and as the engine does."""
    return json.loads(stage.dockerd.config_file.read_text()).get("labels"), stage.engine.info()["Labels"]


def _networks(stage: Stage) -> list[str]:
    return [each["Name"] for each in stage.engine.networks()]


def _held(stage: Stage, stack: str) -> Any:
    """Return what the agent says of the one thing of a stack that it leaves alone, None when there is none."""
    return next((one for one in stage.status()["stacks"][stack]["held"] if one["until"]), None)


def _edit_greeting(stage: Stage, words: str) -> None:
    compose = stage.copy / "stacks/web/compose.yaml"
    lines = compose.read_text().splitlines()
    compose.write_text("".join(f"      GREETING: {words}\n" if "GREETING: " in line else f"{line}\n" for line in lines))
