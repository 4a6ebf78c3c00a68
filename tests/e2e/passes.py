"""One bad commit seen from all sides: what is there before, what each command says of it, what is there afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.host import Host, Said

Ids = Mapping[str, Mapping[str, str]]


def app(*lines: str, image: str = "app:1", command: str = "[sleep, '1000']") -> str:
    """Write a compose file of one service; `lines` are more keys of it, from line 6 on."""
    head = f"services:\n  app:\n    image: {image}\n    init: true\n    command: {command}\n"
    return head + "".join(f"    {line}\n" for line in lines)


@dataclass(frozen=True)
class Pass:
    """What a plan, an apply and a status said of one revision; `before` and `after` are the containers by project."""

    host: Host
    before: Ids
    after: Ids
    plan: Mapping[str, Any]
    shown: Said
    applied: Said
    status: Mapping[str, Any]
    told: Said

    @property
    def report(self) -> Any:
        return self.applied.json()

    def blocked(self, stack: str) -> list[Mapping[str, Any]]:
        """Return what blocks a stack, as the plan has it."""
        targets = (f"stack/{stack}", f"stack/{stack}/")
        return [p for p in self.plan["blocked"] if p["target"] == targets[0] or p["target"].startswith(targets[1])]

    def running(self, project: str) -> bool:
        """Look at the engine: whether the project has containers, and all of them run."""
        found = self.host.containers(project).values()
        return bool(found) and all(container["State"]["Running"] for container in found)


def carry_out(host: Host, projects: list[str]) -> Pass:
    """Plan, apply and look at the status of what was pushed last."""
    before = {project: host.ids(project) for project in projects}
    plan, shown, applied = host.plan(), host.run("plan"), host.run("apply", "--json")
    status, told = host.status(), host.run("status")
    after = {project: host.ids(project) for project in projects}
    return Pass(host, before, after, plan, shown, applied, status, told)
