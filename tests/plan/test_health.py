"""When a stack is ready, and how it is."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model import Container
from reconciler.plan.health import bound, dependencies_ready, dependency_ready, judge_stack, ready
from tests.plan.build import all_made, altered, made, service, stack

WEB = stack(
    "web",
    service("db"),
    service("migrate", depends_on={"db": {"condition": "service_healthy", "required": True}}),
    service("api", depends_on={"migrate": {"condition": "service_completed_successfully", "required": True}}),
)
DB, JOB, API = all_made(WEB)
DONE = replace(JOB, state="exited", exit_code=0)


@pytest.mark.parametrize(
    ("change", "state", "code"),
    [
        ({}, "ready", None),
        ({"health": "healthy"}, "ready", None),
        ({"health": "starting"}, "waiting", "health-starting"),
        ({"health": "unhealthy"}, "failed", "unhealthy"),
        ({"state": "exited", "exit_code": 1}, "failed", "exited"),
        ({"state": "dead"}, "failed", "exited"),
        ({"state": "created"}, "waiting", "not-running"),
        ({"state": "paused"}, "waiting", "not-running"),
        ({"state": "restarting"}, "waiting", "crash-loop"),
    ],
)
def test_one_container(change: dict[str, Any], state: str, code: str | None) -> None:
    """Each state of a container makes its stack ready, lets it wait, or fails it."""
    found = ready(WEB, [replace(DB, **change), DONE, API])

    assert (found.state, found.problem and found.problem.code) == (state, code)


def test_what_a_failure_tells() -> None:
    """A failure names container and exit code, and brings the last twenty lines of the log."""
    log = tuple(f"line {number}" for number in range(30))

    problem = ready(WEB, [DB, DONE, replace(API, state="exited", exit_code=7, log_tail=log)]).problem

    assert problem is not None
    assert (problem.target, problem.reason) == ("stack/web/service/api", "HealthFailed")
    assert (problem.args["container"], problem.args["exit"]) == ("web-api-1", "7")
    assert problem.args["log"].splitlines() == [f"line {number}" for number in range(10, 30)]


def test_a_container_that_cannot_start() -> None:
    """The engine's own words are handed on."""
    broken = altered(replace(API, state="created", exit_code=127), "State", Error="exec: not found")

    problem = ready(WEB, [DB, DONE, broken]).problem

    assert problem is not None
    assert (problem.code, problem.args["words"]) == ("start-failed", "exec: not found")


@pytest.mark.parametrize(
    ("age", "restarts", "state", "code"),
    [
        (0.1, 0, "waiting", "just-started"),
        (0.6, 0, "ready", None),
        (5.0, 1, "waiting", "crash-loop"),
        (5.0, 3, "failed", "crash-loop"),
        (11.0, 9, "ready", None),
        (-3.0, 0, "ready", None),
    ],
)
def test_what_has_only_just_begun_is_not_believed(age: float, restarts: int, state: str, code: str | None) -> None:
    """Running for a moment is no proof, less so after a crash; a clock that runs ahead of ours holds nobody up."""
    found = ready(WEB, [DB, DONE, replace(API, running_for=age, document={"RestartCount": restarts})])

    assert (found.state, found.problem and found.problem.code) == (state, code)


@pytest.mark.parametrize(("api", "db"), [(0.4, 0.1), (0.1, 0.4)])
def test_a_wait_lasts_as_long_as_its_longest_part(api: float, db: float) -> None:
    """Of several that have only just begun the youngest counts, whichever is named."""
    young = [replace(API, running_for=api), replace(DB, running_for=db, health=None)]

    assert ready(WEB, [*young, DONE]).seconds == pytest.approx(0.4)


def test_a_crash_loop() -> None:
    """Who was restarted again and again has failed."""
    looping = replace(API, state="restarting", exit_code=1, document={"RestartCount": 3})

    assert ready(WEB, [DB, DONE, looping]).state == "failed"


@pytest.mark.parametrize(
    ("job", "state"),
    [(JOB, "waiting"), (DONE, "ready"), (replace(DONE, exit_code=2), "failed")],
    ids=["runs", "done", "failed"],
)
def test_a_job(job: Container, state: str) -> None:
    """A job is ready when it has ended with 0."""
    assert ready(WEB, [DB, job, API]).state == state


def test_what_is_missing_is_not_waited_for() -> None:
    """Somebody removed it after it was made: no time brings it back, another pass does."""
    found = ready(WEB, [DB, DONE])
    assert (found.state, found.service, found.problem and found.problem.code) == ("failed", "api", "service-missing")


@pytest.mark.parametrize(
    ("condition", "change", "state"),
    [
        ("service_started", {"health": "starting"}, "ready"),
        ("service_started", {"state": "exited", "exit_code": 1}, "failed"),
        ("service_healthy", {"health": "starting"}, "waiting"),
        ("service_healthy", {"health": "healthy"}, "ready"),
    ],
)
def test_conditions(condition: str, change: dict[str, Any], state: str) -> None:
    """What a service waits for is judged by the condition it names."""
    assert dependency_ready(WEB, "db", condition, [replace(DB, **change)]).state == state


def test_a_job_that_runs_has_started() -> None:
    """Who only wants a job to have begun waits neither for its end nor for its success."""
    for job in (JOB, DONE, replace(DONE, exit_code=1)):
        assert dependency_ready(WEB, "migrate", "service_started", [job]).state == "ready"


def test_dependencies_outside_the_level() -> None:
    """Services that are started together do not wait for each other, and an optional one holds nobody up."""
    optional = stack(
        "web", service("a"), service("b", depends_on={"a": {"condition": "service_healthy", "required": False}})
    )

    assert dependencies_ready(WEB, ["api"], [DB, JOB]).state == "waiting"
    assert dependencies_ready(WEB, ["api"], [DB, DONE]).state == "ready"
    assert dependencies_ready(WEB, ["api", "migrate"], [DB]).state == "ready"
    assert dependencies_ready(optional, ["b"], []).state == "ready"


def test_the_bound() -> None:
    """A stack may take as long as its slowest health check, and at least a minute."""
    slow = {"test": ["CMD", "true"], "interval": "1m0s", "timeout": "10s", "retries": 5, "start_period": "30s"}

    assert bound(WEB) == 60
    assert (
        bound(stack("web", service("db", healthcheck={"test": ["CMD", "true"], "interval": "1s", "timeout": "1s"})))
        == 60
    )
    assert bound(stack("web", service("db", healthcheck=slow))) == 30 + 5 * 70
    assert bound(stack("web", service("db", healthcheck={**slow, "disable": True}))) == 60


@pytest.mark.parametrize(
    ("containers", "health"),
    [
        ([DB, DONE, API], "Healthy"),
        ([], "Missing"),
        ([DB, DONE], "Degraded"),
        ([DB, DONE, replace(API, state="exited", exit_code=1)], "Degraded"),
        ([DB, replace(DONE, exit_code=1), API], "Degraded"),
        ([DB, DONE, replace(API, health="starting")], "Progressing"),
        ([DB, DONE, replace(API, state="paused")], "Suspended"),
    ],
)
def test_the_health_axis(containers: list[Container], health: str) -> None:
    """The worst service gives a stack its health; all gone is Missing, some gone Degraded."""
    assert judge_stack(WEB, containers).health == health


def test_replicas_must_all_be_there() -> None:
    """One of two is not enough."""
    two = stack("web", service("db", scale=2))

    assert judge_stack(two, [made(two, "db")]).services == {"db": "Missing"}
