"""Host ports, container names and address pools: what two cannot both have."""

from __future__ import annotations

import pytest

from reconciler.model import Container, Engine, Json, Listener, Pool, PublishedPort
from reconciler.plan.ports import overlaps
from tests.plan.build import (
    all_made,
    all_there,
    altered,
    desired,
    lines,
    made,
    network,
    observed,
    port,
    record,
    service,
    stack,
    text,
)

ONE = stack("one", service("web", ports=[port(80, 8080)]))
TWO = stack("two", service("web", ports=[port(80, 8080, host_ip="127.0.0.1")]))
PROXY = Listener("0.0.0.0", 8080, "tcp", "docker-proxy (pid 7)")
NOTHING = observed([])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("", "", True),
        ("", "127.0.0.1", True),
        ("", "::1", True),
        ("0.0.0.0", "127.0.0.1", True),
        ("0.0.0.0", "::1", False),
        ("0.0.0.0", "::", False),
        ("::", "::1", True),
        ("::", "127.0.0.1", False),
        ("[::1]", "::1", True),
        ("127.0.0.1", "127.0.0.2", False),
    ],
)
def test_addresses(one: str, other: str, expected: bool) -> None:
    """An address of all collides with every address of its family, none with both."""
    assert overlaps(one, other) is overlaps(other, one) is expected


def test_two_new_stacks_with_one_port() -> None:
    """Of two that are both new neither gets the port, and each names the other."""
    assert lines(desired(ONE, TWO), NOTHING) == [
        (
            "! stack/one/service/web  PortTaken: host port 8080/tcp is taken by stack/two/service/web, "
            "stack/one/service/web cannot have it (stacks/one/compose.yaml:4)"
        ),
        (
            "! stack/two/service/web  PortTaken: host port 127.0.0.1:8080/tcp is taken by stack/one/service/web, "
            "stack/two/service/web cannot have it (stacks/two/compose.yaml:4)"
        ),
    ]


def test_who_runs_keeps_the_port() -> None:
    """A stack that runs with the port keeps it; only the newcomer is blocked."""
    found = lines(desired(ONE, TWO), observed(all_made(ONE), ONE, listeners=(PROXY,)), record(ONE))

    assert [line.partition(":")[0] for line in found] == ["! stack/two/service/web  PortTaken"]


def test_another_process() -> None:
    """A process that listens is named."""
    seen = observed([], listeners=(Listener("127.0.0.1", 8080, "tcp", "nginx (pid 12)"),))

    assert "PortTaken: host port 8080/tcp is taken by nginx (pid 12)" in text(desired(ONE), seen)


@pytest.mark.parametrize(
    "listener",
    [Listener("0.0.0.0", 8080, "udp"), Listener("0.0.0.0", 8081, "tcp")],
    ids=["other protocol", "other port"],
)
def test_no_conflict(listener: Listener) -> None:
    """Another protocol or port is nobody's business."""
    assert "PortTaken" not in text(desired(ONE), observed([], listeners=(listener,)))


def test_a_foreign_container() -> None:
    """A container that is not ours is named instead of the proxy that listens for it; one that is stopped does not count."""
    foreign = Container("f", "foreign", "running", "x", "y", ports=(PublishedPort("", 8080, 80),))
    stopped = Container("f", "foreign", "exited", "x", "y", ports=(PublishedPort("", 8080, 80),))

    assert "is taken by container foreign" in text(desired(ONE), observed([foreign], listeners=(PROXY,)))
    assert "PortTaken" not in text(desired(ONE), observed([stopped]))


def test_own_port() -> None:
    """A service that is made anew is in nobody's way with its own port."""
    seen = observed([altered(made(ONE, "web"), "Config", Env=["A=2"])], ONE, listeners=(PROXY,))

    assert "recreate one-web-1" in text(desired(ONE), seen, record(ONE))


def test_two_services_of_one_stack() -> None:
    """Two services of one stack cannot share a port either."""
    both = stack("one", service("a", ports=[port(80, 8080)]), service("b", ports=[port(80, 8080)]))

    assert len(lines(desired(both), NOTHING)) == 2


def test_ranges_and_ephemeral_ports() -> None:
    """A port that the engine chooses is never taken."""
    web = stack("one", service("web", ports=[{"target": 80, "published": "8080-8090"}, {"target": 81}]))
    listener = Listener("0.0.0.0", 8080, "tcp", "nginx")

    assert "PortTaken" not in text(desired(web), observed([], listeners=(listener,)))


def test_container_names() -> None:
    """Who has a name keeps it; a foreign container keeps it, too."""
    one = stack("one", service("a", container_name="same"))
    two = stack("two", service("b", container_name="same"))
    foreign = Container("0123456789abcdef", "same", "exited", "x", "y")

    assert lines(desired(one, two), observed(all_made(one), one), record(one)) == [
        "! stack/two/service/b  NameTaken: the container name same is taken by stack/one/service/a (stacks/two/compose.yaml:4)"
    ]
    assert len(lines(desired(one, two), NOTHING)) == 2
    assert "NameTaken: the container name same is taken by container 0123456789ab" in text(
        desired(one), observed([foreign])
    )


def test_one_name_for_several() -> None:
    """A service with a container_name cannot have two containers."""
    assert "NameTaken" in text(desired(stack("one", service("a", container_name="same", scale=2))), NOTHING)


def _pools(*pools: Pool) -> Engine:
    return Engine("26.1.5", "1.45", pools=pools)


def test_exhausted_pools() -> None:
    """A network that no subnet is left for is found in the plan; routes of the host count, the default route does not."""
    engine = _pools(Pool("10.0.0.0/23", 24))
    seen = observed([], engine=engine, routes=("10.0.0.0/24", "0.0.0.0/0"))
    one, two = stack("one", service("a")), stack("two", service("a"))
    own = stack("two", service("a"), networks=(network("n", ipam={"config": [{"subnet": "10.9.0.0/24"}]}),))

    assert "PoolsExhausted" not in text(desired(one), seen)
    assert "! stack/two/network/default  PoolsExhausted: no address pool" in text(desired(one, two), seen)
    assert "PoolsExhausted" not in text(desired(one, own), seen)


def test_subnets_in_use() -> None:
    """Networks that exist have their subnets, whatever pool they came from."""
    one, two = stack("one", service("a")), stack("two", service("a"))
    ipam: Json = {"Driver": "default", "Config": [{"Subnet": "10.0.0.0/24"}]}
    taken = all_there(one).networks[0]
    document = {**taken.document, "IPAM": ipam}
    there = type(taken)(taken.id, taken.name, taken.project, taken.key, document)
    seen = observed(all_made(one), one, networks=(there,), engine=_pools(Pool("10.0.0.0/24", 24)))

    assert "PoolsExhausted" in text(desired(one, two), seen, record(one))


def test_one_port_for_several() -> None:
    """A service with a fixed host port cannot have two containers."""
    web = stack("one", service("web", ports=[port(80, 8080)], scale=2))

    assert "PortTaken: host port 8080/tcp is taken by the service's other containers" in text(desired(web), NOTHING)


def test_a_name_that_is_about_to_be_free() -> None:
    """A container that the engine is removing takes no name."""
    one = stack("one", service("a", container_name="same"))
    going = Container("0123456789abcdef", "same", "removing", "x", "y")

    assert "NameTaken" not in text(desired(one), observed([going]))
