"""Normal forms of how a container is connected: networks, network mode, links.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from reconciler.model import Document, Json
from reconciler.plan.normal_scalars import address, hardware_address, number
from reconciler.plan.subject import (
    EMPTY,
    UNKNOWN,
    Normal,
    Subject,
    Value,
    mapping,
    single,
    text,
    texts,
)
from reconciler.plan.world import EngineNetwork

PREDEFINED = frozenset({"bridge", "host", "none"})
_SYSCTLS = "com.docker.network.endpoint.sysctls"
INTERFACE = "com.docker.network.endpoint.ifname"


@lru_cache(maxsize=64)
def version(value: str) -> tuple[int, ...]:
    """Return `1.45` or `2.26.1` as numbers to compare; nothing is older than anything."""
    return tuple(int(part) for part in re.findall(r"\d+", value)[:3])


def made_by(subject: Subject) -> tuple[int, ...]:
    """Return the version of the compose that made the container."""
    return version(subject.container.labels.get("com.docker.compose.version", "") if subject.container else "")


def container_name(document: Document, project: str, service: str, index: int) -> str:
    """Return the name compose gives a container; `index` is its number."""
    return text(document.get("container_name")) or f"{project}-{service}-{index}"


# ── network mode, pid, ipc ───────────────────────────────────────────────────────────────────────


def shared(mode: Json, shown: Json, subject: Subject) -> str | None:
    """Return the engine's `container:<id>` in the service's words when it is the container meant there."""
    found = text(shown)
    if found is None or not found.startswith("container:"):
        return found
    identity, wanted = found.removeprefix("container:"), text(mode) or ""
    kind, _, name = wanted.partition(":")
    if kind == "service" and identity in subject.world.peers.get(name, ()):
        return wanted
    if kind == "container" and identity in {name, subject.world.containers.get(name)}:
        return wanted
    return f"container:{identity[:12]}"


def desired_mode(subject: Subject) -> Normal:
    mode = text(subject.document.get("network_mode"))
    return single("bridge" if mode == "default" else mode)


def observed_mode(subject: Subject) -> Normal:
    """Return the network mode; the one of a container that is on networks of its own says nothing more."""
    stated = subject.document.get("network_mode")
    mode = shared(stated, subject.host.get("NetworkMode"), subject)
    mode = "bridge" if mode == "default" else mode
    if mode is None or stated or mode.startswith("container:"):
        return single(mode)
    if mode not in PREDEFINED:
        return EMPTY
    on = {network.name for network in wanted_networks(subject).values()}
    return EMPTY if mode in on or (mode == "none" and not on) else single(mode)


# ── networks ─────────────────────────────────────────────────────────────────────────────────────


def wanted_networks(subject: Subject) -> dict[str, EngineNetwork]:
    """Return the networks that a service asks for by key; without a word it gets the project's default one."""
    if subject.document.get("network_mode"):
        return {}
    stated = mapping(subject.document.get("networks")) or (
        {"default": None} if "default" in subject.world.networks else {}
    )
    known = subject.world.networks
    return {key: known[key] if key in known else EngineNetwork(key) for key in stated}


def desired_networks(subject: Subject) -> Normal:
    """Return the engine's name of each network by `.key`, and what is asked of the connection by `.key.aliases` etc."""
    found: dict[str, Value] = {}
    stated = mapping(subject.document.get("networks"))
    for key, network in wanted_networks(subject).items():
        found[f".{key}"] = network.name
        shown = subject.network.get(network.name)
        if subject.container and shown is None:
            continue  # that it is not connected says it all
        for suffix, value in _wanted_endpoint(mapping(stated.get(key)), subject).items():
            found[f".{key}{suffix}"] = value
        if _holds_vanished(network, mapping(shown)):
            found[f".{key}.id"] = _short(network.ids)
    return found


def _wanted_endpoint(endpoint: Document, subject: Subject) -> dict[str, Value]:
    found: dict[str, Value] = {}
    if aliases := _wanted_aliases(endpoint, subject):
        found[".aliases"] = aliases
    if endpoint:
        found[".ipv4_address"] = address(endpoint.get("ipv4_address"))
        found[".ipv6_address"] = address(endpoint.get("ipv6_address"))
        found[".link_local_ips"] = sorted(filter(None, map(address, texts(endpoint.get("link_local_ips"))))) or None
        found[".mac_address"] = hardware_address(endpoint.get("mac_address"))
        found[".gw_priority"] = number(endpoint.get("gw_priority"))
        if subject.container is None or made_by(subject) >= (2, 27, 1):
            found |= _wanted_options(endpoint)
    return found


def _wanted_aliases(endpoint: Document, subject: Subject) -> list[str]:
    own = [subject.name] if subject.name else []
    asked = texts(endpoint.get("aliases"))
    return [*own, *sorted({*asked} - {subject.name, *_own_names(subject)})] if asked else own


def _wanted_options(endpoint: Document) -> dict[str, Value]:
    options = {f".driver_opts.{key}": text(value) for key, value in mapping(endpoint.get("driver_opts")).items()}
    if name := text(endpoint.get("interface_name")):
        options[f".driver_opts.{INTERFACE}"] = name
    return dict(options)


def _holds_vanished(network: EngineNetwork, shown: Document) -> bool:
    """Tell whether a container holds the id of a network that is gone: then it cannot start."""
    identity = text(shown.get("NetworkID"))
    # the engine renumbers its own three, and finds them by name
    return identity is not None and network.name not in PREDEFINED and identity not in network.ids


def _short(identities: tuple[str, ...]) -> str | None:
    return identities[0][:12] if identities else None


def _own_names(subject: Subject) -> set[str]:
    if subject.container is None:
        return set()
    return {container_name(subject.document, subject.world.project, subject.name, subject.container.number)}


def observed_networks(subject: Subject) -> Normal:
    """Return the container's connections in the form of `desired_networks`."""
    wanted = wanted_networks(subject)
    keys = {network.name: key for key, network in wanted.items()}
    found: dict[str, Value] = {}
    for name, shown in subject.network.items():
        key = keys.get(name)
        if key is None:
            if not _is_implied(name, subject):
                found[f".{network_key(name, subject)}"] = name
        else:
            for suffix, value in _shown_endpoint(key, mapping(shown), subject).items():
                found[f".{key}{suffix}"] = value
            found[f".{key}"] = name
            if _holds_vanished(wanted[key], mapping(shown)):
                found[f".{key}.id"] = (text(mapping(shown).get("NetworkID")) or "")[:12]
    return found


def network_key(name: str, subject: Subject) -> str:
    """Return the key of a network that a service does not ask for, as far as it has, or had, one; else the engine's name."""
    keys = (key for key, network in subject.world.networks.items() if network.name == name)
    return next(keys, name.removeprefix(f"{subject.world.project}_"))


def _is_implied(name: str, subject: Subject) -> bool:
    """Tell whether a network mode brings a network along."""
    if name in PREDEFINED and name == subject.host.get("NetworkMode"):
        return True
    mode = text(subject.document.get("network_mode"))
    if mode is None:
        return name == "none" and not wanted_networks(subject)
    return name == ("bridge" if mode == "default" else mode)


def _shown_endpoint(key: str, shown: Document, subject: Subject) -> dict[str, Value]:
    wanted = mapping(mapping(subject.document.get("networks")).get(key))
    addresses = mapping(shown.get("IPAMConfig"))
    aliases = _shown_aliases(shown, wanted, subject)
    found: dict[str, Value] = {".aliases": aliases} if aliases else {}
    if addresses:
        found[".ipv4_address"] = address(addresses.get("IPv4Address"))
        found[".ipv6_address"] = address(addresses.get("IPv6Address"))
        found[".link_local_ips"] = sorted(filter(None, map(address, texts(addresses.get("LinkLocalIPs"))))) or None
    if asked := hardware_address(wanted.get("mac_address")):
        # a stopped container shows none, one that did not ask shows what the engine made up
        found[".mac_address"] = hardware_address(shown.get("MacAddress")) or asked
    if priority := number(shown.get("GwPriority")):
        found[".gw_priority"] = priority
    options = mapping(shown.get("DriverOpts"))
    found |= {f".driver_opts.{name}": text(value) for name, value in options.items() if name != _SYSCTLS}
    return found


def _shown_aliases(shown: Document, wanted: Document, subject: Subject) -> list[str]:
    found = set(texts(shown.get("Aliases"))) - (_own_names(subject) - {subject.name})
    if version(subject.world.api_version) < (1, 45) and subject.container:
        added = {subject.container.id[:12], text(subject.config.get("Hostname"))}
        found -= added - {subject.name, *texts(wanted.get("aliases"))}
    own = [subject.name] if subject.name in found else []
    return [*own, *sorted(found.difference(own))]


# ── links ────────────────────────────────────────────────────────────────────────────────────────


def desired_links(subject: Subject) -> Normal:
    """Return by which names other containers are known; a link to a service without containers cannot be made."""
    found: dict[str, Value] = {}
    for link in texts(subject.document.get("links")):
        service, _, alias = link.partition(":")
        made = subject.container is None or subject.world.peers.get(service)
        found[f"[{alias or service}]"] = service if made else UNKNOWN
    return found


def desired_external_links(subject: Subject) -> Normal:
    parts = (link.partition(":") for link in texts(subject.document.get("external_links")))
    return {f"[{alias or name}]": name for name, _, alias in parts}


def _shown_links(subject: Subject) -> Iterator[tuple[str, str]]:
    for endpoint in subject.network.values():
        for link in texts(mapping(endpoint).get("Links")):
            name, _, alias = link.partition(":")
            yield name, alias
    for link in texts(subject.host.get("Links")):
        name, _, alias = link.partition(":")
        yield name.lstrip("/"), alias.rpartition("/")[2]


def observed_links(subject: Subject) -> Normal:
    """Return links to services by alias, without the numbered aliases that compose adds to each."""
    found: dict[str, Value] = {}
    shown = list(_shown_links(subject))
    linked = {link.partition(":")[0] for link in texts(subject.document.get("links"))} if shown else set()
    external = desired_external_links(subject) if shown else {}
    for name, alias in shown:
        if external.get(f"[{alias}]") == name:
            continue
        service = _service_of(name, linked, subject)
        if not _numbered(alias, service, subject.world.project):
            found[f"[{alias}]"] = service
    return found


def observed_external_links(subject: Subject) -> Normal:
    wanted = desired_external_links(subject)
    return {f"[{alias}]": name for name, alias in _shown_links(subject) if wanted.get(f"[{alias}]") == name}


def _service_of(name: str, linked: set[str], subject: Subject) -> str:
    identity = subject.world.containers.get(name, name)
    return next((service for service in sorted(linked) if identity in subject.world.peers.get(service, ())), name)


def _numbered(alias: str, service: str, project: str) -> bool:
    return re.fullmatch(rf"({re.escape(project)}-)?{re.escape(service)}-\d+", alias) is not None


# ── mac_address of the service ───────────────────────────────────────────────────────────────────


def desired_mac(subject: Subject) -> Normal:
    """Return the service's own MAC address; composes before 5 often do not send it."""
    asked = hardware_address(subject.document.get("mac_address"))
    return single(asked if subject.container is None or made_by(subject) >= (5,) else UNKNOWN)


def observed_mac(subject: Subject) -> Normal:
    shown = {hardware_address(mapping(endpoint).get("MacAddress")) for endpoint in subject.network.values()} - {None}
    asked = hardware_address(subject.document.get("mac_address"))
    if asked is None:
        return EMPTY
    return single(asked if not shown or asked in shown else min(filter(None, shown)))
