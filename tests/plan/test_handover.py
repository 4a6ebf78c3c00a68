"""Host ports and container names that change hands: who gives up comes first, who keeps blocks."""

from __future__ import annotations

from dataclasses import replace

from reconciler.model import DesiredStack, Recorded
from reconciler.plan.applied import remember
from tests.plan.build import (
    all_made,
    all_there,
    desired,
    lines,
    made,
    network,
    observed,
    plan,
    port,
    record,
    service,
    stack,
)

HERE = [port(80, 8080)]
THERE = [port(80, 9090)]


def test_a_later_service_lets_go_before_an_earlier_one_takes() -> None:
    """Of two levels the later one would still have the port when the earlier one is made: it is stopped first."""
    wait = {"a": {"condition": "service_started", "required": True}}
    before = stack("web", service("a"), service("b", depends_on=wait, ports=HERE))
    after = stack("web", service("a", ports=HERE), service("b", depends_on=wait))

    at = "stacks/web/compose.yaml"
    differ = "change: ports[80/tcp], expose[80/tcp] differ"
    assert lines(desired(after), all_there(before), record(before)) == [
        f"■ stack/web/service/b  stop web-b-1  (cascade: gives up port 8080/tcp, which a is to have; {at}:3)  [downtime]",
        f"± stack/web/service/a  recreate web-a-1  ({differ}; {at}:4)  [downtime]",
        f"± stack/web/service/b  recreate web-b-1  ({differ}; {at}:3)  [downtime]",
    ]


def test_the_stack_that_gives_up_comes_first() -> None:
    """Whatever the stacks are called, the taker's actions come after the giver's."""
    before = (stack("one", service("a")), stack("two", service("a", ports=HERE)))
    after = (stack("one", service("a", ports=HERE)), stack("two", service("a")))

    actions = plan(desired(*after), all_there(*before), record(*before)).actions

    assert [(a.stack, a.kind, a.after) for a in actions] == [("two", "recreate", ()), ("one", "recreate", ("a1",))]


def test_a_stack_that_goes_gives_up_its_port_and_its_name() -> None:
    """What a pruned stack had is free for another one, after it is gone."""
    gone = stack("old", service("a", ports=HERE, container_name="x"))
    stays = stack("rest", service("a"))
    new = stack("new", service("a", ports=HERE, container_name="x"))

    found = plan(desired(stays, new), all_there(gone, stays), record(gone, stays))

    assert not found.blocked
    removal = next(a for a in found.actions if a.kind == "remove" and a.service)
    creation = next(a for a in found.actions if a.kind == "create" and a.service)
    assert removal.id < creation.id
    assert set(creation.after) & {a.id for a in found.actions if a.stack == "old"}


def test_a_renamed_folder_hands_its_project_over() -> None:
    """What a stack leaves to another one of the same project is gone before that begins; nothing in it is foreign."""
    before = stack("old", service("a"), project="p", networks=(network("p_default"),))
    rest = stack("rest", service("a"))
    after = stack("new", service("other"), project="p", networks=(network("p_default"),))

    found = plan(desired(rest, after), all_there(before, rest), record(before, rest))

    assert not found.blocked
    assert [(a.stack, a.kind, a.object) for a in found.actions] == [
        ("old", "remove", "p-a-1"), ("old", "remove", "p_default"),
        ("new", "create", "p_default"), ("new", "create", "p-other-1"),
    ]  # fmt: skip
    assert found.actions[2].after == (found.actions[1].id,)


def test_who_is_blocked_gives_nothing_up() -> None:
    """A stack that stays as it is keeps its port: the one that was to get it is blocked, too."""
    before = (stack("one", service("a")), stack("two", service("a", ports=HERE), service("b")))
    after = (
        stack("one", service("a", ports=HERE)),
        stack("two", service("a"), service("b"), settings={"depends_on": ("nowhere",)}),
    )

    found = lines(desired(*after), all_there(*before), record(*before))

    assert [line.partition(":")[0] for line in found] == [
        "! stack/one/service/a  PortTaken",
        "! stack/two  InvalidSource",
    ]
    assert "container two-a-1" in found[0]


def test_two_stacks_that_wait_for_each_other_are_told() -> None:
    """Two stacks cannot swap their ports in one go: both are blocked, and nothing is touched."""
    before = (stack("one", service("a", ports=HERE)), stack("two", service("a", ports=THERE)))
    after = (stack("one", service("a", ports=THERE)), stack("two", service("a", ports=HERE)))

    found = plan(desired(*after), all_there(*before), record(*before))

    assert not found.actions
    assert {(p.target, p.reason) for p in found.blocked} == {
        ("stack/one/service/a", "PortTaken"), ("stack/two/service/a", "PortTaken"),
    }  # fmt: skip


def test_names_go_round() -> None:
    """Of names that go round in a ring one is put aside first; each rename finds its name free."""
    before = stack("web", *(service(name, container_name=name) for name in "abc"))
    after = stack("web", *(service(name, container_name=new) for name, new in zip("abc", "bca", strict=True)))
    names = {container.id: container.name for container in all_made(before)}

    for action in plan(desired(after), all_there(before), record(before)).actions:
        if action.kind == "rename" and action.object_id is not None:
            assert action.params["name"] not in names.values()
            names[action.object_id] = str(action.params["name"])

    assert [names[container.id] for container in all_made(before)] == ["b", "c", "a"]


def test_a_name_is_given_up_before_it_is_taken_anew() -> None:
    """Made anew both, two services swap their names: compose finds both names free."""
    before = stack("web", service("a", container_name="x"), service("b", container_name="y"))
    after = stack(
        "web",
        service("a", container_name="y", environment={"A": "1"}),
        service("b", container_name="x", environment={"A": "1"}),
    )

    actions = plan(desired(after), all_there(before), record(before)).actions

    assert [a.kind for a in actions] == ["rename", "rename", "recreate", "recreate"]
    assert not {a.params["name"] for a in actions[:2]} & {"x", "y"}


def test_a_job_that_was_swept_away_has_run_all_the_same() -> None:
    """Its record proves that it finished as git wants it; another definition runs, and what never finished runs, too."""
    settings = {"jobs": ("job",)}
    wanted = stack("web", service("job"), service("app"), settings=settings)
    job, app = all_made(wanted)
    ended = observed([replace(job, state="exited", exit_code=0), app], wanted)
    known = record(wanted, seen=ended)
    swept = observed([app], wanted)
    other = stack("web", service("job", inputs={"bind:sql": "2"}), service("app"), settings=settings)

    def kinds(of: DesiredStack, recorded: Recorded) -> list[str]:
        now = remember(of, recorded.stacks["web"])
        return [f"{a.kind} {a.because}" for a in plan(desired(now), swept, recorded).actions]

    assert kinds(wanted, known) == []
    assert kinds(other, known) == ["create change"]
    assert kinds(wanted, record(wanted, seen=observed([made(wanted, "job"), app], wanted))) == ["create missing"]
