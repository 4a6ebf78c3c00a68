"""What docs/drift.md tells beside the table of fields: what others compare, and what nobody can.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """A row for people: compared elsewhere than by the table of fields.py."""

    path: str
    engine: str
    repair: str
    note: str = ""


JUDGED = (
    Told(
        "scale", "containers of the service", "create, remove", "or `deploy.replicas`; one-off containers do not count"
    ),
    Told(
        "(running)", "State.Status", "start, unpause", "a finished job stays finished; what a person stopped may wait"
    ),
    Told(
        "(files)",
        "what containers last read",
        "restart, recreate",
        "files of the repository that are mounted or copied in",
    ),
    Told("build", "what the image was built from", "build, recreate", "told by the digest of the build context"),
)
"""What the planner looks at itself."""

NETWORK = (
    Told("driver", "Driver", "remake", "default: bridge"),
    Told("driver_opts", "Options", "remake", "only those the file names: others may be the daemon's defaults"),
    Told("internal", "Internal", "remake"),
    Told("attachable", "Attachable", "remake"),
    Told("enable_ipv4", "EnableIPv4", "remake", "default: on"),
    Told("enable_ipv6", "EnableIPv6", "remake", "default: off, unless the daemon's default options say otherwise"),
    Told("ipam.driver", "IPAM.Driver", "remake", "only when stated"),
    Told("ipam.config", "IPAM.Config", "remake", "per subnet: `gateway ip_range aux_addresses`; only what is stated"),
    Told("labels", "Labels", "remake", "without compose's own"),
)

VOLUME = (
    Told("driver", "Driver", "manual", "default: local"),
    Told("driver_opts", "Options", "manual"),
    Told("labels", "Labels", "manual", "without compose's own"),
)

UNSEEN: Mapping[str, str] = {
    "attach": "says only what `up` prints",
    "cpu_count": "for Windows; the engine drops it",
    "cpu_percent": "for Windows; the engine drops it",
    "credential_spec": "for Windows",
    "depends_on": "order only; the label that compose keeps of it is not reliable",
    "develop": "read by `compose watch` only",
    "env_file": "merged into `environment` before it is compared",
    "extends": "resolved before anything is compared",
    "label_file": "merged into `labels` before it is compared",
    "models": "handed to a model runner, not to the container",
    "platform": "the engine shows only the architecture of the image",
    "post_start": "run by compose in the container, leaves no trace",
    "pre_start": "run by compose before the container, leaves no trace",
    "pre_stop": "run by compose in the container, leaves no trace",
    "profiles": "decide which services there are",
    "provider": "refused: it would run a program of the repository's choice",
    "pull_policy": "when to pull is the plan's own affair",
    "pull_refresh_after": "when to pull is the plan's own affair",
    "use_api_socket": "refused: it would hand out the engine",
}
"""Keys of a service that no container shows, and why."""

PARTS_UNSEEN: Mapping[str, str] = {
    "configs, secrets": "content given inline or by a variable is copied in: told by its digest; `uid gid mode` do nothing",
    "deploy": "`mode labels placement update_config rollback_config endpoint_mode`, `reservations.cpus`, "
    "`restart_policy.delay` and `.window` are for swarm",
    "devices of `deploy` and `gpus`": "`options` are dropped by compose 2.26",
    "networks": "`priority` beyond the choice of the first network",
    "ports": "`mode name app_protocol`; the host port of the moment where none was asked for",
    "security_opt": "the content of a seccomp profile",
    "volumes": "`create_host_path consistency`, the labels of a volume that is made on the way, content behind a bind",
    "volumes_from": "`:ro` is forgotten by the engine; the mounts that come with it",
    "labels": "anything below `com.docker.compose.`",
}
"""Parts of compared keys that no container shows, and why."""
