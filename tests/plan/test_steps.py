"""What is done next for a stack, told as the list of steps that a run takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.model import Action, Cause, Container, DesiredService, DesiredStack, Problem, Step
from reconciler.plan.steps import Journal, next_step

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PROBLEM = Problem("stack/web", "", "up-failed")


def service(name: str, **document: Any) -> DesiredService:
    return DesiredService(name, {"image": "app:1", **document}, "d")


def container(name: str, state: str = "running", **more: Any) -> Container:
    return Container(
        f"id-{name}", f"web-{name}-1", state, "app:1", "sha", project="web", service=name, number=1, **more
    )


def action(kind: Any, name: str | None, level: int = 0) -> Action:
    target = f"stack/web/service/{name}" if name else "stack/web/network/default"
    return Action(
        target, kind, "change", Cause("field"), object=f"web-{name}-1", id=f"{kind}-{name}", stack="web", service=name,
        level=level,
    )  # fmt: skip


API = service("api", depends_on={"db": {"condition": "service_healthy"}})
DB = service("db", healthcheck={"test": ["CMD", "true"]})
WEB = DesiredStack("web", "web", "/stacks/web", services=(API, DB))
HEALTHY = (container("api"), container("db", health="healthy"))


def told(step: Step) -> str:
    names = ",".join(a.id for a in step.actions) or ",".join(step.services)
    force = " force" if step.force else ""
    return f"{step.kind}{force} {names}".strip() if step.kind != "settled" else f"settled {step.result}"


def walk(
    actions: Sequence[Action],
    stack: DesiredStack | None = WEB,
    containers: Callable[[Journal], Sequence[Container]] = lambda journal: HEALTHY,
) -> list[str]:
    """Take steps until the stack is settled, each of them succeeding, a wait lasting a minute."""
    journal, now = Journal(), NOW
    steps: list[str] = []
    while not steps or not steps[-1].startswith("settled"):
        step = next_step(stack, "web", actions, journal, containers(journal), now)
        steps.append(told(step))
        journal = journal.after(step, now)
        now += timedelta(minutes=1)
        assert len(steps) < 30
    return steps


def test_nothing_to_do_still_puts_files_in_place():
    """A stack without actions gets its files and is settled."""
    assert walk([]) == ["files", "settled NoChange"]


def test_the_order_of_a_whole_change():
    """Files, images, what goes, then level by level what comes."""
    actions = [
        action("recreate", "api", 1),
        action("create", "db"),
        action("create", None),
        action("pull", "db", -3),
        action("build", "api", -2),
        action("remove", "old", -2),
        action("disconnect", "api", -1),
    ]

    assert walk(actions) == [
        "files", "pull pull-db", "build build-api", "call remove-old", "call disconnect-api",
        "up create-db,create-None", "up force recreate-api", "settled Applied",
    ]  # fmt: skip


def test_services_of_one_level_share_a_compose_call():
    """Two services of one level are recreated by one call, and those that are missing by another."""
    actions = [action("recreate", "a"), action("recreate", "b"), action("create", "c")]

    assert walk(actions)[1:3] == ["up force recreate-a,recreate-b", "up create-c"]


def test_names_are_mended_once_and_only_where_one_is_amiss():
    """What an interrupted compose run left is put right before compose is called again."""
    leftover = replace(container("api"), name="0123456789ab_web-api-1")

    assert walk([action("create", "db")], containers=lambda journal: (*HEALTHY, leftover))[:3] == [
        "files", "repair-names", "up create-db",
    ]  # fmt: skip
    assert walk([action("start", "api")], containers=lambda journal: (*HEALTHY, leftover))[1] == "call start-api"


def test_a_wait_says_how_long_it_lasts():
    """What has only just begun is looked at when its first moment is over; for health nobody knows."""
    journal = Journal(done=frozenset({"create-api"}), taken=frozenset({"files", "up"}))

    def wait(**db: Any) -> float:
        there = (container("api", running_for=0.2), container("db", **db))
        return next_step(WEB, "web", [action("create", "api")], journal, there, NOW).seconds

    assert wait(health="healthy") == pytest.approx(0.3)
    assert wait(health="starting") == pytest.approx(0.3)
    assert next_step(WEB, "web", [action("create", "api")], journal, (container("api"),), NOW).seconds == 0


def test_a_dependant_waits_for_health():
    """Nothing of the next level is touched before what it waits for is healthy."""
    looks = iter(["starting", "starting", "healthy", "healthy", "healthy"])

    def containers(journal: Journal) -> Sequence[Container]:
        return (container("api"), container("db", health=next(looks) if "up" in journal.taken else "starting"))

    assert walk([action("create", "db"), action("recreate", "api", 1)], containers=containers) == [
        "files", "up create-db", "wait db", "wait db", "up force recreate-api", "settled Applied",
    ]  # fmt: skip


def test_a_wait_is_bounded():
    """What never gets ready ends the run, as partly done."""
    starting = (container("api"), container("db", health="starting"))

    steps = walk([action("create", "db"), action("create", "api", 1)], containers=lambda journal: starting)

    assert steps[2:-1] == ["wait db"] * len(steps[2:-1]) != []
    assert steps[-1] == "settled FailedPartial"


def test_a_failed_dependency_ends_the_run_at_once():
    """A dependency that has exited is not waited for."""
    gone = (container("api"), container("db", "exited", exit_code=1))

    steps = walk([action("create", "db"), action("create", "api", 1)], containers=lambda journal: gone)

    assert steps[-2:] == ["up create-db", "settled FailedPartial"]


def test_taking_a_stack_away_needs_no_files():
    """A stack that is gone from git only goes."""
    actions = [action("remove", "api", -3), action("remove", "db", -2), action("remove", None, -1)]

    assert walk(actions, stack=None) == ["call remove-api", "call remove-db", "call remove-None", "settled Applied"]


@pytest.mark.parametrize(
    ("taken", "result"),
    [
        ({"files", "pull"}, "FailedUnchanged"),
        ({"files", "pull", "build", "repair-names"}, "FailedUnchanged"),
        ({"files", "up"}, "FailedPartial"),
        ({"call"}, "FailedPartial"),
    ],
)
def test_a_failure_tells_whether_anything_running_was_touched(taken, result):
    """Before the first container is touched a failure leaves things as they were."""
    journal = Journal(taken=frozenset(taken), problem=PROBLEM)

    step = next_step(WEB, "web", [action("recreate", "api")], journal, HEALTHY, NOW)

    assert (result, PROBLEM) == (step.result, step.problem)


def test_a_restarted_agent_asks_again():
    """A journal that knows nothing leads to the same steps for what is left of the plan."""
    assert walk([action("start", "api", 1)]) == ["files", "call start-api", "settled Applied"]


def test_adoption_and_files_put_back_are_done_with_the_files():
    """Neither needs a call."""
    assert walk([action("adopt", None), action("put-back", None)]) == [
        "files adopt-None,put-back-None",
        "settled Applied",
    ]
