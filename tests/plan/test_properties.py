"""What holds for every plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.model import Container, Desired, DesiredService, DesiredStack, Observed, Recorded
from reconciler.plan.text import NO_CHANGES, plan_text
from tests.plan.build import all_made, all_there, altered, desired, observed, plan, record, service, stack
from tests.plan.simulate import carry_out

_NAMES = ("a", "b", "c")


@st.composite
def _services(draw: st.DrawFn) -> tuple[DesiredService, ...]:
    names = _NAMES[: draw(st.integers(1, 3))]
    return tuple(_service(draw, name, names[:index]) for index, name in enumerate(names))


def _service(draw: st.DrawFn, name: str, before: tuple[str, ...]) -> DesiredService:
    document: dict[str, Any] = {}
    if draw(st.booleans()):
        document["environment"] = {"A": draw(st.sampled_from(("1", "2")))}
    if draw(st.booleans()):
        document["restart"] = draw(st.sampled_from(("always", "on-failure:3")))
    if draw(st.booleans()):
        document["mem_limit"] = draw(st.sampled_from(("1000000", "2000000")))
    if draw(st.booleans()):
        document["scale"] = draw(st.integers(1, 3))
    waits = draw(st.sets(st.sampled_from(before))) if before else set()
    if waits:
        details = {"condition": "service_started", "restart": draw(st.booleans()), "required": True}
        document["depends_on"] = dict.fromkeys(sorted(waits), details)
    return service(name, **document)


@st.composite
def _stacks(draw: st.DrawFn) -> tuple[DesiredStack, ...]:
    names = _NAMES[: draw(st.integers(1, 3))]
    return tuple(
        stack(
            name, *draw(_services()), settings={"depends_on": tuple(sorted(draw(st.sets(st.sampled_from(names[:i])))))}
        )
        if i
        else stack(name, *draw(_services()))
        for i, name in enumerate(names)
    )


_DAMAGES: dict[str, Callable[[Container], Container | None]] = {
    "none": lambda container: container,
    "gone": lambda container: None,
    "ended": lambda container: replace(container, state="exited", exit_code=1),
    "paused": lambda container: replace(container, state="paused"),
    "created": lambda container: replace(container, state="created"),
    "renamed": lambda container: replace(container, name=f"{container.name}-old"),
    "edited": lambda container: altered(container, "Config", Env=["B=1"]),
    "policy": lambda container: altered(
        container, "HostConfig", RestartPolicy={"Name": "unless-stopped", "MaximumRetryCount": 0}
    ),
    "memory": lambda container: altered(container, "HostConfig", Memory=5000000, MemorySwap=10000000),
    "cut off": lambda container: replace(altered(container, "NetworkSettings", Networks={}), networks={}),
}


def _damage(draw: st.DrawFn, container: Container) -> list[Container]:
    found = _DAMAGES[draw(st.sampled_from(sorted(_DAMAGES)))](container)
    return [] if found is None else [found]


@st.composite
def _situations(draw: st.DrawFn) -> tuple[Desired, Observed, Recorded]:
    """Draw stacks as they were and as git wants them now, and an engine on which some hand was at work."""
    before, after = draw(_stacks()), draw(_stacks())
    containers = [found for container in all_made(*before) for found in _damage(draw, container)]
    seen = replace(observed(containers, *before), images=draw(st.sampled_from(({}, all_there(*before).images))))
    return desired(*after), seen, draw(st.sampled_from((Recorded(), record(*before))))


@settings(max_examples=50, deadline=None)
@given(_stacks(), st.booleans())
def test_equal_states_need_nothing(stacks: tuple[DesiredStack, ...], known: bool) -> None:
    """Where everything is as git wants it, the plan is empty, with and without a record."""
    made = plan(desired(*stacks), all_there(*stacks), record(*stacks) if known else None)

    assert (made.actions, made.blocked, made.held) == ((), (), ())


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_situations())
def test_carrying_a_plan_out_leaves_nothing_to_do(situation: tuple[Desired, Observed, Recorded]) -> None:
    """After a plan was carried out, the next one is empty."""
    wanted, seen, known = situation
    first = plan(wanted, seen, known, confirm_prune=True)
    after = carry_out(first, wanted, seen)

    second = plan(wanted, after, record(*wanted.stacks))

    assert plan_text(replace(second, held=())) == NO_CHANGES


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_situations())
def test_the_same_facts_give_the_same_plan(situation: tuple[Desired, Observed, Recorded]) -> None:
    """A plan, its index included, depends on its arguments only, and not on the order in which the engine lists things."""
    wanted, seen, known = situation
    shuffled = replace(seen, containers=seen.containers[::-1], networks=seen.networks[::-1])

    assert plan(wanted, seen, known) == plan(wanted, shuffled, known)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_situations())
def test_order_respects_dependencies(situation: tuple[Desired, Observed, Recorded]) -> None:
    """What waits for another service or stack comes after everything that is done for that one."""
    wanted, seen, known = situation
    actions = plan(wanted, seen, known).actions
    seen_ids: set[str] = set()
    for action in actions:
        assert seen_ids.issuperset(action.after)
        seen_ids.add(action.id)

    place = {action.id: index for index, action in enumerate(actions)}
    for one in wanted.stacks:
        own = [a for a in actions if a.stack == one.name]
        for other in one.settings.depends_on:
            theirs = [a for a in actions if a.stack == other]
            assert all(place[a.id] < place[b.id] for a in theirs for b in own)
        for item in one.services:
            mine = [a for a in own if a.service == item.name and a.kind in ("create", "recreate", "start")]
            for needed in item.document.get("depends_on") or ():  # type: ignore[union-attr]
                before = [a for a in own if a.service == needed and a.kind in ("create", "recreate", "start")]
                assert all(a.level < b.level for a in before for b in mine)
