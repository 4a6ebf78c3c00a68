"""Bodies of the engine calls that mend a container in place, from the rendered service.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model import DesiredService, Document, Json
from reconciler.plan import normal_resources as resources
from reconciler.plan.compare import Difference
from reconciler.plan.normal_network import INTERFACE, container_name
from reconciler.plan.normal_process import restart_policy
from reconciler.plan.normal_scalars import cpus, number
from reconciler.plan.subject import mapping, text, texts
from reconciler.plan.world import World

_WITH_MEMORY = frozenset({"mem_limit", "memswap_limit"})


def update_resources(service: DesiredService, differences: Iterable[Difference]) -> Document:
    """Return the body of `/containers/{id}/update` that mends these differences; the engine leaves the rest as it is."""
    paths = {difference.path for difference in differences}
    # the engine refuses a first memory limit without one for memory and swap
    paths |= _WITH_MEMORY if paths & _WITH_MEMORY else set()
    wanted = _wanted(service.document)
    return {member: value for path, (member, value) in wanted.items() if path in paths}


def _wanted(document: Document) -> dict[str, tuple[str, Json]]:
    name, _, count = restart_policy(document).partition(":")
    return {
        "restart": ("RestartPolicy", {"Name": name, "MaximumRetryCount": int(count or 0)}),
        "mem_limit": ("Memory", resources.memory_limit(document) or 0),
        "memswap_limit": ("MemorySwap", resources.memory_and_swap(document) or 0),
        "mem_reservation": ("MemoryReservation", resources.memory_reservation(document) or 0),
        "cpus": ("NanoCpus", _nano_cpus(resources.cpu_limit(document))),
        "cpu_shares": ("CpuShares", number(document.get("cpu_shares")) or 0),
        "cpu_quota": ("CpuQuota", number(document.get("cpu_quota")) or 0),
        "cpu_period": ("CpuPeriod", number(document.get("cpu_period")) or 0),
        "cpuset": ("CpusetCpus", text(document.get("cpuset")) or ""),
        "pids_limit": ("PidsLimit", resources.process_limit(document) or 0),
    }


def _nano_cpus(stated: Json) -> int:
    found = cpus(stated)
    return round(found * 1e9) if isinstance(found, float) else 0


def endpoint_config(service: DesiredService, key: str, world: World, index: int | None = None) -> Document:
    """Return the `EndpointConfig` of `/networks/{id}/connect` for the network of this rendered key.

    `index` is the container's number, for its name among the aliases. A MAC address is left out: the engine loses it.
    """
    endpoint = mapping(mapping(service.document.get("networks")).get(key))
    own = [] if index is None else [container_name(service.document, world.project, service.name, index)]
    config: dict[str, Json] = {"Aliases": list(dict.fromkeys([*own, service.name, *texts(endpoint.get("aliases"))]))}
    if addresses := _addresses(endpoint):
        config["IPAMConfig"] = addresses
    if options := _driver_options(endpoint):
        config["DriverOpts"] = options
    if priority := number(endpoint.get("gw_priority")):
        config["GwPriority"] = priority
    return config


def _addresses(endpoint: Document) -> dict[str, Json]:
    found: dict[str, Json] = {
        "IPv4Address": text(endpoint.get("ipv4_address")),
        "IPv6Address": text(endpoint.get("ipv6_address")),
        "LinkLocalIPs": list[Json](texts(endpoint.get("link_local_ips"))),
    }
    return {member: value for member, value in found.items() if value}


def _driver_options(endpoint: Document) -> dict[str, Json]:
    options: dict[str, Json] = {name: text(value) for name, value in mapping(endpoint.get("driver_opts")).items()}
    if interface := text(endpoint.get("interface_name")):
        options[INTERFACE] = interface
    return options
