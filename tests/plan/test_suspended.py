"""A suspended stack is left alone by its own plan and by everybody else's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model import Plan, Suspension
from tests.plan.build import (
    NOW,
    STACKS,
    all_there,
    desired,
    file,
    lines,
    made,
    observed,
    plan,
    port,
    record,
    service,
    stack,
)

COPYING = Suspension("ada", "copying", NOW - timedelta(hours=1), NOW + timedelta(hours=1))
WEB = stack("web", service("api"))
CHANGED = stack("web", service("api", environment={"A": "1"}))
OTHER = stack("other", service("x"))
HELD = "· stack/web/service/api  held: suspended until 2026-11-24T13:00:00Z (ada: copying)"


def _plan(wanted: Any, seen: Any, *known: Any, suspension: Suspension = COPYING, **options: Any) -> Plan:
    return plan(wanted, seen, record(*known, suspended={"web": suspension}), **options)


def _says(wanted: Any, seen: Any, *known: Any, **options: Any) -> list[str]:
    return lines(wanted, seen, record(*known, suspended={"web": COPYING}), **options)


@pytest.mark.parametrize("patient", [True, False])
def test_nothing_is_done_to_it(patient: bool) -> None:
    """What git changes, what drifted and what somebody stopped is held, for the agent and for a person."""
    stopped = made(WEB, "api", state="exited", exit_code=0, stopped_by_hand=True, stopped_at=NOW)

    for wanted, seen in ((CHANGED, all_there(WEB)), (WEB, observed([], WEB)), (WEB, observed([stopped], WEB))):
        found = _plan(desired(wanted), seen, WEB, patient=patient)
        assert found.actions == ()
        assert {(h.target, h.why, h.until, h.note) for h in found.held} == {
            ("stack/web/service/api", "suspended", COPYING.until, "ada: copying")
        }


def test_each_thing_is_held_once() -> None:
    """A stack that is not there at all is held by its parts."""
    assert _says(desired(WEB), observed([], images={"busybox": "i"})) == [
        "· stack/web/network/default  held: suspended until 2026-11-24T13:00:00Z (ada: copying)",
        HELD,
    ]


@pytest.mark.parametrize(("until", "held"), [(None, True), (NOW, False), (NOW + timedelta(seconds=1), True)])
def test_it_ends(until: Any, held: bool) -> None:
    """When its time is over a suspension is none."""
    found = _plan(desired(CHANGED), all_there(WEB), WEB, suspension=replace(COPYING, until=until))

    assert bool(found.held) is held
    assert bool(found.actions) is not held


def test_it_prunes_nothing() -> None:
    """A suspended stack that git no longer names stays, also when a person confirms; the guard does not count it."""
    seen, known = all_there(WEB, OTHER), (WEB, OTHER)

    assert _says(desired(OTHER), seen, *known, confirm_prune=True) == [
        HELD,
        "· stack/web/network/default  held: suspended until 2026-11-24T13:00:00Z (ada: copying)",
    ]
    assert _plan(desired(OTHER), seen, *known).blocked == ()


@pytest.mark.parametrize("adopt", [False, True])
def test_nobody_inherits_it(adopt: bool) -> None:
    """A folder renamed in git has the same project: it gets nothing before the suspended one may go."""
    site = replace(stack("site", service("api"), project="web", settings={"adopt": adopt}), networks=WEB.networks)

    found = _plan(desired(site), all_there(WEB), WEB)

    assert [(problem.target, problem.reason, problem.code) for problem in found.blocked] == [
        ("stack/site", "Suspended", "project-suspended")
    ]
    assert found.actions == ()


def test_it_hands_nothing_over() -> None:
    """A port that git gives to another stack stays with the suspended one; the other is told who has it."""
    has = stack("web", service("api", ports=[port(80, 80)]))
    gets = stack("other", service("x", ports=[port(80, 80)]))

    found = _plan(desired(WEB, gets), all_there(has), has)

    assert [(problem.target, problem.reason) for problem in found.blocked] == [("stack/other/service/x", "PortTaken")]
    assert found.actions == ()


def test_it_claims_nothing() -> None:
    """A port that both want, and neither has, is for the one that is looked after."""
    wants = stack("web", service("api", ports=[port(80, 80)]))
    gets = stack("other", service("x", ports=[port(80, 80)]))

    found = _plan(desired(wants, gets), all_there(WEB), WEB)

    assert found.blocked == ()
    assert {action.stack for action in found.actions} == {"other"}


def test_who_depends_on_it() -> None:
    """With changes of the suspended one pending a dependant waits; with none it goes on."""
    before = stack("other", service("x"), settings={"depends_on": ("web",)})
    after = stack("other", service("x", environment={"A": "1"}), settings={"depends_on": ("web",)})
    seen = all_there(WEB, before)

    assert _says(desired(CHANGED, after), seen, WEB, before) == [
        "! stack/other  DependencyNotReady: waits for stack web, which is suspended (stacks/other/compose.yaml:1)",
        HELD,
    ]
    assert [a.target for a in _plan(desired(WEB, after), seen, WEB, before).actions] == ["stack/other/service/x"]


def test_its_files_are_left_alone_too() -> None:
    """What somebody edited in its folder is not put back."""
    web = replace(WEB, files=(file("a", "1"),))
    seen = all_there(web, files={f"{STACKS}/web/a": "2"})

    assert [held.why for held in _plan(desired(web), seen, web).held] == ["suspended"]
