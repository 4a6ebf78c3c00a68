"""Find host ports that two want.

Room 3 (plan); may import only model, errors and its own room.

Who runs with a port keeps it. Of two that are both new, neither gets it: a plan must not depend on the alphabet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from reconciler.model import Container, DesiredService, DesiredStack, Listener, Position, Problem
from reconciler.plan.rendered import replicas
from reconciler.plan.scene import Facts
from reconciler.plan.subject import items, mapping

_ANY_V4 = frozenset({"", "0.0.0.0"})  # noqa: S104 - compared, not bound
_ANY_V6 = frozenset({"", "::"})


@dataclass(frozen=True, slots=True)
class Claim:
    """A service that wants one host port, and whether a container of it has that port now."""

    stack: str
    service: str
    address: str
    port: int
    protocol: str
    position: Position | None
    holds: bool = False

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


def taken_ports(stacks: Sequence[DesiredStack], facts: Facts, mine: Mapping[str, Sequence[Container]]) -> list[Problem]:
    """Return a problem for every port that a service wants and cannot have; `mine` are each stack's own containers."""
    claims = [claim for stack in stacks for claim in _claims(stack, mine.get(stack.name, ()))]
    by_port: dict[tuple[int, str], list[Claim]] = {}
    for claim in claims:
        by_port.setdefault(claim.key, []).append(claim)
    own = {container.id for containers in mine.values() for container in containers}
    strangers = _strangers(facts, own, by_port)
    listeners = _listeners(facts, by_port)
    problems: list[Problem] = []
    for key in sorted(by_port):
        problems += _rivals(by_port[key])
        problems += _others(by_port[key], strangers.get(key, ()), listeners.get(key, ()))
    return problems


def _claims(stack: DesiredStack, containers: Sequence[Container]) -> Iterator[Claim]:
    held = {
        (container.service, port.address, port.port, port.protocol)
        for container in containers
        if container.state in ("running", "paused", "restarting")
        for port in container.ports
    }
    for service in stack.services:
        if replicas(service) == 0:
            continue
        position = service.positions.get("ports") or service.positions.get("") or stack.position
        for address, port, protocol in published(service):
            holds = any(
                s == service.name and p == port and proto == protocol and overlaps(a, address)
                for s, a, p, proto in held
            )
            yield Claim(stack.name, service.name, address, port, protocol, position, holds)


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


def _process(listener: Listener) -> str:
    return listener.owner or "another process"


def _strangers(
    facts: Facts, own: set[str], wanted: Mapping[tuple[int, str], object]
) -> dict[tuple[int, str], list[tuple[str, str]]]:
    """Return, by port, the containers that hold it and are none of the stacks' own."""
    found: dict[tuple[int, str], list[tuple[str, str]]] = {}
    for container in facts.observed.containers:
        if container.id in own or container.state not in ("running", "paused", "restarting"):
            continue
        for port in container.ports:
            if (port.port, port.protocol) in wanted:
                who = f"container {container.name}"
                found.setdefault((port.port, port.protocol), []).append((port.address, who))
    return found


def _listeners(facts: Facts, wanted: Mapping[tuple[int, str], object]) -> dict[tuple[int, str], list[Listener]]:
    """Return, by port, the processes that listen, without those that listen on behalf of a container."""
    proxied = {
        (port.port, port.protocol)
        for container in facts.observed.containers
        if container.state in ("running", "paused", "restarting")
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
        claim.position.file if claim.position else None,
        claim.position.line if claim.position else None,
    )
