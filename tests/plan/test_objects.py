"""Networks and volumes of a stack."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model import Container, Volume
from tests.plan.build import (
    all_made,
    all_there,
    desired,
    network,
    observed,
    record,
    service,
    stack,
    text,
    there,
    volume,
)

WEB = stack("web", service("db"))
KNOWN = record(WEB)
AT = "stacks/web/compose.yaml"
OTHER_OPTIONS = stack("web", service("db"), networks=(network("web_default", driver_opts={"mtu": "1400"}),))


def test_a_changed_network() -> None:
    """A network with other options is emptied, removed, and made again together with its services."""
    assert text(desired(OTHER_OPTIONS), all_there(WEB), KNOWN).splitlines() == [
        "- stack/web/service/db  disconnect web-db-1  (cascade: network default is made again)  [downtime]",
        "- stack/web/network/default  remove web_default  (change: driver_opts.mtu differs; compose.yaml:9)",
        '    + driver_opts.mtu  "1400"',
        "+ stack/web/network/default  create web_default  (cascade: made again with other options; compose.yaml:9)",
        f"± stack/web/service/db  recreate web-db-1  (cascade: network default is made again; {AT}:3)  [downtime]",
        "Plan: 1 create, 1 disconnect, 1 recreate, 1 remove.",
    ]


def test_a_changed_network_with_strangers_on_it() -> None:
    """A network that somebody else uses is not pulled away: the stack is blocked, and the stranger named."""
    stranger = Container("s", "stranger", "running", "x", "y", networks={"web_default": "id-of-web_default"})

    found = text(desired(OTHER_OPTIONS), observed([*all_made(WEB), stranger], WEB), KNOWN)

    assert found.startswith(
        "! stack/web/network/default  ForeignProject: network web_default has to be made again, but"
    )


def test_a_network_gone_from_git() -> None:
    """Services leave a network that git no longer names, and then it is removed."""
    before = stack(
        "web",
        service("db", networks={"default": None, "back": None}),
        networks=(network("web_default"), network("web_back", "back")),
    )

    assert text(desired(WEB), all_there(before), record(before)).splitlines() == [
        f"- stack/web/service/db  disconnect web-db-1  (change: networks.back differs; {AT}:3)  [downtime]",
        '    - networks.back  "web_back"',
        "- stack/web/network/back  remove web_back  (removed: no longer in git)",
        "Plan: 1 disconnect, 1 remove.",
    ]


def test_two_networks_with_one_name() -> None:
    """Of two networks with one name ours and the one in use is meant; an empty double of ours goes."""
    double = replace(there(WEB.networks[0], "web"), id="double")
    foreign = replace(there(WEB.networks[0], "other"), id="foreign")
    seen = all_there(WEB)

    found = text(desired(WEB), replace(seen, networks=(double, foreign, *seen.networks)), KNOWN).splitlines()

    assert (
        found[0]
        == "- stack/web/network/default  remove web_default  (drift: a second network with this name, and empty)"
    )
    assert found[1].startswith(
        "? stack/web/network/default  note: there is a second network called web_default (foreign)"
    )


def test_a_network_name_that_is_taken() -> None:
    """Compose cannot use a network that is not the stack's: found in the plan."""
    foreign = there(WEB.networks[0], "other")

    assert "NameTaken: a network web_default is there already" in text(desired(WEB), observed([], networks=(foreign,)))


def test_externals() -> None:
    """A missing external network or volume blocks the stack; one that is there is never touched."""
    web = stack(
        "web",
        service("db"),
        networks=(network("front", external=True),),
        volumes=(volume("data", external=True),),
    )
    there_are = {"networks": (there(web.networks[0], ""),), "volumes": (Volume("data"),)}

    found = text(desired(web), observed([]))

    assert "! stack/web/network/default  ExternalMissing: the external network front does not exist" in found
    assert "! stack/web/volume/data  ExternalMissing: the external volume data does not exist" in found
    assert text(desired(web), observed(all_made(web), web, **there_are), record(web)) == "No changes."


def test_an_external_network_that_another_stack_makes() -> None:
    """With depends_on it comes in time; without it the hint names that stack and not the docker command."""
    proxy = stack("proxy", service("traefik", networks={"front": None}), networks=(network("front", "front"),))
    outside = (network("front", "front", external=True),)
    web = stack("web", service("site", networks={"front": None}), networks=outside)
    after = stack(
        "web", service("site", networks={"front": None}), networks=outside, settings={"depends_on": ("proxy",)}
    )

    lost = text(desired(proxy, web), observed([]))
    fine = text(desired(proxy, after), observed([]))

    assert "ExternalMissing: the external network front is not there yet; stack proxy makes it" in lost
    assert "Write depends_on: [proxy]" in lost
    assert "! " not in fine
    assert fine.index("create proxy-traefik-1") < fine.index("create web-site-1")


DATA = {"type": "volume", "source": "data", "target": "/data"}


def test_volumes() -> None:
    """A missing volume comes with its service; a changed one needs a person; one gone from git stays."""
    web = stack("web", service("db", volumes=[DATA]), volumes=(volume("web_data"),))
    nfs = stack("web", service("db", volumes=[DATA]), volumes=(volume("web_data", driver_opts={"type": "nfs"}),))

    assert "+ stack/web/volume/data  create web_data  (missing: not there; compose.yaml:10)" in text(
        desired(web), observed([])
    )
    assert text(desired(nfs), all_there(web), record(web)).splitlines()[0] == (
        "! stack/web/volume/data  VolumeChanged: volume web_data differs from git in driver_opts.type, "
        "and to change it would lose its data (compose.yaml:10)"
    )
    assert "volume" not in text(desired(WEB), observed(all_made(WEB), web), record(web))
