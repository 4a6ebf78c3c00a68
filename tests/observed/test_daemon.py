"""The engine's config file as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.model import Problem
from reconciler.observed.daemon import effective_keys, parse

FILE = Path("/etc/docker/daemon.json")


@pytest.mark.parametrize(
    ("content", "values"),
    [
        (b"", {}),
        (b" \n", {}),
        (b"null", {}),
        (b"{}", {}),
        (b'\xef\xbb\xbf{"debug": true}', {"debug": True}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
    ],
)
def test_what_the_engine_accepts_is_read(content, values):
    """The engine takes an empty file, null, a byte order mark, and of a doubled key the last."""
    assert parse(content, FILE) == values


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        (b'{\n "debug": true,\n}', "daemon-file-not-json", 3),
        (b'{"a": 1} // why', "daemon-file-not-json", 1),
        (b'{"a": ' + b"1" * 5000 + b"}", "daemon-file-not-json", None),
        (b'{"a": ' + b"[" * 100000, "daemon-file-not-json", None),
        (b'{\n "a": "\xff"}', "daemon-file-not-json", 2),
        (b"[]", "daemon-file-not-object", None),
    ],
)
def test_what_the_engine_refuses_is_named_with_its_line(content, code, line):
    """A file that would keep the engine from starting is a problem with a place."""
    problem = parse(content, FILE)
    assert isinstance(problem, Problem)
    assert (problem.code, problem.file, problem.line) == (code, str(FILE), line)


def test_what_the_api_shows_is_in_the_words_of_the_file():
    """Each key that the API shows comes in the shape of daemon.json; what is always there is left out."""
    info = {
        "Debug": True,
        "DefaultAddressPools": [{"Base": "10.0.0.0/12", "Size": 24}],
        "Labels": ["b=2", "a=1"],
        "RegistryConfig": {
            "IndexConfigs": {"docker.io": {"Secure": True}, "lan:5000": {"Secure": False}},
            "InsecureRegistryCIDRs": ["127.0.0.0/8", "10.9.0.0/16"],
            "Mirrors": ["https://mirror.lan/"],
        },
        "SecurityOptions": ["name=seccomp,profile=builtin", "name=no-new-privileges"],
    }
    bridge = {"Options": {"com.docker.network.bridge.name": "br-pg", "com.docker.network.driver.mtu": "1500"}}
    assert effective_keys(info, bridge) == {
        "bridge": "br-pg",
        "debug": True,
        "default-address-pools": [{"base": "10.0.0.0/12", "size": 24}],
        "insecure-registries": ["10.9.0.0/16", "lan:5000"],
        "labels": ["a=1", "b=2"],
        "mtu": 1500,
        "no-new-privileges": True,
        "registry-mirrors": ["https://mirror.lan/"],
        "selinux-enabled": False,
    }
