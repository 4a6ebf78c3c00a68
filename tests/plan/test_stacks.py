"""Several stacks: their order, what they wait for, and what is taken away."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model import Problem
from tests.plan.build import (
    all_made,
    all_there,
    desired,
    lines,
    made,
    network,
    observed,
    plan,
    record,
    service,
    stack,
    text,
)


def _stack(name: str, *needs: str, problems: tuple[Problem, ...] = ()):
    return stack(name, service("x"), settings={"depends_on": needs}, problems=problems)


A, B, C = _stack("a", "b"), _stack("b", "c"), _stack("c")
CHANGED_B = stack("b", service("x", environment={"A": "1"}), settings={"depends_on": ("c",)})
BAD = Problem("stack/c", "InvalidSource", "dependency-unknown", {"dependency": "x"})


def test_order() -> None:
    """Stacks come after those they depend on, and their first actions after the last ones of those."""
    actions = plan(desired(A, B, C), observed([], images={"busybox": "i"})).actions

    assert [action.target for action in actions if action.service] == [
        "stack/c/service/x",
        "stack/b/service/x",
        "stack/a/service/x",
    ]
    assert [(action.id, action.after) for action in actions] == [
        ("a1", ()),
        ("a2", ()),
        ("a3", ("a1", "a2")),
        ("a4", ("a1", "a2")),
        ("a5", ("a3", "a4")),
        ("a6", ("a3", "a4")),
    ]


def test_a_cycle_is_printed() -> None:
    """Stacks on a cycle are blocked, each with the cycle as it sees it; others are not."""
    assert lines(
        desired(A, B, _stack("c", "a"), _stack("d")), all_there(A, B, C, _stack("d")), record(A, B, C, _stack("d"))
    ) == [
        "! stack/c  DependencyCycle: stacks wait for each other: c → a → b → c (stacks/c/compose.yaml:1)",
        "! stack/b  DependencyCycle: stacks wait for each other: b → c → a → b (stacks/b/compose.yaml:1)",
        "! stack/a  DependencyCycle: stacks wait for each other: a → b → c → a (stacks/a/compose.yaml:1)",
    ]


def test_an_unknown_stack() -> None:
    """A name that this device does not have is an error of the file that says it."""
    assert lines(desired(_stack("a", "nope")), observed([])) == [
        "! stack/a  InvalidSource: depends_on names nope, and this device has no such stack (stacks/a/compose.yaml:1)"
    ]


def test_only_dependants_are_blocked() -> None:
    """A stack that cannot be rendered blocks those that wait for it and have something to do, and nobody else."""
    broken = replace(C, services=(), problems=(BAD,))
    seen = observed(all_made(A, C), A, B, C)

    found = lines(desired(A, B, broken, _stack("d")), seen, record(A, B, C))

    assert [line.split("  ")[0] for line in found if line.startswith("!")] == ["! stack/c", "! stack/b"]
    assert "! stack/b  DependencyNotReady: waits for stack c, which is held up (stacks/b/compose.yaml:1)" in found
    assert any(line.startswith("+ stack/d/service/x") for line in found)


@pytest.mark.parametrize(
    ("state", "health", "word"), [("exited", None, "Degraded"), ("running", "starting", "Progressing")]
)
def test_a_dependency_that_is_not_well(state: str, health: str | None, word: str) -> None:
    """A stack waits for one that needs nothing done and is not healthy."""
    ill = made(C, "x", state=state, health=health, exit_code=1)
    job = replace(C, settings=replace(C.settings, jobs=("x",)))
    seen = observed([*all_made(B), ill], B, C)

    found = lines(desired(CHANGED_B, job if state == "exited" else C), seen, record(B, C))

    assert found == [f"! stack/b  DependencyNotReady: waits for stack c, which is {word} (stacks/b/compose.yaml:1)"]


def test_a_dependency_with_work_of_its_own() -> None:
    """A dependency that is mended in the same plan comes first and blocks nobody."""
    seen = observed([*all_made(B), made(C, "x", state="exited", exit_code=1)], B, C)

    assert [a.kind for a in plan(desired(CHANGED_B, C), seen, record(B, C)).actions] == ["start", "recreate"]


def test_scope() -> None:
    """Only the stacks in scope are planned; one that waits for a stack outside with work to do is blocked."""
    seen = observed(all_made(B), B, images={"busybox": "i"})

    assert lines(desired(CHANGED_B, C), seen, record(B), scope=frozenset({"b"})) == [
        "! stack/b  DependencyNotReady: waits for stack c, which is not applied yet (stacks/b/compose.yaml:1)"
    ]
    assert lines(desired(CHANGED_B, C), seen, record(B), scope=frozenset()) == []


def test_problems_of_the_repository() -> None:
    """While the repository as a whole has problems nothing is planned."""
    problem = Problem("source", "AgentTooOld", "dependency-unknown", {"dependency": "x"})

    found = plan(desired(A, problems=(problem,)), observed([]), record(C))

    assert (found.actions, found.blocked) == ((), (problem,))


# ── gone from git ────────────────────────────────────────────────────────────────────────────────

GONE = stack("gone", service("db"), service("api", depends_on={"db": {"condition": "service_started"}}))
KEPT = (_stack("k1"), _stack("k2"))


def test_a_stack_gone_from_git() -> None:
    """Containers go in the reverse order of what they wait for, then networks; nothing else does."""
    assert text(desired(*KEPT), all_there(GONE, *KEPT), record(GONE, *KEPT)).splitlines() == [
        "- stack/gone/service/api  remove gone-api-1  (removed: no longer in git)  [downtime]",
        "- stack/gone/service/db  remove gone-db-1  (removed: no longer in git)  [downtime]",
        "- stack/gone/network/default  remove gone_default  (removed: no longer in git)",
        "Plan: 3 remove.",
    ]


def test_prune_only_what_labels_and_inventory_call_ours() -> None:
    """A container from another folder, or one that the inventory does not name, stays, and so does its network."""
    db, api = all_made(GONE)
    seen = observed([replace(db, working_dir="/opt"), replace(api, name="other"), *all_made(*KEPT)], GONE, *KEPT)

    found = text(desired(*KEPT), seen, record(GONE, *KEPT))

    assert found.splitlines()[-1] == "No changes."
    assert "network gone_default is no longer needed, but gone-db-1 is on it" in found


@pytest.mark.parametrize(
    ("kept", "gone", "refused"),
    [(0, 1, True), (1, 1, False), (2, 1, False), (1, 2, True), (2, 2, False), (0, 2, True)],
)
def test_the_guard_against_pruning_too_much(kept: int, gone: int, refused: bool) -> None:
    """Every stack, or more than half of three or more, goes only when confirmed."""
    staying = [_stack(f"k{number}") for number in range(kept)]
    going = [_stack(f"g{number}") for number in range(gone)]
    wanted, seen, known = desired(*staying), all_there(*staying, *going), record(*staying, *going)

    found = plan(wanted, seen, known)

    assert {problem.reason for problem in found.blocked} == ({"PruneRefused"} if refused else set())
    assert bool(found.actions) is not refused
    assert plan(wanted, seen, known, confirm_prune=True).actions


@pytest.mark.parametrize(
    ("known", "code"),
    [
        ({"device": "before"}, "device-renamed"),
        ({"machine_id": "m0"}, "machine-changed"),
        ({"had_device_folder": True}, "device-folder-gone"),
    ],
)
def test_nothing_is_pruned_on_another_device(known: dict[str, Any], code: str) -> None:
    """After the device's name, machine or folder changed nothing is taken away unless confirmed."""
    seen = all_there(GONE, *KEPT, machine_id="m1")

    found = plan(desired(*KEPT), seen, record(GONE, *KEPT, **known))

    assert [(problem.reason, problem.code) for problem in found.blocked] == [("DeviceChanged", code)]
    assert plan(desired(*KEPT), seen, record(GONE, *KEPT, **known), confirm_prune=True).actions


def test_prune_false_only_reports() -> None:
    """The last applied `prune: false` keeps a stack that is gone from git."""
    kept = replace(GONE, settings=replace(GONE.settings, prune=False))

    assert text(desired(*KEPT), all_there(GONE, *KEPT), record(kept, *KEPT)).splitlines() == [
        "· stack/gone  held: report (prune: false)",
        "No changes: 1 held.",
    ]


def test_a_project_that_was_renamed() -> None:
    """What was made under the project's former name goes before the new one comes."""
    before = _stack("a")
    after = stack("a", service("x"), project="new", networks=(network("new_default"),))

    assert lines(desired(after), all_there(before), record(before)) == [
        "- stack/a/service/x  remove a-x-1  (removed: project a is called new now)  [downtime]",
        "- stack/a/network/default  remove a_default  (removed: project a is called new now)",
        "+ stack/a/network/default  create new_default  (missing: not there; compose.yaml:9)",
        "+ stack/a/service/x  create new-x-1  (missing: not there; stacks/a/compose.yaml:3)",
    ]
