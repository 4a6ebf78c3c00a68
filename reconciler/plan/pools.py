"""Find out whether the engine still has subnets for the networks that are to be made.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from ipaddress import IPv4Network, ip_network
from itertools import islice

from reconciler.model import Action, DesiredObject, DesiredStack, Observed, Problem
from reconciler.plan.subject import items, mapping


def exhausted_pools(stacks: Sequence[DesiredStack], actions: Sequence[Action], observed: Observed) -> list[Problem]:
    """Return a problem for every network to be made that no subnet is left for; `stacks` come in the order of the plan."""
    wanted = _wanted(stacks, actions)
    if not wanted:
        return []
    free = len(list(islice(free_subnets(observed), len(wanted))))
    return [_problem(stack, network) for stack, network in wanted[free:]]


def free_subnets(observed: Observed) -> Iterator[tuple[int, int]]:
    """Yield first and last address of every subnet that neither a network nor a route of the host uses."""
    used = _merge(_used(observed))
    starts = [start for start, _ in used]
    ends = [end for _, end in used]
    for pool in observed.engine.pools:
        base = ip_network(pool.base, strict=False)
        if isinstance(base, IPv4Network):
            yield from (s for s in _cut(base, pool.size) if bisect_right(starts, s[1]) == bisect_left(ends, s[0]))


def _cut(base: IPv4Network, size: int) -> Iterator[tuple[int, int]]:
    first, last = int(base.network_address), int(base.broadcast_address)
    step = 1 << (32 - size)
    return ((start, start + step - 1) for start in range(first, last + 1, step))


def _used(observed: Observed) -> Iterator[tuple[int, int]]:
    for text in _taken(observed):
        network = ip_network(text, strict=False)
        # the default route is no claim to every address
        if isinstance(network, IPv4Network) and network.prefixlen > 0:
            yield int(network.network_address), int(network.broadcast_address)


def _taken(observed: Observed) -> Iterator[str]:
    yield from observed.routes
    for network in observed.networks:
        for config in map(mapping, items(mapping(network.document.get("IPAM")).get("Config"))):
            if subnet := config.get("Subnet"):
                yield str(subnet)


def _merge(ranges: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _wanted(stacks: Sequence[DesiredStack], actions: Sequence[Action]) -> list[tuple[DesiredStack, DesiredObject]]:
    made = {action.target for action in actions if action.kind == "create" and action.because != "cascade"}
    by_target: Mapping[str, tuple[DesiredStack, DesiredObject]] = {
        f"stack/{stack.name}/network/{network.key}": (stack, network) for stack in stacks for network in stack.networks
    }
    return [found for target, found in by_target.items() if target in made and _takes_one(found[1])]


def _takes_one(network: DesiredObject) -> bool:
    ipam = mapping(network.document.get("ipam"))
    has_own = any(mapping(config).get("subnet") for config in items(ipam.get("config")))
    return (
        not has_own
        and not ipam.get("driver")
        and str(network.document.get("driver") or "bridge") in ("bridge", "macvlan")
    )


def _problem(stack: DesiredStack, network: DesiredObject) -> Problem:
    place = network.position or stack.position  # the default network is written nowhere
    return Problem(
        f"stack/{stack.name}/network/{network.key}",
        "PoolsExhausted",
        "pools-exhausted",
        {"name": network.name},
    ).at(place)
