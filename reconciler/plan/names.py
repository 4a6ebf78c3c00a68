"""Find container names that two want.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations

from reconciler.model import Container, DesiredService, DesiredStack, Problem
from reconciler.plan.handover import Wish
from reconciler.plan.rendered import container_names, replicas
from reconciler.plan.scene import Facts


def taken_names(
    stacks: Sequence[DesiredStack],
    facts: Facts,
    mine: Mapping[str, Sequence[Container]],
    leaving: Collection[str] = frozenset(),
) -> tuple[list[Problem], list[Wish]]:
    """Return a problem for every container name that a service wants and cannot have, and a wish for those it is to get.

    Who has a name keeps it. `leaving` are the ids of containers that the plan ends or calls otherwise.
    """
    wanted: dict[str, list[tuple[DesiredStack, DesiredService, bool]]] = {}
    owner = {container.id: name for name, containers in mine.items() for container in containers}
    for stack in stacks:
        for service in stack.services:
            for name in container_names(stack.project, service):
                holder = facts.names.get(name)
                holds = holder is not None and owner.get(holder.id) == stack.name and holder.service == service.name
                wanted.setdefault(name, []).append((stack, service, holds))
    problems: list[Problem] = []
    wishes: list[Wish] = []
    for name in sorted([name for name, claims in wanted.items() if not _is_settled(claims)]):
        claims, holder = wanted[name], facts.names.get(name)
        problems += _rivals(name, claims)
        if holder is None or any(holds for _, _, holds in claims):
            continue
        taken = [_problem(stack, service, name, f"container {holder.id[:12]}") for stack, service, _ in claims]
        if holder.id not in leaving:
            problems += taken
        else:
            wishes += [
                Wish(stack.name, service.name, holder.id, problem, is_name=True)
                for (stack, service, _), problem in zip(claims, taken, strict=True)
            ]
    return problems, wishes


def _is_settled(claims: Sequence[tuple[DesiredStack, DesiredService, bool]]) -> bool:
    """Tell whether one service alone wants a name and has it, as most do."""
    return len(claims) == 1 and claims[0][2]


def too_many_for_one_name(stack: DesiredStack) -> Iterator[Problem]:
    """Find services that want several containers under one `container_name`."""
    for service in stack.services:
        name = service.document.get("container_name")
        if name and replicas(service) > 1:
            yield _problem(stack, service, str(name), "the service's other containers")


def _rivals(name: str, claims: Sequence[tuple[DesiredStack, DesiredService, bool]]) -> Iterator[Problem]:
    for (stack, service, holds), (other_stack, other, other_holds) in combinations(claims, 2):
        if service is other:
            continue
        if not holds:
            yield _problem(stack, service, name, f"stack/{other_stack.name}/service/{other.name}")
        if not other_holds:
            yield _problem(other_stack, other, name, f"stack/{stack.name}/service/{service.name}")


def _problem(stack: DesiredStack, service: DesiredService, name: str, owner: str) -> Problem:
    position = service.positions.get("container_name") or service.positions.get("") or stack.position
    return Problem(
        f"stack/{stack.name}/service/{service.name}",
        "NameTaken",
        "name-taken",
        {"name": name, "owner": owner},
    ).at(position)
