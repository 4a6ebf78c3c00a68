"""Words that scenarios tell their story with: what would be done, and that a host has come to rest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tests.e2e.host import Host


def steps(host: Host) -> list[str]:
    """Return what would be done, as `kind object (because)`."""
    return [f"{a['kind']} {a['object']} ({a['because']})" for a in host.plan()["actions"]]


def blocked(host: Host) -> list[str]:
    """Return what cannot be done, as `target reason`."""
    return [f"{b['target']} {b['reason']}" for b in host.plan()["blocked"]]


def settle(host: Host, *projects: str) -> dict[str, str]:
    """Apply, insist that nothing is left to do, and return the ids of the projects' containers by name."""
    host.apply()
    assert host.run("plan").out == "No changes.\n"
    return ids(host, *projects)


def ids(host: Host, *projects: str) -> dict[str, str]:
    """Return the ids of the projects' containers by name."""
    return {name: found for project in projects for name, found in host.ids(project).items()}


def kept(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    """Name the containers that are still the same."""
    return {name for name, found in after.items() if before.get(name) == found}


def started(host: Host, name: str) -> datetime:
    """Return when a container was started last."""
    return datetime.fromisoformat(host.api.inspect_container(name)["State"]["StartedAt"])


def shell(host: Host, name: str, command: str) -> str:
    """Run a command in a container and return what it says."""
    call = host.api.exec_create(name, ["sh", "-c", command])
    said: bytes = host.api.exec_start(call)
    return said.decode()
