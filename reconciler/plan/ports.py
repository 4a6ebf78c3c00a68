"""Find host ports that two want.

Room 3 (plan); may import only model, errors and its own room.

Who runs with a port keeps it. Of two that are both new, neither gets it: a plan must not depend on the alphabet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from reconciler.model import Container, DesiredService, DesiredStack, Listener, Position, Problem
from reconciler.plan.handover import Wish
from reconciler.plan.rendered import replicas
from reconciler.plan.scene import Facts
from reconciler.plan.subject import items, mapping

_UP = ("running", "paused", "restarting")
_ANY_V4 = frozenset({"", "0.0.0.0"})  # noqa: S104 - compared, not bound
_ANY_V6 = frozenset({"", "::"})


@dataclass(frozen=True, slots=True)
class Claim:
    """A service that wants one host port, and the containers of it that have that port now, by id."""

    stack: str
    service: str
    address: str
    port: int
    protocol: str
    position: Position | None
    holders: frozenset[str] = frozenset()

    @property
    def holds(self) -> bool:
        return bool(self.holders)

    @property
    def key(self) -> tuple[int, str]:
        return (self.port, self.protocol)

    @property
    def who(self) -> str:
        return f"stack/{self.stack}/service/{self.service}"


def overlaps(one: str, other: str) -> bool:
    """Tell whether two listening addresses collide; `""` is every address of both families."""
    one, other = one.strip("[]"), other.strip("[]")
    if one == other or "" in (one, other):
        return True
    for any_address, colon in ((_ANY_V4, False), (_ANY_V6, True)):
        if (one in any_address and (":" in other) is colon) or (other in any_address and (":" in one) is colon):
            return True
    return False


def taken_ports(
    stacks: Sequence[DesiredStack],
    facts: Facts,
    mine: Mapping[str, Sequence[Container]],
    leaving: Collection[str] = frozenset(),
) -> tuple[list[Problem], list[Wish]]:
    """Return a problem for every port that a service wants and cannot have, and a wish for every one that it is to get.

    `mine` are each stack's own containers, `leaving` the ids of those that the plan ends.
    """
    by_port: dict[tuple[int, str], list[Claim]] = {}
    for stack in stacks:
        for claim in _claims(stack, mine.get(stack.name, ())):
            by_port.setdefault(claim.key, []).append(claim)
    holders = _holders(facts, by_port)
    listeners = _listeners(facts, by_port)
    problems: list[Problem] = []
    wishes: list[Wish] = []
    for key in sorted(by_port):
        rightful = {holder for claim in by_port[key] for holder in claim.holders}
        others = [found for found in holders.get(key, ()) if found[1].id not in rightful]
        stay = [(address, f"container {one.name}") for address, one in others if one.id not in leaving]
        problems += _rivals(by_port[key])
        problems += _others(by_port[key], stay, listeners.get(key, ()))
        wishes += _wishes(by_port[key], [found for found in others if found[1].id in leaving])
    return problems, wishes


def _claims(stack: DesiredStack, containers: Sequence[Container]) -> Iterator[Claim]:
    held = [
        (container, port) for container in containers if container.state in _UP for port in container.ports
    ]  # fmt: skip
    for service in stack.services:
        if not service.document.get("ports") or replicas(service) == 0:
            continue
        position = service.positions.get("ports") or service.positions.get("") or stack.position
        for address, port, protocol in published(service):
            holders = frozenset(
                container.id
                for container, shown in held
                if container.service == service.name
                and (shown.port, shown.protocol) == (port, protocol)
                and overlaps(shown.address, address)
            )
            yield Claim(stack.name, service.name, address, port, protocol, position, holders)


def published(service: DesiredService) -> Iterator[tuple[str, int, str]]:
    """Yield address, host port and protocol of what a service wants; of a range the engine takes any free one: not yielded."""
    for entry in map(mapping, items(service.document.get("ports"))):
        wanted = str(entry.get("published") or "")
        if wanted.isdigit() and wanted != "0":
            yield str(entry.get("host_ip") or ""), int(wanted), str(entry.get("protocol") or "tcp")


def too_many_for_one_port(stack: DesiredStack) -> Iterator[Problem]:
    """Find services that want several containers behind one host port."""
    for service in stack.services:
        if replicas(service) > 1:
            position = service.positions.get("ports") or stack.position
            for address, port, protocol in published(service):
                claim = Claim(stack.name, service.name, address, port, protocol, position)
                yield _problem(claim, "the service's other containers")


def _rivals(claims: Sequence[Claim]) -> Iterator[Problem]:
    for one, other in combinations(claims, 2):
        if overlaps(one.address, other.address):
            if not one.holds or other.holds:
                yield _problem(one, other.who)
            if not other.holds or one.holds:
                yield _problem(other, one.who)


def _others(
    claims: Sequence[Claim], strangers: Iterable[tuple[str, str]], listeners: Iterable[Listener]
) -> Iterator[Problem]:
    for claim in claims:
        if claim.holds:
            continue
        owners = [who for address, who in strangers if overlaps(address, claim.address)]
        if not owners:
            owners = [_process(found) for found in listeners if overlaps(found.address, claim.address)]
        if owners:
            yield _problem(claim, owners[0])


def _wishes(claims: Sequence[Claim], holders: Sequence[tuple[str, Container]]) -> Iterator[Wish]:
    for claim in claims:
        for address, container in holders:
            if not claim.holds and overlaps(address, claim.address):
                problem = _problem(claim, f"container {container.name}")
                yield Wish(claim.stack, claim.service, container.id, problem)


def _process(listener: Listener) -> str:
    return listener.owner or "another process"


def _holders(
    facts: Facts, wanted: Mapping[tuple[int, str], object]
) -> dict[tuple[int, str], list[tuple[str, Container]]]:
    """Return, by port, the containers that have it, each with the address."""
    found: dict[tuple[int, str], list[tuple[str, Container]]] = {}
    for container in facts.names.values():
        for port in container.ports if container.state in _UP else ():
            if (port.port, port.protocol) in wanted:
                found.setdefault((port.port, port.protocol), []).append((port.address, container))
    return found


def _listeners(facts: Facts, wanted: Mapping[tuple[int, str], object]) -> dict[tuple[int, str], list[Listener]]:
    """Return, by port, the processes that listen, without those that listen on behalf of a container."""
    proxied = {
        (port.port, port.protocol)
        for container in facts.observed.containers
        if container.state in _UP
        for port in container.ports
    }
    found: dict[tuple[int, str], list[Listener]] = {}
    for listener in facts.observed.listeners:
        key = (listener.port, listener.protocol)
        if key in wanted and key not in proxied:
            found.setdefault(key, []).append(listener)
    return found


def _problem(claim: Claim, owner: str) -> Problem:
    shown = f"{claim.address}:{claim.port}" if claim.address else str(claim.port)
    return Problem(
        claim.who,
        "PortTaken",
        "port-taken",
        {"port": f"{shown}/{claim.protocol}", "owner": owner, "service": claim.who},
    ).at(claim.position)
