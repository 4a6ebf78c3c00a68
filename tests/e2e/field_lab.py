"""A compose project on a private dockerd, its containers made by compose, and copies of them with one thing changed."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import docker

from deploy.images import make_image
from deploy.private_dockerd import PrivateDockerd
from reconciler import compose
from reconciler.engine import EngineClient
from reconciler.model import (
    Ask,
    Container,
    Desired,
    DesiredObject,
    DesiredService,
    DesiredStack,
    Document,
    Observed,
    Recorded,
    Revision,
)
from reconciler.observed.look import look, look_at
from reconciler.plan.compare import (
    Difference,
    compare_network,
    compare_service,
    compare_volume,
    frozen_defaults,
)
from reconciler.plan.normal_images import image_reference
from reconciler.plan.world import World, make_worlds
from tests.compose_program import under_test

FIELDS = Path(__file__).parent / "fields"
FULL = (
    "ENV FROM_IMAGE=1 UNSET_IN_IMAGE=1",
    "LABEL org.example.one=1 org.example.two=2",
    "EXPOSE 8080 9090/udp",
    'VOLUME ["/data"]',
    "HEALTHCHECK --interval=7s --timeout=3s --retries=2 --start-period=1s CMD true",
    "USER nobody",
    "WORKDIR /srv",
    'ENTRYPOINT ["/bin/sh","-c"]',
    "STOPSIGNAL SIGTERM",
)
_counter = itertools.count()


class Lab:
    """The projects of `fields/`, made once; `containers` of one are looked at anew each time."""

    def __init__(self, dockerd: PrivateDockerd, folder: Path, *projects: str) -> None:
        self.dockerd, self.folder = dockerd, folder
        self.api = docker.APIClient(dockerd.host, version="auto")
        self._surroundings()
        shutil.copytree(FIELDS, folder, dirs_exist_ok=True)
        self.stacks = {name: self._make(name) for name in projects}

    def _surroundings(self) -> None:
        make_image(self.dockerd.host, "app:1")
        self.api.tag("app:1", "app", "2")
        self.api.tag("app:1", "oddities-build-only")
        make_image(self.dockerd.host, "full:1", command=("sleep 3600",), changes=FULL)
        make_image(self.dockerd.host, "any:1", command=(), changes=('ENTRYPOINT ["/bin/sh","-c","exec sleep 3600"]',))
        self.api.create_network("fields-external")
        self.api.create_volume("fields-external-volume")
        self.api.create_container("app:1", name="fields-outsider", hostname="outsider", volumes=["/outsider"])
        self.api.start("fields-outsider")

    def _make(self, name: str) -> DesiredStack:
        variables = self.folder / "variables"
        disk = next(
            disk.name for disk in sorted(Path("/sys/block").iterdir()) if Path("/dev", disk.name).is_block_device()
        )
        variables.write_text(f"VALUE=from-the-device\nFOLDER={self.folder}\nPASSED=on\nBLOCK_DEVICE=/dev/{disk}\n")
        project = compose.Project(under_test().path, "", str(self.folder), (f"{name}.yaml",), str(variables))
        stack = rendered(self._compose(compose.config(project)))
        self._compose(compose.up(project, [service.name for service in stack.services], recreate=False))
        return stack

    def _compose(self, argv: list[str]) -> str:
        environment = compose.environment(self.dockerd.host, str(self.folder))
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def observed(self, project: str) -> Observed:
        """Look at the engine anew."""
        stack = self.stacks[project]
        images = frozenset(image_reference(one.document, stack.project, one.name) for one in stack.services)
        engine = EngineClient.connect(self.dockerd.host)
        return look(engine, Ask(projects=frozenset({stack.project}), images=images), None)

    def through(self, version: str, observed: Observed) -> Observed:
        """Look at the same containers again through an older engine API."""
        api = docker.APIClient(self.dockerd.host, version=version)
        containers = (
            one if one.document is None else replace(one, document=api.inspect_container(one.id))
            for one in observed.containers
        )
        return replace(observed, engine=replace(observed.engine, api_version=version), containers=tuple(containers))

    def restart(self) -> None:
        """Restart the engine, without the patience that some of the containers ask for."""
        for one in self.api.containers():
            self.api.kill(one["Id"])
        self.dockerd.restart()

    def defaults(self, project: str, observed: Observed) -> dict[str, Document]:
        """Record the engine defaults of all containers, as if they had just been made."""
        documents = {one.name: one.document for one in self.stacks[project].services}
        return {
            one.id: frozen_defaults(one, documents[one.service or ""]) for one in self.containers(project, observed)
        }

    def containers(self, project: str, observed: Observed) -> list[Container]:
        return [one for one in observed.containers if one.project == self.stacks[project].project]

    def world(self, project: str, observed: Observed, defaults: Mapping[str, Document]) -> World:
        stack = self.stacks[project]
        return make_worlds(Desired("box", Revision("x"), (stack,)), observed, Recorded(defaults=defaults))[stack.name]

    def service(self, project: str, name: str) -> DesiredService:
        return next(one for one in self.stacks[project].services if one.name == name)

    def differences(self, project: str, observed: Observed, defaults: Mapping[str, Document]) -> list[str]:
        """Compare every container, network and volume of a project; return what differs in words."""
        stack, world = self.stacks[project], self.world(project, observed, defaults)
        found: list[tuple[str, Difference]] = []
        for one in self.containers(project, observed):
            found += ((one.name, d) for d in compare_service(self.service(project, one.service or ""), one, world))
        for wanted, network in _pairs(stack.networks, observed.networks):
            found += ((network.name, d) for d in compare_network(wanted, network))
        for wanted, volume in _pairs(stack.volumes, observed.volumes):
            found += ((volume.name, d) for d in compare_volume(wanted, volume))
        return [f"{name} {d.path}: {d.desired!r} is {d.observed!r}" for name, d in found]

    # ── behind our back ──────────────────────────────────────────────────────────────────────────

    def container(self, project: str, service: str) -> Container:
        """Look at one container of a service."""
        found = look_at(EngineClient.connect(self.dockerd.host), self.stacks[project].project)
        return next(one for one in found if one.service == service)

    def copy(self, original: Container, changes: Mapping[str, Any]) -> Container:
        """Make a container that differs from another in `changes` only, by section; it takes that one's place."""
        body = _body(original, changes)
        name = f"copy{next(_counter)}"
        made = self.api._post_json(self.api._url("/containers/create"), data=body, params={"name": name})
        identity = self.api._result(made, True)["Id"]
        document = self.api.inspect_container(identity)
        self.api.remove_container(identity, v=True, force=True)
        return replace(original, id=identity, document=document)


def rendered(text: str) -> DesiredStack:
    """Return what compose rendered as a stack."""
    model = json.loads(text.replace("$$", "$"))
    services = tuple(DesiredService(name, document, "") for name, document in model["services"].items())
    return DesiredStack(
        model["name"],
        model["name"],
        "/",
        services=services,
        networks=_objects(model, "networks"),
        volumes=_objects(model, "volumes"),
        configs=model.get("configs") or {},
        secrets=model.get("secrets") or {},
    )


def _objects(model: Mapping[str, Any], part: str) -> tuple[DesiredObject, ...]:
    found = (model.get(part) or {}).items()
    return tuple(
        DesiredObject(key, document["name"], document, bool(document.get("external"))) for key, document in found
    )


def _pairs(wanted: tuple[DesiredObject, ...], found: tuple[Any, ...]) -> Iterator[tuple[DesiredObject, Any]]:
    for one in wanted:
        yield from ((one, other) for other in found if other.name == one.name)


def _body(original: Container, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to create a container from so that it becomes like another."""
    document: Any = original.document
    config = {**document["Config"], **changes.get("Config", {})}
    config.pop("MacAddress", None)  # the endpoint has it
    host = {**document["HostConfig"], **changes.get("HostConfig", {})}
    if str(host["NetworkMode"]).startswith("container:"):
        config["Hostname"] = config["Domainname"] = ""
        config.pop("ExposedPorts", None)
    elif config["Hostname"] == original.id[:12]:
        config["Hostname"] = ""
    endpoints = {name: _endpoint(shown) for name, shown in document["NetworkSettings"]["Networks"].items()}
    for name, change in changes.get("networks", {}).items():
        if change is None:
            del endpoints[name]
        else:
            endpoints[name] = {**endpoints.get(name, {}), **change}
    return {**config, "HostConfig": host, "NetworkingConfig": {"EndpointsConfig": endpoints}}


def _endpoint(shown: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: shown.get(key) for key in ("Aliases", "Links", "IPAMConfig", "DriverOpts")}
    return {**kept, "MacAddress": shown["MacAddress"] if shown.get("IPAMConfig") else ""}
