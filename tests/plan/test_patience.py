"""What somebody stopped on purpose stays so until its grace is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model import Container
from reconciler.plan.patience import resting_services
from tests.plan.build import NOW, all_made, altered, desired, made, observed, plan, record, service, stack, text

WEB = stack("web", service("db"), service("api", depends_on={"db": {"condition": "service_started"}}))
KNOWN = record(WEB)
API = made(WEB, "api")
STOPPED = made(WEB, "db", state="exited", exit_code=137, stopped_by_hand=True, stopped_at=NOW - timedelta(seconds=60))
NOTE = "web-db-1 was stopped by somebody; to leave it so: reconciler suspend web --reason …"


def _says(*containers: Container, wanted: Any = WEB, known: Any = KNOWN, **options: Any) -> list[str]:
    return text(desired(wanted), observed(containers, wanted), known, **{"patient": True, **options}).splitlines()


def test_a_stop_waits() -> None:
    """A pass of the agent holds what would bring it back, and says until when and how to leave it so."""
    found = plan(desired(WEB), observed([STOPPED, API], WEB), KNOWN, patient=True)

    assert found.actions == ()
    assert [(h.target, h.why, h.until, h.note) for h in found.held] == [
        ("stack/web/service/db", "stop_grace", NOW + timedelta(seconds=540), NOTE)
    ]
    assert resting_services(found.held, "web") == {"db"}
    assert resting_services(found.held, "other") == frozenset()


def test_a_pause_waits() -> None:
    """A pause is as much a person's as a stop."""
    paused = replace(STOPPED, state="paused")

    assert (
        _says(paused, API)[0]
        == f"· stack/web/service/db  held: stop_grace until 2026-11-24T12:09:00Z ({NOTE.replace('stopped', 'paused')})"
    )


@pytest.mark.parametrize(
    ("change", "options", "held"),
    [
        ({}, {"stop_grace": 61.0}, True),
        ({}, {"stop_grace": 60.0}, False),
        ({}, {"stop_grace": 0.0}, False),
        ({}, {"patient": False}, False),
        ({"stopped_by_hand": False}, {}, False),
        ({"stopped_by_hand": None}, {}, False),
        ({"stopped_at": None}, {}, False),
        ({"state": "created"}, {}, False),
        ({"stopped_at": NOW + timedelta(seconds=601)}, {}, False),
    ],
)
def test_at_once(change: dict[str, Any], options: dict[str, Any], held: bool) -> None:
    """Over, crashed, of unknown time, or of a clock that was set back: at once; and for a person always."""
    assert _says(replace(STOPPED, **change), API, **options)[0].startswith("·" if held else "↑") is True


@pytest.mark.parametrize(("own", "held"), [(0.0, False), (61.0, True), (None, False)])
def test_the_stack_s_own_grace_wins(own: float | None, held: bool) -> None:
    """`stop_grace` of stack.yaml outweighs the device's, also with 0."""
    wanted = replace(WEB, settings=replace(WEB.settings, stop_grace=own))
    device = 0.0 if held else 1.0 if own is None else 600.0

    assert _says(STOPPED, API, wanted=wanted, stop_grace=device)[0].startswith("·" if held else "↑") is True


def test_the_index_knows_no_time() -> None:
    """Another moment of the same stop is the same plan."""
    later = replace(STOPPED, stopped_at=NOW - timedelta(seconds=30))
    first, second = (plan(desired(WEB), observed([one, API], WEB), KNOWN, patient=True) for one in (STOPPED, later))

    assert first.held != second.held
    assert first.index == second.index


def test_what_git_changes_is_done() -> None:
    """A new environment from git makes the container anew, stopped or not."""
    wanted = stack("web", service("db", environment={"A": "1"}), WEB.services[1])

    assert _says(STOPPED, API, wanted=wanted)[0].startswith("± stack/web/service/db  recreate web-db-1  (change")


def test_what_git_renames_stays_stopped() -> None:
    """A repair that brings nothing back is no reason to bring it back."""
    wanted = stack("web", service("db", container_name="base"), WEB.services[1])
    found = plan(desired(wanted), observed([STOPPED, API], WEB), KNOWN, patient=True)

    assert [action.kind for action in found.actions] == ["rename", "disconnect", "connect"]
    assert [held.why for held in found.held] == ["stop_grace"]


def test_drift_of_what_rests_is_shown_and_waits() -> None:
    """To put a field back would start it again."""
    found = plan(desired(WEB), observed([altered(STOPPED, "Config", Env=["A=1"]), API], WEB), KNOWN, patient=True)

    assert found.actions == ()
    assert [(h.why, [f.path for f in h.fields]) for h in found.held] == [("stop_grace", ["environment.A"])]


def test_who_waits_for_it_rests_too() -> None:
    """What crashes because its database was stopped is not started in vain; what runs goes on."""
    crashed = replace(API, state="exited", exit_code=1, stopped_by_hand=False)

    assert _says(STOPPED, crashed) == [
        f"· stack/web/service/db  held: stop_grace until 2026-11-24T12:09:00Z ({NOTE})",
        "· stack/web/service/api  held: stop_grace until 2026-11-24T12:09:00Z (waits for db, which somebody stopped)",
        "No changes: 2 held.",
    ]
    assert _says(STOPPED, API) == [
        f"· stack/web/service/db  held: stop_grace until 2026-11-24T12:09:00Z ({NOTE})",
        "No changes: 1 held.",
    ]


def test_others_are_mended_meanwhile() -> None:
    """Only what rests waits."""
    web = stack("web", service("db"), service("api"))
    crashed = replace(API, state="exited", exit_code=1, stopped_by_hand=False)

    assert _says(STOPPED, crashed, wanted=web, known=record(web))[0].startswith("↑ stack/web/service/api")


TWO = stack("web", service("db", scale=2))
ONE, OTHER = all_made(TWO)
RESTING = replace(OTHER, state="exited", exit_code=0, stopped_by_hand=True, stopped_at=NOW)


def test_replicas() -> None:
    """Compose starts all replicas, or makes all anew: a reason of another replica's own takes the stopped one along."""

    def kinds(*containers: Container) -> list[tuple[str, str]]:
        found = plan(desired(TWO), observed(containers, TWO), record(TWO), patient=True)
        return [(action.kind, action.object) for action in found.actions]

    assert kinds(ONE, RESTING) == []
    assert kinds(ONE, altered(RESTING, "Config", Env=["A=1"])) == []
    assert kinds(RESTING) == [("start", "web-db-2"), ("create", "web-db-3")]
    assert kinds(altered(ONE, "Config", Env=["A=1"]), RESTING) == [("recreate", "web-db-1"), ("recreate", "web-db-2")]


def test_a_cascade_leaves_it() -> None:
    """Who lives in the namespace of a service that git changes stays stopped, and is made anew later."""
    before = stack("web", service("vpn"), service("app", network_mode="service:vpn"))
    after = stack("web", service("vpn", environment={"A": "1"}), before.services[1])
    vpn, app = all_made(before)
    resting = replace(app, state="exited", exit_code=0, stopped_by_hand=True, stopped_at=NOW)
    found = plan(desired(after), observed([vpn, resting], before), record(before), patient=True)

    assert [(action.kind, action.service) for action in found.actions] == [("recreate", "vpn")]


def test_a_removal_is_no_stop() -> None:
    """A container that is gone is made at once."""
    assert _says(API)[0].startswith("+ stack/web/service/db  create web-db-1")


def test_a_finished_job_stays_finished() -> None:
    """Nothing waits for anything where nothing is to be done."""
    web = stack("web", service("db"), settings={"jobs": ("db",)})
    ended = replace(made(web, "db"), state="exited", exit_code=0, stopped_by_hand=True, stopped_at=NOW)

    assert _says(ended, wanted=web, known=record(web)) == ["No changes."]


def test_drift_that_is_only_reported_is_reported() -> None:
    """`correct: report` needs no patience."""
    wanted = replace(WEB, settings=replace(WEB.settings, correct="report"))

    assert _says(STOPPED, API, wanted=wanted)[0] == "· stack/web/service/db  held: report (start web-db-1)"
