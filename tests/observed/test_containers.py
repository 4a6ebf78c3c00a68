"""Engine documents of containers become our noun."""

from __future__ import annotations

import pytest

from reconciler.model import Document, PublishedPort
from reconciler.observed.containers import container

LISTED = {
    "Id": "c1", "Names": ["/web-api-1"], "Image": "app:1", "ImageID": "sha256:1", "Labels": {}, "State": "running",
    "Status": "Up 2 seconds", "Ports": [], "NetworkSettings": {"Networks": {}},
}  # fmt: skip


def test_composes_labels_say_what_a_container_belongs_to():
    """Project, service, number, folder and env file are read from compose's labels."""
    labels = {
        "project": "web", "service": "api", "container-number": "3", "oneoff": "True", "config-hash": "h",
        "project.working_dir": "/srv/web", "project.environment_file": "/var/web.env",
    }  # fmt: skip
    one = container(LISTED | {"Labels": {f"com.docker.compose.{key}": value for key, value in labels.items()}}, None)
    assert (one.project, one.service, one.number, one.oneoff) == ("web", "api", 3, True)
    assert (one.working_dir, one.env_file, one.config_hash) == ("/srv/web", "/var/web.env", "h")


def test_a_container_without_labels_belongs_to_nobody():
    """A container that docker run made has neither project nor number; `null` labels are none."""
    one = container(LISTED | {"Labels": None}, None)
    assert (one.project, one.service, one.number, one.oneoff, dict(one.labels)) == (None, None, 0, False, {})


def test_names_that_links_gave_are_not_the_containers():
    """The listing names a linked container after its users too."""
    assert container(LISTED | {"Names": ["/a/db", "/db"]}, None).name == "db"


def test_ports_for_ipv4_and_ipv6_are_one():
    """A port of all addresses is listed twice by the engine and once by us; unpublished ones not at all."""
    ports = [
        {"IP": "0.0.0.0", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "::", "PrivatePort": 80, "PublicPort": 8080, "Type": "tcp"},
        {"IP": "127.0.0.1", "PrivatePort": 53, "PublicPort": 53, "Type": "udp"},
        {"PrivatePort": 443, "Type": "tcp"},
    ]
    assert container(LISTED | {"Ports": ports}, None).ports == (
        PublishedPort("127.0.0.1", 53, 53, "udp"),
        PublishedPort("", 8080, 80, "tcp"),
    )


@pytest.mark.parametrize(
    ("status", "health", "exit_code"),
    [
        ("Up 2 seconds", None, None),
        ("Up 2 seconds (healthy)", "healthy", None),
        ("Up 2 seconds (unhealthy)", "unhealthy", None),
        ("Up Less than a second (health: starting)", "starting", None),
        ("Up 2 seconds (healthy) (Paused)", "healthy", None),
        ("Exited (137) 2 days ago", None, 137),
        ("Restarting (1) 2 seconds ago", None, None),
    ],
)
def test_the_listing_tells_health_and_exit_code(status, health, exit_code):
    """What is not inspected is judged by the listing's status text."""
    one = container(LISTED | {"Status": status}, None)
    assert (one.health, one.exit_code) == (health, exit_code)


def test_the_inspect_beats_the_listing():
    """The inspect is younger, and keeps the image as it was spelt."""
    inspected: Document = {
        "Config": {"Image": "app:1"},
        "State": {"Status": "exited", "ExitCode": 3, "Health": {"Status": "none"}},
    }
    one = container(LISTED | {"Image": "sha256:1"}, inspected)
    assert (one.state, one.exit_code, one.health, one.image) == ("exited", 3, None, "app:1")
