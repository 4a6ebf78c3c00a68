"""Services that hang together: shared namespaces and volumes, order, health, and who has to go along with whom."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest

from tests.e2e.host import Host
from tests.e2e.story import kept, settle, started, steps

SHARED = """\
services:
  donor: {image: app:1, ipc: shareable, volumes: ["data:/data"], environment: {A: "%s"}}
  net: {image: app:1, network_mode: "service:donor"}
  ipc: {image: app:1, ipc: "service:donor"}
  pid: {image: app:1, pid: "service:donor"}
  vols: {image: app:1, volumes_from: [donor]}
  lone: {image: app:1}
volumes: {data: {}}
"""


@pytest.fixture
def stack(host: Host, unique: Callable[[str], str]) -> Iterator[str]:
    """The name of a stack that is cleared away in the end."""
    name = unique("shape")
    yield name
    host.clear(name)


def test_who_shares_goes_along_with_the_donor(host, stack):
    """A new donor takes exactly those along that live in its namespaces or use its volumes."""
    host.push({f"stacks/{stack}/compose.yaml": SHARED % "1"})
    before = settle(host, stack)
    host.push({f"stacks/{stack}/compose.yaml": SHARED % "2"})

    cascade = [f"recreate {stack}-{name}-1 (cascade)" for name in ("ipc", "net", "pid", "vols")]
    assert steps(host) == [f"recreate {stack}-donor-1 (change)", *cascade]
    after = settle(host, stack)
    assert kept(before, after) == {f"{stack}-lone-1"}

    host.api.remove_container(f"{stack}-donor-1", force=True)
    # fields name the donor by its container's id: that they differ now is no drift of their own
    assert steps(host) == [f"create {stack}-donor-1 (missing)", *cascade]
    assert kept(after, settle(host, stack)) == {f"{stack}-lone-1"}


def test_who_shares_a_namespace_is_restarted_when_the_donor_was(host, stack):
    """A donor that was killed, or started anew by somebody, has new namespaces: who holds the old ones is cut off."""
    host.push({f"stacks/{stack}/compose.yaml": SHARED % "1"})
    before = settle(host, stack)
    sharers = [f"{stack}-{name}-1" for name in ("ipc", "net", "pid")]

    host.api.kill(f"{stack}-donor-1")
    assert steps(host) == [f"start {stack}-donor-1 (drift)", *(f"restart {name} (cascade)" for name in sharers)]
    assert settle(host, stack) == before

    host.api.restart(f"{stack}-donor-1")
    assert sorted(steps(host)) == [
        f"restart {stack}-ipc-1 (drift)", f"restart {stack}-net-1 (drift)",
        f"start {stack}-pid-1 (drift)",  # who shares its processes dies with the donor
    ]  # fmt: skip
    assert "donor has left" in host.run("plan").out
    assert settle(host, stack) == before
    assert all(started(host, name) > started(host, f"{stack}-donor-1") for name in sharers)


CHAIN = """\
x-checked: &checked
  image: app:1
  command: [sh, -c, "trap 'exit 0' TERM; rm -f /ready; sleep 1; echo > /ready; while :; do sleep 3600 & wait $$!; done"]
  healthcheck: {test: [CMD, test, -f, /ready], interval: 300ms, timeout: 2s, retries: 20}
services:
  a: {<<: *checked, environment: {V: "%(a)s"}}
  a2: {<<: *checked, environment: {V: "%(a)s"}}
  b: {<<: *checked, depends_on: {a: {condition: service_healthy}, a2: {condition: service_healthy, restart: true}}}
  c: {<<: *checked, environment: {V: "%(c)s"}, depends_on: {b: {condition: service_healthy}}}
"""


def test_a_chain_is_made_in_order_each_when_the_one_before_is_healthy(host, stack):
    """Changes in two levels come in their order; who asked for it is restarted, the rest stays."""
    host.push({f"stacks/{stack}/compose.yaml": CHAIN % {"a": 1, "c": 1}})
    before = settle(host, stack)
    pairs = [(f"{stack}-{one}-1", f"{stack}-{other}-1") for one, other in ("ab", ("a2", "b"), "bc")]
    assert [ready(host, one) < started(host, other) for one, other in pairs] == [True] * 3

    host.push({f"stacks/{stack}/compose.yaml": CHAIN % {"a": 2, "c": 2}})
    assert steps(host) == [
        f"recreate {stack}-a-1 (change)", f"recreate {stack}-a2-1 (change)", f"restart {stack}-b-1 (cascade)",
        f"recreate {stack}-c-1 (change)",
    ]  # fmt: skip
    after = settle(host, stack)

    assert kept(before, after) == {f"{stack}-b-1"}
    assert [ready(host, one) < started(host, other) for one, other in pairs] == [True] * 3


def ready(host: Host, name: str) -> datetime:
    """Return when the check of a container could succeed first."""
    stat = host.api.get_archive(name, "/ready")[1]
    return datetime.fromisoformat(stat["mtime"])
