"""One stack and what happened to its containers → the plan in words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model import Container, DesiredStack, IgnoreRule, Recorded
from tests.plan.build import (
    all_made,
    all_there,
    altered,
    desired,
    made,
    network_id,
    observed,
    record,
    service,
    stack,
    text,
)

WEB = stack(
    "web",
    service("db"),
    service("api", depends_on={"db": {"condition": "service_started", "restart": True, "required": True}}),
)
DB, API = all_made(WEB)
KNOWN = record(WEB)
AT = "stacks/web/compose.yaml"
NEW_ID = "sha256:" + "2" * 64


def _networks(container: Container, **endpoints: list[str]) -> Container:
    shown = {
        name: {"NetworkID": network_id(name), "Aliases": aliases, "IPAMConfig": None}
        for name, aliases in endpoints.items()
    }
    ids = {name: network_id(name) for name in endpoints}
    return replace(altered(container, "NetworkSettings", Networks=shown), networks=ids)


def _says(found: str, *expected: str) -> None:
    assert found.splitlines() == list(expected)


def test_first_deploy() -> None:
    """Nothing is there: images first, then every level in its order, and networks with the first who needs them."""
    _says(
        text(desired(WEB), observed([])),
        f"↓ stack/web/service/db  pull busybox  (missing: busybox is not here; {AT}:3)",
        f"↓ stack/web/service/api  pull busybox  (missing: busybox is not here; {AT}:3)",
        "+ stack/web/network/default  create web_default  (missing: not there; compose.yaml:9)",
        f"+ stack/web/service/db  create web-db-1  (missing: not there; {AT}:3)",
        f"+ stack/web/service/api  create web-api-1  (missing: not there; {AT}:3)",
        "Plan: 3 create, 2 pull.",
    )


@pytest.mark.parametrize("known", [Recorded(), KNOWN], ids=["record lost", "recorded"])
def test_nothing_to_do(known: Recorded) -> None:
    """Where all is as it should be the plan says so plainly, with or without a record."""
    _says(text(desired(WEB), all_there(WEB), known), "No changes.")


DAMAGES: list[tuple[str, list[Container], list[str]]] = [
    (
        "a crash",
        [DB, replace(API, state="exited", exit_code=1)],
        [f"↑ stack/web/service/api  start web-api-1  (drift: does not run; {AT}:3)", "Plan: 1 start."],
    ),
    (
        "never started",
        [DB, replace(API, state="created")],
        [f"↑ stack/web/service/api  start web-api-1  (drift: was never started; {AT}:3)", "Plan: 1 start."],
    ),
    (
        "dead",
        [DB, replace(API, state="dead")],
        [
            f"± stack/web/service/api  recreate web-api-1  (drift: the engine cannot start it any more; {AT}:3)",
            "Plan: 1 recreate.",
        ],
    ),
    (
        "removed",
        [DB],
        [f"+ stack/web/service/api  create web-api-1  (missing: not there; {AT}:3)", "Plan: 1 create."],
    ),
    (
        "paused",
        [DB, replace(API, state="paused")],
        [f"↑ stack/web/service/api  unpause web-api-1  (drift: is paused; {AT}:3)", "Plan: 1 unpause."],
    ),
    (
        "renamed",
        [DB, replace(API, name="other")],
        [
            f"~ stack/web/service/api  rename other  (drift: container_name differs; {AT}:3)",
            '    - container_name  "other"',
            '    + container_name  "web-api-1"',
            "Plan: 1 rename.",
        ],
    ),
    (
        "other environment",
        [DB, altered(API, "Config", Env=["A=2"])],
        [
            f"± stack/web/service/api  recreate web-api-1  (drift: environment.A differs; {AT}:3)  [downtime]",
            '    - environment.A  "2"',
            "Plan: 1 recreate.",
        ],
    ),
    (
        "other restart policy",
        [DB, altered(API, "HostConfig", RestartPolicy={"Name": "always", "MaximumRetryCount": 0})],
        [
            f"~ stack/web/service/api  update web-api-1  (drift: restart differs; {AT}:3)",
            '    - restart  "always"',
            '    + restart  "no"',
            "Plan: 1 update.",
        ],
    ),
    (
        "taken off its network",
        [DB, _networks(API)],
        [
            (f"+ stack/web/service/api  connect web-api-1  (drift: networks.default differs; {AT}:3)"),
            '    + networks.default  "web_default"',
            "Plan: 1 connect.",
        ],
    ),
    (
        "other aliases",
        [DB, _networks(API, web_default=["x"])],
        [
            (
                "- stack/web/service/api  disconnect web-api-1  "
                f"(drift: networks.default.aliases differs; {AT}:3)  [downtime]"
            ),
            f"+ stack/web/service/api  connect web-api-1  (drift: networks.default.aliases differs; {AT}:3)",
            '    - networks.default.aliases  ["x"]',
            '    + networks.default.aliases  ["api"]',
            "Plan: 1 connect, 1 disconnect.",
        ],
    ),
    (
        "on one network more",
        [DB, _networks(API, web_default=["api"], other=[])],
        [
            f"- stack/web/service/api  disconnect web-api-1  (drift: networks.other differs; {AT}:3)  [downtime]",
            '    - networks.other  "other"',
            "Plan: 1 disconnect.",
        ],
    ),
    (
        "left over beside the original",
        [DB, API, replace(API, id="left", name="0123456789ab_web-api-1", state="created")],
        [
            (
                "- stack/web/service/api  remove 0123456789ab_web-api-1  "
                f"(drift: left over from an interrupted run; {AT}:3)"
            ),
            "Plan: 1 remove.",
        ],
    ),
    (
        "left over alone",
        [DB, replace(API, name="0123456789ab_web-api-1", state="created")],
        [
            f"~ stack/web/service/api  rename 0123456789ab_web-api-1  (drift: container_name differs; {AT}:3)",
            '    - container_name  "0123456789ab_web-api-1"',
            '    + container_name  "web-api-1"',
            f"↑ stack/web/service/api  start 0123456789ab_web-api-1  (drift: was never started; {AT}:3)",
            "Plan: 1 rename, 1 start.",
        ],
    ),
    (
        "a one-off beside it",
        [DB, API, replace(API, id="once", name="web-api-run-1", oneoff=True, number=1)],
        ["No changes."],
    ),
]


@pytest.mark.parametrize(("containers", "expected"), [row[1:] for row in DAMAGES], ids=[row[0] for row in DAMAGES])
def test_least_harm(containers: list[Container], expected: list[str]) -> None:
    """What happened behind our back is mended by the mildest means, and named."""
    _says(text(desired(WEB), observed(containers, WEB), KNOWN), *expected)


def test_a_vanished_network() -> None:
    """A container that holds the id of a network that is gone is made anew: the engine can never start it again."""
    gone = altered(API, "NetworkSettings", Networks={"web_default": {"NetworkID": "gone", "Aliases": ["api"]}})
    stopped = replace(gone, networks={"web_default": "gone"}, state="exited")

    found = text(desired(WEB), observed([DB, stopped], WEB), KNOWN)

    assert found.splitlines()[0] == (
        f"± stack/web/service/api  recreate web-api-1  (drift: networks.default.id differs; {AT}:3)"
    )


def test_change_takes_along_who_asks_for_it() -> None:
    """A change in git names its line, recreates its service only, and restarts who wants to be restarted with it."""
    changed = stack("web", service("db", environment={"A": "2"}), WEB.services[1])

    _says(
        text(desired(changed), all_there(WEB), KNOWN),
        f"± stack/web/service/db  recreate web-db-1  (change: environment.A differs; {AT}:4)  [downtime]",
        '    + environment.A  "2"',
        f"↻ stack/web/service/api  restart web-api-1  (cascade: asks to be restarted with db; {AT}:4)  [downtime]",
        "Plan: 1 recreate, 1 restart.",
    )


def test_change_and_drift_are_kept_apart() -> None:
    """What was last applied is shown where it is neither what git wants nor what is there."""
    before = stack("web", service("db", environment={"A": "1", "B": "1"}))
    after = stack("web", service("db", environment={"A": "2", "B": "1"}))
    seen = observed([altered(made(before, "db"), "Config", Env=["A=3", "B=1"])], before)

    _says(
        text(desired(after), seen, record(before)),
        f"± stack/web/service/db  recreate web-db-1  (change: environment.A differs; {AT}:4)  [downtime]",
        '    - environment.A  "3"',
        '    + environment.A  "2"',
        '      environment.A  (applied "1")',
        "Plan: 1 recreate.",
    )


def test_an_image_that_moved() -> None:
    """A tag that means another image by now is a reason of its own."""
    found = text(desired(WEB), all_there(WEB, images={"busybox": NEW_ID}), KNOWN)

    assert found.splitlines()[0] == (
        f"± stack/web/service/db  recreate web-db-1  (image: image.id differs; {AT}:3)  [downtime]"
    )


def test_a_service_gone_from_git() -> None:
    """Containers of a service that git no longer names are removed."""
    _says(
        text(desired(stack("web", WEB.services[0])), all_there(WEB), KNOWN),
        "- stack/web/service/api  remove web-api-1  (removed: no longer in git)  [downtime]",
        "Plan: 1 remove.",
    )


def test_a_service_new_in_git() -> None:
    """A service that was never applied beside others that were is a change."""
    known = record(stack("web", WEB.services[0]))

    found = text(desired(WEB), observed([DB], WEB), known)

    assert found.splitlines()[0] == f"+ stack/web/service/api  create web-api-1  (change: new in git; {AT}:3)"


def test_replicas() -> None:
    """More and fewer replicas touch only those that come and go; the numbers go on from the highest."""
    one, three = stack("web", service("db")), stack("web", service("db", scale=3))

    _says(
        text(desired(three), all_there(one), record(one)),
        f"+ stack/web/service/db  create web-db-2  (change: 3 wanted, 1 before; {AT}:4)",
        f"+ stack/web/service/db  create web-db-3  (change: 3 wanted, 1 before; {AT}:4)",
        "Plan: 2 create.",
    )
    _says(
        text(desired(one), all_there(three), record(three)),
        f"- stack/web/service/db  remove web-db-2  (removed: 1 wanted, 3 before; {AT}:3)  [downtime]",
        f"- stack/web/service/db  remove web-db-3  (removed: 1 wanted, 3 before; {AT}:3)  [downtime]",
        "Plan: 2 remove.",
    )
    _says(
        text(desired(three), observed([made(three, "db"), made(three, "db", 3)], three), record(three)),
        f"+ stack/web/service/db  create web-db-4  (missing: not there; {AT}:3)",
        "Plan: 1 create.",
    )


def test_replicas_are_made_anew_together() -> None:
    """Compose makes all containers of a service anew or none, and the plan says so."""
    two = stack("web", service("db", scale=2))
    seen = observed([altered(made(two, "db"), "Config", Env=["A=2"]), made(two, "db", 2)], two)

    assert text(desired(two), seen, record(two)).splitlines()[2] == (
        "± stack/web/service/db  recreate web-db-2  "
        "(cascade: made anew together with the other containers of db)  [downtime]"
    )


VPN = stack("web", service("vpn"), service("app", network_mode="service:vpn"))


def test_shared_namespaces() -> None:
    """Who lives in another's namespace is made anew with it, and restarted when it is started."""
    changed = stack("web", service("vpn", environment={"A": "1"}), VPN.services[1])
    vpn, app = all_made(VPN)

    assert text(desired(VPN), all_there(VPN), record(VPN)) == "No changes."
    assert text(desired(changed), all_there(VPN), record(VPN)).splitlines()[2] == (
        f"± stack/web/service/app  recreate web-app-1  (cascade: shares a namespace with vpn; {AT}:3)  [downtime]"
    )
    assert text(
        desired(VPN), observed([replace(vpn, state="exited", exit_code=1), app], VPN), record(VPN)
    ).splitlines()[1] == (
        f"↻ stack/web/service/app  restart web-app-1  (cascade: shares a namespace with vpn; {AT}:3)  [downtime]"
    )


def test_a_donor_that_was_started_anew_has_other_namespaces() -> None:
    """Who runs since before its donor's last start lives in namespaces that the donor has left; later it is well."""
    vpn, app = all_made(VPN)
    inside = altered(app, "HostConfig", NetworkMode=f"container:{vpn.id}")
    begun = [altered(one, "State", StartedAt=f"2026-11-24T12:00:0{at}.5Z") for one, at in ((vpn, 1), (inside, 2))]
    early = altered(inside, "State", StartedAt="2026-11-24T12:00:01.25Z")

    assert text(desired(VPN), observed(begun, VPN), record(VPN)) == "No changes."
    assert text(desired(VPN), observed([begun[0], early], VPN), record(VPN)).splitlines()[0] == (
        "↻ stack/web/service/app  restart web-app-1  (drift: lives in a namespace that vpn has left: "
        f"it was started anew since; {AT}:3)  [downtime]"
    )


def _with(web: DesiredStack, **settings: Any) -> DesiredStack:
    return stack(web.name, *web.services, settings=settings)


def test_drift_is_only_reported_when_told_so() -> None:
    """With `correct: report` drift is held and changes are still made; the stack's word counts more than the device's."""
    seen = observed([DB, replace(API, state="exited", exit_code=1)], WEB)
    changed = stack("web", service("db", environment={"A": "2"}), WEB.services[1], settings={"correct": "report"})

    _says(
        text(desired(WEB), seen, KNOWN, correct="report"),
        "· stack/web/service/api  held: report (start web-api-1)",
        "No changes: 1 held.",
    )
    assert "start web-api-1  (drift" in text(desired(_with(WEB, correct="auto")), seen, KNOWN, correct="report")
    assert "recreate web-db-1  (change" in text(desired(changed), seen, KNOWN)
    assert "Plan: 3 create" in text(desired(WEB), observed([]), correct="report")


def test_ignored_fields() -> None:
    """A field that stack.yaml ignores is shown and left alone; a change in git is made all the same."""
    rule = IgnoreRule("services.a*.environment.*", "set by its own entrypoint")
    seen = observed([DB, altered(API, "Config", Env=["A=2"])], WEB)
    changed = stack("web", DESIRED_DB, service("api", environment={"A": "3"}), settings={"ignore": (rule,)})

    _says(
        text(desired(_with(WEB, ignore=(rule,))), seen, KNOWN),
        "· stack/web/service/api  held: ignored (set by its own entrypoint)",
        '    - environment.A  "2"',
        "No changes: 1 held.",
    )
    assert "recreate web-api-1  (change: environment.A" in text(desired(changed), seen, KNOWN)


DESIRED_DB = WEB.services[0]


def test_brackets_in_an_ignored_path_stand_for_themselves() -> None:
    """A port's path may be written as the plan shows it."""
    rule = IgnoreRule("web.ports[80/tcp]")
    wanted = stack("web", service("web"), settings={"ignore": (rule,)})
    container = altered(made(wanted, "web"), "HostConfig", PortBindings={"80/tcp": [{"HostIp": "", "HostPort": "81"}]})

    assert "held: ignored" in text(desired(wanted), observed([container], wanted), record(wanted))


def test_another_hash_is_never_a_reason() -> None:
    """A compose hash that differs from the proved one, while all fields agree, is said and left alone."""
    hashed = [replace(container, config_hash="old") for container in all_made(WEB)]
    web = KNOWN.stacks["web"]
    assert web.applied is not None
    services = {name: replace(one, config_hash="new") for name, one in web.applied.services.items()}
    known = replace(KNOWN, stacks={"web": replace(web, applied=replace(web.applied, services=services))})

    found = text(desired(WEB), observed(hashed, WEB), known)

    assert found.splitlines()[-1] == "No changes: 2 held."
    assert "held: hash algorithm changed" in found


def test_pull_policy() -> None:
    """`always` fetches when git changed the service, and not otherwise; `never` blocks where the image is not here."""
    always = stack("web", service("db", pull_policy="always"))
    changed = stack("web", service("db", pull_policy="always", environment={"A": "1"}))
    never = stack("web", service("db", pull_policy="never"))

    assert text(desired(always), all_there(always), record(always)) == "No changes."
    assert text(desired(changed), all_there(always), record(always)).startswith("↓ stack/web/service/db  pull busybox")
    assert "PullFailed: image busybox is not here, and pull_policy is never" in text(desired(never), observed([]))


def test_builds() -> None:
    """What is built is built when it is not here, and again when what it is built from changed."""
    before = stack("web", service("db", "mine", {"build:.": "1"}, build={"context": "."}))
    after = stack("web", service("db", "mine", {"build:.": "2"}, build={"context": "."}))
    otherwise = stack("web", service("db", "mine", {"build:.": "1"}, build={"context": ".", "target": "x"}))

    assert text(desired(before), all_there(before), record(before)) == "No changes."
    assert text(desired(before), observed([])).startswith(
        "↓ stack/web/service/db  build mine  (missing: mine is not here"
    )
    for wanted in (after, otherwise):
        first, second, _ = text(desired(wanted), all_there(before), record(before)).splitlines()
        assert first.startswith("↓ stack/web/service/db  build mine  (input: what it is built from changed")
        assert second.startswith("± stack/web/service/db  recreate web-db-1  (input: new content of build")
