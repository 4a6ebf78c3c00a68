"""Give a plan its index: the same facts, the same index.

Room 3 (plan); may import only model, errors and its own room.

It covers the revision, the stacks' containers, networks and volumes by what identifies them, and all that was concluded
from everything else. Times, uptimes, health and other people's containers are not in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from reconciler.model import Action, Container, Desired, Held, Problem
from reconciler.plan.scene import Draft, Facts

_RUNNING = ("running", "restarting")


def plan_index(desired: Desired, facts: Facts, projects: Iterable[str], draft: Draft) -> str:
    """Return the digest of what the plan was made from; `projects` are those that were looked at."""
    digest = hashlib.sha256(desired.revision.commit.encode())
    for line in _lines(facts, sorted(set(projects)), draft):
        digest.update(b"\0" + line.encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _lines(facts: Facts, projects: Sequence[str], draft: Draft) -> Iterator[str]:
    for project in projects:
        for container in facts.containers.get(project, ()):
            yield _container(container)
        for network in facts.project_networks.get(project, ()):
            yield f"network {network.id} {network.name}"
    yield from map(_action, draft.actions)
    yield from map(_problem, draft.blocked)
    yield from map(_held, draft.held)


def _container(container: Container) -> str:
    state = "running" if container.state in _RUNNING else container.state
    exit_code = container.exit_code if state == "exited" else ""
    return f"container {container.id} {container.name} {state} {container.image_id} {exit_code}"


def _action(action: Action) -> str:
    params = json.dumps(action.params, sort_keys=True)
    return f"action {replace(action, id='', after=(), params={})!r} {params}"


def _problem(problem: Problem) -> str:
    return f"blocked {problem!r}"


def _held(held: Held) -> str:
    return f"held {replace(held, until=None)!r}"
