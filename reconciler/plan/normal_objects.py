"""Normal forms of networks and volumes, and what is recorded as default of a container.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

import ipaddress

from reconciler.model import NOTHING, Container, Document, Json
from reconciler.plan.normal_process import environment, label_map, proxy_variables
from reconciler.plan.normal_scalars import address, subnet
from reconciler.plan.subject import Value, items, mapping, text

_IPV6 = "com.docker.network.enable_ipv6"


def _strings(prefix: str, value: Json) -> dict[str, Json]:
    return {f"{prefix}.{key}": text(item) or "" for key, item in mapping(value).items()}


def _labels(value: Json) -> dict[str, Json]:
    return {f"labels{suffix}": text(_json(item)) or "" for suffix, item in label_map(value).items()}


def _json(value: Value) -> Json:
    return value if isinstance(value, str) else None


def _true(value: Json) -> Json:
    return True if value is True or value == "true" else None


def normal_network(document: Document) -> dict[str, Json]:
    """Return a rendered network by path; what it leaves out has the engine's default."""
    found: dict[str, Json] = {"driver": text(document.get("driver")) or "bridge"}
    for key in ("internal", "attachable", "enable_ipv6"):
        if _true(document.get(key)):
            found[key] = True
    if document.get("enable_ipv4") in {False, "false"}:
        found["enable_ipv4"] = False
    ipam = mapping(document.get("ipam"))
    if driver := text(ipam.get("driver")):
        found["ipam.driver"] = driver
    for pool in map(mapping, items(ipam.get("config"))):
        found |= _pool(pool, "subnet", "gateway", "ip_range", "aux_addresses")
    return found | _strings("driver_opts", document.get("driver_opts")) | _labels(document.get("labels"))


def _pool(pool: Document, network: str, gateway: str, part: str, aux: str) -> dict[str, Json]:
    """Return what is said of one subnet, by `ipam.config[subnet].gateway` etc.; one without a subnet is the engine's choice."""
    where = subnet(pool.get(network))
    if where is None:
        return {}
    place = f"ipam.config[{where}]"
    found: dict[str, Json] = {place: where}
    stated = {"gateway": address(pool.get(gateway)), "ip_range": subnet(pool.get(part))}
    found |= {f"{place}.{key}": value for key, value in stated.items() if value}
    for name, taken in mapping(pool.get(aux)).items():
        found[f"{place}.aux_addresses.{name}"] = address(taken)
    return found


def observed_network(shown: Document, stated: Document) -> dict[str, Json]:
    """Return the engine's network in the form of `normal_network`, without what that leaves to the engine."""
    options = mapping(shown.get("Options"))
    found: dict[str, Json] = {"driver": text(shown.get("Driver"))}
    for key, member in (("internal", "Internal"), ("attachable", "Attachable")):
        if shown.get(member):
            found[key] = True
    # an engine whose default network options say so makes every network with IPv6
    by_default = options.get(_IPV6) == "true" and "enable_ipv6" not in stated
    if shown.get("EnableIPv6") and not by_default:
        found["enable_ipv6"] = True
    if shown.get("EnableIPv4") is False:
        found["enable_ipv4"] = False
    if any(path.startswith("ipam.") for path in stated):
        found |= _observed_ipam(mapping(shown.get("IPAM")), stated)
    found |= {path: value for path, value in _strings("driver_opts", options).items() if path in stated}
    return found | _labels(shown.get("Labels"))


def _observed_ipam(ipam: Document, stated: Document) -> dict[str, Json]:
    found: dict[str, Json] = {"ipam.driver": text(ipam.get("Driver"))} if "ipam.driver" in stated else {}
    pools: dict[str, Json] = {}
    for pool in map(mapping, items(ipam.get("Config"))):
        pools |= _pool(pool, "Subnet", "Gateway", "IPRange", "AuxiliaryAddresses")
    families = {_family(value) for path, value in stated.items() if path.endswith("]")}
    for path, value in pools.items():
        whole = path.endswith("]") and _family(value) in families
        if path in stated or whole or (".aux_addresses." in path and path.partition("]")[0] + "]" in stated):
            found[path] = value
    return found


def _family(value: Json) -> int:
    try:
        return ipaddress.ip_network(str(value)).version
    except ValueError:
        return 0


def normal_volume(document: Document) -> dict[str, Json]:
    """Return a rendered volume by path; what it leaves out has the engine's default."""
    found: dict[str, Json] = {"driver": text(document.get("driver")) or "local"}
    return {**found, **_strings("driver_opts", document.get("driver_opts")), **_labels(document.get("labels"))}


def observed_volume(shown: Document) -> dict[str, Json]:
    """Return the engine's volume in the form of `normal_volume`."""
    found: dict[str, Json] = {"driver": text(shown.get("Driver"))}
    return {**found, **_strings("driver_opts", shown.get("Options")), **_labels(shown.get("Labels"))}


def unstated(container: Container, document: Document) -> dict[str, Json]:
    """Return the logging options and the proxy variables that a container got without its service saying so."""
    inspect = container.document or NOTHING
    shown = mapping(mapping(inspect.get("HostConfig")).get("LogConfig"))
    stated = mapping(document.get("logging"))
    own = environment(document)
    variables = proxy_variables(mapping(inspect.get("Config")).get("Env"))
    options = mapping(stated.get("options"))
    return {
        "LogConfig": {
            "Type": shown.get("Type"),
            "Config": {key: value for key, value in mapping(shown.get("Config")).items() if key not in options},
        },
        "Env": {name: value for name, value in variables.items() if f".{name}" not in own},
    }
