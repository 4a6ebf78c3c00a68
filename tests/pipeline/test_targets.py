"""What people name is found, or near names are told."""

from __future__ import annotations

import pytest

from reconciler.errors import UnknownTarget
from reconciler.model import (
    AppliedService,
    AppliedStack,
    Container,
    DaemonKey,
    Desired,
    DesiredDaemon,
    DesiredObject,
    DesiredService,
    DesiredStack,
    ObjectRef,
    Recorded,
    RecordedStack,
    Revision,
)
from reconciler.pipeline.targets import all_targets, find_target, owner

WEB = DesiredStack(
    "web", "web", "/srv/web", env_file="/state/web.env",
    services=(DesiredService("api", {}, ""), DesiredService("db", {}, "")),
    networks=(DesiredObject("front", "web_front", {}),),
    volumes=(DesiredObject("data", "web_data", {}), DesiredObject("db", "web_db", {})),
)  # fmt: skip
SHOP = DesiredStack(
    "shop", "shop", "/srv/shop", services=(DesiredService("db", {}, ""), DesiredService("till", {}, ""))
)
DESIRED = Desired("box", Revision("c1"), (WEB, SHOP), daemon=DesiredDaemon((DaemonKey("bridge", "br0", "system"),)))
RECORDED = Recorded(
    stacks={
        "web": RecordedStack("web", "web", "/srv/web", applied=AppliedStack("c0", {"worker": AppliedService({})})),
        "old": RecordedStack("old", "old", "/srv/old", frozenset({ObjectRef("container", "old-a-1", "/srv/old")})),
    },
    daemon_applied={"debug": True},
)
CHANGED = {"stack/gone/service/x", "daemon/mtu"}
TARGETS = all_targets(DESIRED, RECORDED, CHANGED)


def container(
    name: str, number: str, service: str = "api", project: str = "web", folder: str = "/srv/web"
) -> Container:
    return Container(
        number * 64, name, "running", "app:1", "sha256:1", project=project, service=service, working_dir=folder,
        env_file="/state/web.env",
    )  # fmt: skip


FOUND = [
    (container("web-api-1", "a"), "web"),
    (container("web-api-2", "b"), "web"),
    (container("web-db-1", "ac"), "web"),
    (container("other", "d", project="foreign"), None),
]


@pytest.mark.parametrize(
    ("word", "kind", "name"),
    [
        ("web", "stack", "stack/web"),
        ("stack/web", "stack", "stack/web"),
        ("gone", "stack", "stack/gone"),
        ("api", "service", "stack/web/service/api"),
        ("web/api", "service", "stack/web/service/api"),
        ("web/db", "service", "stack/web/service/db"),
        ("stack/web/service/api", "service", "stack/web/service/api"),
        ("web/service/api", "service", "stack/web/service/api"),
        ("worker", "service", "stack/web/service/worker"),
        ("web/front", "network", "stack/web/network/front"),
        ("data", "volume", "stack/web/volume/data"),
        ("stack/web/volume/db", "volume", "stack/web/volume/db"),
        ("x", "service", "stack/gone/service/x"),
        ("bridge", "daemon", "daemon/bridge"),
        ("daemon/debug", "daemon", "daemon/debug"),
        ("mtu", "daemon", "daemon/mtu"),
        ("daemon", "daemon", "daemon"),
        ("web-api-1", "container", "stack/web/service/api"),
        ("bbbb", "container", "stack/web/service/api"),
        ("a" * 64, "container", "stack/web/service/api"),
        ("other", "container", "other"),
        (" /web/ ", "stack", "stack/web"),
    ],
)
def test_what_is_named_is_found(word, kind, name):
    """Words of a plan, short names, containers by name and by the beginning of their id."""
    found = find_target(word, TARGETS, FOUND)

    assert (found.kind, found.name) == (kind, name)
    assert (found.container is None) == (kind != "container")


@pytest.mark.parametrize(
    ("word", "code", "known"),
    [
        ("db", "target-ambiguous", "stack/shop/service/db, stack/web/service/db"),
        ("acac", "target-unknown", None),
        ("apj", "target-unknown", "api"),
        ("web/apj", "target-unknown", "web/api"),
        ("daemon/brige", "target-unknown", "daemon/bridge"),
        ("web-api-9", "target-unknown", "web-api-1"),
        ("zzzzzz", "target-unknown", "gone, old, shop, web"),
        ("aaa", "target-unknown", None),
        ("", "target-unknown", None),
    ],
)
def test_what_is_not_there_names_what_is_near(word, code, known):
    """A misspelt name, one of several, an id that is too short to be one."""
    with pytest.raises(UnknownTarget) as raised:
        find_target(word, TARGETS, FOUND[:2] + FOUND[3:])

    assert raised.value.code == code
    assert known is None or known in raised.value.arguments["known"]


def test_an_id_of_several_containers_is_ambiguous():
    """The beginning of two ids names both."""
    with pytest.raises(UnknownTarget) as raised:
        find_target("acacac", TARGETS, [(container("one", "ac"), "web"), (container("two", "acacac1"), None)])

    assert raised.value.arguments["known"] == "one, two"


@pytest.mark.parametrize(
    ("one", "stack"),
    [
        (container("web-api-1", "a"), "web"),
        (container("web-api-1", "a", folder="/home/me/web"), None),
        (container("old-a-1", "a", "a", "old", "/srv/old"), "old"),
        (container("old-a-2", "a", "a", "old", "/srv/old"), None),
        (container("x", "a", project="foreign"), None),
    ],
)
def test_a_container_is_ours_by_its_labels_or_by_the_record(one, stack):
    """Nobody's container becomes ours by its name or project alone."""
    assert owner(one, DESIRED, RECORDED) == stack


def test_without_a_revision_the_record_tells():
    """Where git cannot be read, what was applied and what changed can still be asked about."""
    targets = all_targets(None, RECORDED, CHANGED)

    assert {"stack/old", "stack/web/service/worker", "daemon/debug", "stack/gone"} <= targets
    assert "stack/shop" not in targets
