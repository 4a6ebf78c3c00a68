"""Bodies of the engine calls that mend a container in place."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.model import DesiredService
from reconciler.plan.compare import Difference
from reconciler.plan.engine_args import endpoint_config, update_resources
from tests.plan.engine_model import WORLD


def update(document: dict[str, Any], *paths: str) -> Any:
    differences = [Difference(path, 1, 2, "update") for path in paths]
    return update_resources(DesiredService("app", document, ""), differences)


@pytest.mark.parametrize(
    ("document", "paths", "body"),
    [
        ({"mem_limit": "67108864"}, ["mem_limit"], {"Memory": 67108864, "MemorySwap": 134217728}),
        ({"mem_limit": "67108864", "memswap_limit": "-1"}, ["memswap_limit"], {"Memory": 67108864, "MemorySwap": -1}),
        ({"deploy": {"resources": {"limits": {"cpus": "0.35"}}}}, ["cpus"], {"NanoCpus": 350000000}),
        ({"restart": "on-failure:3"}, ["restart"], {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}),
        ({}, ["restart"], {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}),
        ({}, ["pids_limit"], {"PidsLimit": 0}),
        ({"cpu_shares": 5, "cpuset": "0", "cpu_quota": 9, "cpu_period": 8, "mem_reservation": "7"},
         ["cpu_shares", "cpuset", "cpu_quota", "cpu_period", "mem_reservation"],
         {"CpuShares": 5, "CpusetCpus": "0", "CpuQuota": 9, "CpuPeriod": 8, "MemoryReservation": 7}),
    ],
)  # fmt: skip
def test_an_update_names_what_differs_only(document, paths, body):
    """The engine leaves alone what the body does not name; memory goes with its swap."""
    assert update(document, *paths) == body


def test_an_endpoint_is_whole():
    """Joining anew brings back aliases, addresses and options; the MAC address cannot be brought back."""
    endpoint: Any = {
        "aliases": ["a", "app"],
        "ipv4_address": "10.0.0.9",
        "link_local_ips": ["169.254.1.1"],
        "mac_address": "02:00:00:00:00:01",
        "driver_opts": {"x": 1},
        "interface_name": "eth7",
        "gw_priority": 5,
        "priority": 9,
    }
    service = DesiredService("app", {"networks": {"front": endpoint, "default": None}}, "")

    assert endpoint_config(service, "front", WORLD, 2) == {
        "Aliases": ["web-app-2", "app", "a"],
        "IPAMConfig": {"IPv4Address": "10.0.0.9", "LinkLocalIPs": ["169.254.1.1"]},
        "DriverOpts": {"x": "1", "com.docker.network.endpoint.ifname": "eth7"},
        "GwPriority": 5,
    }
    assert endpoint_config(service, "default", WORLD) == {"Aliases": ["app"]}
