"""Services that run once and end."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler.plan.jobs import believed_jobs
from tests.plan.build import all_made, altered, desired, made, observed, record, service, stack, text

WEB = stack(
    "web",
    service("migrate"),
    service("api", depends_on={"migrate": {"condition": "service_completed_successfully", "required": True}}),
)
JOB, API = all_made(WEB)
DONE = replace(JOB, state="exited", exit_code=0)
KNOWN = record(WEB)


@pytest.mark.parametrize("code", [0, 3])
def test_an_ended_job_is_never_run_again_unasked(code: int) -> None:
    """A job that ended, well or badly, stays as it is."""
    assert text(desired(WEB), observed([replace(DONE, exit_code=code), API], WEB), KNOWN) == "No changes."


def test_drift_of_a_finished_job_is_reported() -> None:
    """What would run a job again, and is no change in git, is shown and left alone."""
    seen = observed([altered(DONE, "Config", Env=["A=2"]), API], WEB)

    assert text(desired(WEB), seen, KNOWN).splitlines() == [
        "· stack/web/service/migrate  held: report (the job would run again)",
        '    - environment.A  "2"',
        "No changes: 1 held.",
    ]


def test_a_change_in_git_runs_a_job_again() -> None:
    """Changed in git, by field or by input, a job is made anew."""
    by_field = stack("web", service("migrate", environment={"V": "2"}), WEB.services[1])
    by_input = stack("web", service("migrate", inputs={"bind:sql": "2"}), WEB.services[1])
    before = stack("web", service("migrate", inputs={"bind:sql": "1"}), WEB.services[1])

    assert "recreate web-migrate-1  (change: environment.V" in text(
        desired(by_field), observed([DONE, API], WEB), KNOWN
    )
    assert "recreate web-migrate-1  (input: new content of bind:sql" in text(
        desired(by_input), observed([DONE, API], WEB), record(before)
    )


@pytest.mark.parametrize(
    ("restart", "by_hand", "expected"),
    [
        ("no", False, "No changes."),
        ("no", None, "No changes."),
        ("on-failure", None, "No changes."),
        ("no", True, "start web-db-1"),
        ("always", False, "start web-db-1"),
        ("unless-stopped", None, "start web-db-1"),
    ],
)
def test_a_clean_exit(restart: str, by_hand: bool | None, expected: str) -> None:
    """Exit 0 ends the work of what nothing starts again, unless somebody stopped it."""
    web = stack("web", service("db", restart=restart))
    ended = made(web, "db", state="exited", exit_code=0, stopped_by_hand=by_hand)

    assert expected in text(desired(web), observed([ended], web), record(web))


def test_what_the_engine_ended_has_not_finished() -> None:
    """A service that says 0 when the engine tells it to end, as that goes down, is brought back whatever its policy."""
    web = stack("web", service("db", restart="no"))
    ended = made(
        web, "db", state="exited", exit_code=0, stopped_by_hand=False, stopped_at=datetime(2026, 5, 1, tzinfo=UTC)
    )

    assert "start web-db-1" in text(desired(web), observed([ended], web), record(web))


@pytest.mark.parametrize(
    ("jobs", "by_hand", "expected"), [((), None, {"db"}), ((), False, set()), (("db",), None, set())]
)
def test_what_is_only_believed_to_be_a_job(jobs: tuple[str, ...], by_hand: bool | None, expected: set[str]) -> None:
    """Who ended it is forgotten, and no file calls it a job."""
    web = stack("web", service("db", restart="no"), settings={"jobs": jobs})

    assert believed_jobs(web, [made(web, "db", state="exited", exit_code=0, stopped_by_hand=by_hand)]) == expected


def test_a_listed_job() -> None:
    """A job that only stack.yaml names is one, too: ended badly it is left alone."""
    web = stack("web", service("db"), settings={"jobs": ("db",)})
    ended = made(web, "db", state="exited", exit_code=1)

    assert text(desired(web), observed([ended], web), record(web)) == "No changes."
