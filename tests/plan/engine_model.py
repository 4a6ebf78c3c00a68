"""A tiny model of what compose and the engine make of a rendered service: the container as the engine would show it.

It is written from the other side than the code under test: from requests to inspect, not from both to a normal form.
"""

from __future__ import annotations

from typing import Any

from reconciler.model import Container, DesiredService, Image
from reconciler.plan.world import EngineNetwork, World

IDENTITY = "ab" * 32
IMAGE_ID = "sha256:" + "1" * 64
DEFAULTS: dict[str, Any] = {
    "ShmSize": 67108864, "IpcMode": "private", "CgroupnsMode": "host", "Runtime": "runc",
    "LogConfig": {"Type": "json-file", "Config": {}},
}  # fmt: skip
IMAGE: dict[str, Any] = {
    "Cmd": ["serve"], "Entrypoint": ["/entry"], "Env": ["PATH=/bin", "A=image"], "WorkingDir": "/srv", "User": "app",
    "Labels": {"of.image": "1"}, "ExposedPorts": {"80/tcp": {}}, "Volumes": {"/data": {}}, "StopSignal": "SIGINT",
    "Healthcheck": {"Test": ["CMD", "check"], "Interval": 5_000_000_000, "Retries": 4},
}  # fmt: skip
WORLD = World(
    "web",
    "1.45",
    networks={key: EngineNetwork(f"web_{key}", (f"id-{key}",)) for key in ("default", "front")},
    volumes={"data": "web_data"},
    images={IMAGE_ID: Image(IMAGE_ID, IMAGE)},
    defaults={IDENTITY: {**DEFAULTS, "Env": {}}},
    image_ids={"app:1": IMAGE_ID},
)


def made(service: DesiredService, image: dict[str, Any] = IMAGE) -> Any:
    """Return the container that compose makes of a service, as the engine shows it."""
    document: dict[str, Any] = dict(service.document)
    name = document.get("container_name") or f"web-{service.name}-1"
    inspect: Any = {
        "Id": IDENTITY,
        "Name": f"/{name}",
        "Image": IMAGE_ID,
        "Config": _config(document, image),
        "HostConfig": _host(document),
        "Mounts": _mounts(document, image),
        "NetworkSettings": {"Networks": _endpoints(document, service.name, name)},
    }
    labels = {"com.docker.compose.version": "2.26.1"}
    return Container(IDENTITY, name, "running", "app:1", IMAGE_ID, labels, "web", service.name, 1, document=inspect)


def _config(document: dict[str, Any], image: dict[str, Any]) -> dict[str, Any]:
    entrypoint, command = document.get("entrypoint"), document.get("command")
    if not entrypoint and not command:
        command = image.get("Cmd")
    environment = dict(entry.split("=", 1) for entry in image.get("Env", ())) | (document.get("environment") or {})
    exposed = [*(image.get("ExposedPorts") or {}), *(document.get("expose") or ())]
    exposed += [f"{port['target']}/{port['protocol']}" for port in document.get("ports") or ()]
    return {
        "Image": document["image"],
        "Hostname": document.get("hostname") or IDENTITY[:12],
        "Cmd": command,
        "Entrypoint": image.get("Entrypoint") if entrypoint is None else entrypoint,
        "Env": [key if value is None else f"{key}={value}" for key, value in reversed(environment.items())],
        "Labels": {**image.get("Labels", {}), **(document.get("labels") or {}), "com.docker.compose.service": "x"},
        "WorkingDir": document.get("working_dir") or image.get("WorkingDir") or "",
        "User": document.get("user") or image.get("User") or "",
        "StopSignal": document.get("stop_signal") or image.get("StopSignal"),
        "Tty": document.get("tty", False),
        "OpenStdin": False,
        "Healthcheck": image.get("Healthcheck"),
        "ExposedPorts": {port: {} for port in exposed},
    }


def _host(document: dict[str, Any]) -> dict[str, Any]:
    memory = int(document.get("mem_limit") or 0)
    ports: dict[str, Any] = {}
    for port in document.get("ports") or ():
        binding = {"HostIp": port.get("host_ip", ""), "HostPort": port.get("published", "")}
        ports.setdefault(f"{port['target']}/{port['protocol']}", []).append(binding)
    limits = [(name, limit) for name, limit in (document.get("ulimits") or {}).items() if isinstance(limit, dict)]
    return {
        **DEFAULTS,
        "NetworkMode": document.get("network_mode") or "web_default",
        "RestartPolicy": {"Name": document.get("restart") or "no", "MaximumRetryCount": 0},
        "PortBindings": ports,
        "Memory": memory,
        "MemorySwap": 2 * memory,
        "NanoCpus": round(document.get("cpus", 0) * 1e9),
        "PidsLimit": document.get("pids_limit") or None,
        "CapAdd": document.get("cap_add"),
        "CapDrop": list(reversed(document.get("cap_drop") or ())),
        "Privileged": document.get("privileged", False),
        "ReadonlyRootfs": document.get("read_only", False),
        "Sysctls": document.get("sysctls"),
        "Ulimits": [{"Name": name, "Soft": limit["soft"], "Hard": limit["hard"]} for name, limit in limits],
        "ExtraHosts": [entry.replace("=", ":", 1) for entry in document.get("extra_hosts") or ()],
        "ShmSize": int(document.get("shm_size") or 67108864),
        "Tmpfs": {entry.partition(":")[0]: entry.partition(":")[2] for entry in document.get("tmpfs") or ()},
        "Dns": document.get("dns") or [],
        "MaskedPaths": None if document.get("privileged") else ["/proc/kcore"],
        "ReadonlyPaths": None if document.get("privileged") else ["/proc/bus"],
        "SecurityOpt": [
            *(document.get("security_opt") or ()),
            *(["label=disable"] if document.get("privileged") else ()),
        ],
        "OomKillDisable": False,
    }


def _mounts(document: dict[str, Any], image: dict[str, Any]) -> list[dict[str, Any]]:
    found = {
        target: {"Type": "volume", "Name": "f" * 64, "Destination": target, "RW": True}
        for target in image.get("Volumes") or ()
        if target not in {entry.partition(":")[0] for entry in document.get("tmpfs") or ()}
    }
    for mount in document.get("volumes") or ():
        shown = {"Type": mount["type"], "Destination": mount["target"], "RW": not mount.get("read_only")}
        if mount["type"] == "bind":
            shown |= {"Source": mount["source"], "Propagation": "rprivate", "Mode": ""}
        else:
            shown["Name"] = f"web_{mount['source']}"
        found[mount["target"]] = shown
    return list(found.values())


def _endpoints(document: dict[str, Any], service: str, name: str) -> dict[str, Any]:
    if mode := document.get("network_mode"):
        return {mode: {"NetworkID": "x", "Aliases": None}}
    found = {}
    for key, endpoint in (document.get("networks") or {"default": None}).items():
        asked = endpoint or {}
        addresses = {"IPv4Address": asked["ipv4_address"]} if "ipv4_address" in asked else {}
        aliases = [name, service, *asked.get("aliases", ())]
        found[f"web_{key}"] = {"NetworkID": f"id-{key}", "Aliases": aliases, "IPAMConfig": addresses, "DNSNames": ["x"]}
    return found
