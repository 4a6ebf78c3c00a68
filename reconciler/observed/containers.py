"""Turn the engine's documents of containers into our noun.

Room 2 (observed); may import engine, errors and model.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from reconciler.model import Container, Document, PublishedPort

_COMPOSE = "com.docker.compose."
_ALL_ADDRESSES = ("", "0.0.0.0", "::")  # noqa: S104 - compared with, not listened on
_HEALTH_IN_STATUS = re.compile(r"\((?:health: )?(starting|healthy|unhealthy)\)")
_OLD = 60.0
"""Seconds after which nobody asks how long a container has been running."""
_EXIT_IN_STATUS = re.compile(r"^Exited \((\d+)\)")


def container(listed: Mapping[str, Any], inspected: Document | None) -> Container:
    """Make the noun from an entry of the listing and, where it was asked for, the inspect."""
    labels: Mapping[str, str] = listed.get("Labels") or {}
    return Container(
        id=listed["Id"],
        name=_name(listed["Names"] or ()),
        image_id=listed["ImageID"],
        labels=labels,
        project=labels.get(_COMPOSE + "project"),
        service=labels.get(_COMPOSE + "service"),
        number=_number(labels.get(_COMPOSE + "container-number", "")),
        oneoff=labels.get(_COMPOSE + "oneoff", "").lower() == "true",
        working_dir=labels.get(_COMPOSE + "project.working_dir"),
        env_file=labels.get(_COMPOSE + "project.environment_file"),
        config_hash=labels.get(_COMPOSE + "config-hash"),
        networks={name: at.get("NetworkID") or "" for name, at in _networks(listed).items()},
        ports=_ports(listed.get("Ports") or ()),
        document=inspected,
        **(_listed_state(listed) if inspected is None else _inspected_state(inspected)),
    )


def _name(names: Iterable[str]) -> str:
    """Choose the container's own name among those that links of others gave it (`/other/alias`)."""
    return min((name.removeprefix("/") for name in names), key=lambda name: ("/" in name, name), default="")


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else 0


def _networks(listed: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    return (listed.get("NetworkSettings") or {}).get("Networks") or {}


def _ports(listed: Iterable[Mapping[str, Any]]) -> tuple[PublishedPort, ...]:
    """List published ports once, although the engine lists those of all addresses for IPv4 and for IPv6."""
    published = {
        PublishedPort(_address(port.get("IP", "")), port["PublicPort"], port["PrivatePort"], port["Type"])
        for port in listed
        if port.get("PublicPort")
    }
    return tuple(sorted(published, key=lambda port: (port.target, port.protocol, port.port, port.address)))


def _address(text: str) -> str:
    return "" if text in _ALL_ADDRESSES else text


def health_of(listed: Mapping[str, Any]) -> str | None:
    """Read the health in an entry of the listing."""
    found = _HEALTH_IN_STATUS.search(listed.get("Status", ""))
    return found and found[1]


def aged(one: Container) -> Container:
    """Return a container that was seen before with its age of now, as long as that tells anything."""
    if one.running_for is None or one.running_for > _OLD or one.document is None:
        return one
    state: Any = one.document["State"]
    return replace(one, running_for=_since(state["StartedAt"]))


def _listed_state(listed: Mapping[str, Any]) -> dict[str, Any]:
    exited = _EXIT_IN_STATUS.search(listed.get("Status", ""))
    return {
        "image": listed["Image"],
        "state": listed["State"],
        "health": health_of(listed),
        "exit_code": int(exited[1]) if exited else None,
    }


def _inspected_state(inspected: Mapping[str, Any]) -> dict[str, Any]:
    state = inspected["State"]
    health = (state.get("Health") or {}).get("Status")
    return {
        "image": inspected["Config"]["Image"],
        "state": state["Status"],
        "health": None if health == "none" else health,
        "exit_code": state["ExitCode"] if state["Status"] in ("exited", "dead", "restarting") else None,
        "running_for": _since(state["StartedAt"]) if state["Status"] == "running" else None,
    }


def _since(started: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(started)).total_seconds()
