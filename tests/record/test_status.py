"""The status document says what formats.md promises, key by key, and its short form stays short."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from reconciler.model import (
    Container,
    DaemonKey,
    Desired,
    DesiredDaemon,
    DesiredStack,
    Engine,
    Observed,
    ObservedDaemon,
    Recorded,
    RecordedStack,
    Revision,
    Suspension,
)
from reconciler.record.status import SUMMARY_BYTES, Facts, Live, Verdict, states, status_document, summary

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
ACTION = {"target": "stack/web/service/api", "kind": "recreate"}
BLOCKED = {
    "target": "stack/web",
    "reason": "PortTaken",
    "text": "port 80 is taken",
    "hint": "…",
    "file": "x",
    "line": 7,
}


def held(why, until=None):
    return {"target": "stack/web/service/api", "fields": [], "why": why, "until": until}


def container(name="web-api-1", state="running", project="web", folder="/s/web", **more):
    return Container(
        "id-" + name, name, state, "app:1", "sha256:1", project=project, service="api", working_dir=folder, **more
    )


def plan(*actions, blocked=(), held=()):
    return {"actions": list(actions), "blocked": list(blocked), "held": list(held)}


@pytest.fixture
def facts():
    return Facts(
        device="attic",
        device_id="m1",
        agent="0.1.0",
        compose="2.26.1",
        now=NOW,
        recorded=Recorded(stacks={"web": RecordedStack("web", "web", "/s/web", result="Applied")}),
        revisions=("c3", "c2", "c1"),
        mask=lambda path, value: "…" if value == "secret" else value,
        desired=Desired("attic", Revision("c3"), (DesiredStack("web", "web", "/s/web"),)),
        observed=Observed(Engine("26.1.5", "1.45"), (container(),)),
        plan=plan(),
        verdicts={"web": Verdict("Healthy", None, {"api": "Healthy"})},
    )


def told(facts, since) -> Any:
    return status_document(facts, since)


def shortened(document) -> Any:
    return summary(document)


def web(facts, **since) -> Any:
    return told(facts, since)["stacks"]["web"]


def test_the_document_of_a_host_in_order(facts):
    """Everything synced: the document as formats.md shows it, whole."""
    assert told(facts, {"stack/web": NOW, "source": NOW}) == {
        "schema": 1, "device": "attic", "device_id": "m1", "agent": "0.1.0",
        "engine": {"version": "26.1.5", "state": "reachable", "reason": None}, "compose": "2.26.1",
        "observed_at": "2026-11-24T12:00:00Z", "revision": {"wanted": "c3", "attempted": "c2", "applied": "c1"},
        "source": {"state": "ok", "since": "2026-11-24T12:00:00Z", "reason": None, "hint": None},
        "stacks": {"web": {
            "sync": "Synced", "health": "Healthy", "operation": "Idle", "result": "Applied", "pending": 0,
            "blocked": [], "held": [],
            "reason": None, "since": "2026-11-24T12:00:00Z", "next": None,
            "services": {"api": {"state": "running", "health": "healthy", "containers": ["web-api-1"]}},
        }},
        "daemon": None, "unmanaged": [], "left_behind": {}, "counts": {"Synced": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("made", "sync"),
    [
        (plan(), "Synced"),
        (plan(ACTION), "OutOfSync"),
        (plan({"target": "stack/web2", "kind": "create"}), "Synced"),
        (plan(blocked=[BLOCKED]), "OutOfSync"),
        (plan(held=[held("ignored")]), "Synced"),
        (plan(held=[held("hash algorithm changed")]), "Synced"),
        (plan(held=[held("report")]), "OutOfSync"),
        (plan(held=[held("stop_grace")]), "OutOfSync"),
        (plan(held=[held("suspended")]), "OutOfSync"),
        (None, "Unknown"),
    ],
)
def test_the_sync_axis(facts, made, sync):
    """Synced is when nothing is left to do for exactly this stack; ignored fields are no difference, waiting ones are."""
    assert web(replace(facts, plan=made))["sync"] == sync


def test_what_is_blocked_is_the_reason(facts):
    """The first thing in the way is the stack's reason, and its entries are the plan's own."""
    stack = web(replace(facts, plan=plan(blocked=[BLOCKED])))

    assert (stack["reason"], stack["blocked"]) == ("port 80 is taken", [BLOCKED])


def test_the_next_attempt_is_when_the_grace_ends(facts):
    """What waits says until when."""
    stack = web(replace(facts, plan=plan(held=[held("stop_grace", "2026-11-24T12:10:00Z"), held("ignored")])))

    assert stack["next"] == "2026-11-24T12:10:00Z"


@pytest.mark.parametrize(("minutes", "first"), [(5, "2026-11-24T12:05:00Z"), (15, "2026-11-24T12:10:00Z")])
def test_what_the_agent_does_now(facts, minutes, first):
    """Its operation and reason stand in the document, and `next` is whatever comes first; the state is the same as without."""
    waiting = Live("Applying", "tries again in a while", NOW + timedelta(minutes=minutes))
    seen = replace(facts, plan=plan(ACTION, held=[held("stop_grace", "2026-11-24T12:10:00Z")]))
    busy = replace(seen, live={"web": waiting, "source": Live("Fetching"), "other": Live("Pulling")})
    stack = web(busy)

    assert (stack["operation"], stack["reason"], stack["next"]) == ("Applying", "tries again in a while", first)
    assert stack["pending"] == 1
    assert told(busy, {})["source"]["operation"] == "Fetching"
    assert states(busy) == states(seen)


def test_notes_of_the_agent(facts):
    """What concerns no stack stands at the top; there is no empty list of it; the short form has a few, short."""
    document = told(replace(facts, notes=["x" * 1000] * 9), {})

    assert document["notes"] == ["x" * 1000] * 9
    assert shortened(document)["notes"] == ["x" * 120] * 3
    assert "notes" not in told(facts, {})


@pytest.mark.parametrize(
    ("until", "suspended"),
    [(None, True), ((NOW + timedelta(hours=1)).astimezone(timezone(timedelta(hours=8))), True), (NOW, False)],
)
def test_a_suspended_stack(facts, until, suspended):
    """Who, why, since and until; its health is `Suspended`, whatever runs; when its time is over it is as any other."""
    known = replace(facts.recorded, suspended={"web": Suspension("ada", "copying", NOW, until)})
    stack = web(replace(facts, recorded=known))

    assert stack["health"] == ("Suspended" if suspended else "Healthy")
    ends = "2026-11-24T13:00:00Z" if until else None  # in UTC, wherever it was asked for
    entry = {"who": "ada", "reason": "copying", "since": "2026-11-24T12:00:00Z", "until": ends}
    assert stack.get("suspended") == (entry if suspended else None)


def test_an_engine_that_is_down_is_unknown(facts):
    """Nothing is claimed about what could not be seen; what git wants is still listed."""
    document = told(replace(facts, observed=None, plan=None, verdicts={}, engine_reason="no socket"), {})

    assert document["engine"] == {"version": None, "state": "unreachable", "reason": "no socket"}
    assert document["observed_at"] is None
    assert document["counts"] == {"Unknown": 1}


def test_a_failed_service_shows_exit_code_and_masked_log(facts):
    """Who is called at night sees the exit code and the last twenty lines, without secrets."""
    lines = (*(f"line {number}" for number in range(25)), "secret")
    dead = container(state="exited", exit_code=3, log_tail=lines)
    verdicts = {"web": Verdict("Degraded", "api exited with 3", {"api": "Degraded"})}
    stack = web(replace(facts, observed=Observed(Engine("26", "1.45"), (dead,)), verdicts=verdicts))
    service = stack["services"]["api"]

    assert (stack["health"], stack["reason"]) == ("Degraded", "api exited with 3")
    assert (service["state"], service["health"], service["exit_code"]) == ("exited", "degraded", 3)
    assert service["log"] == [*(f"line {number}" for number in range(6, 25)), "…"]


def test_the_worst_replica_speaks_for_its_service(facts):
    """One unhealthy replica shows; all containers are named."""
    both = (container("web-api-2", health="healthy"), container("web-api-1", health="unhealthy"))
    verdicts = {"web": Verdict("Degraded", None, {"api": "Degraded"})}
    service = web(replace(facts, observed=Observed(Engine("26", "1.45"), both), verdicts=verdicts))["services"]["api"]

    assert service == {"state": "running", "health": "unhealthy", "containers": ["web-api-1", "web-api-2"]}


def test_a_finished_job_is_well(facts):
    """A job that exited 0 is healthy although it does not run, and shows no exit code."""
    done = container(state="exited", exit_code=0)
    service = web(replace(facts, observed=Observed(Engine("26", "1.45"), (done,))))["services"]["api"]

    assert service == {"state": "exited", "health": "healthy", "containers": ["web-api-1"]}


def test_a_job_that_is_only_believed_to_have_ended_by_itself_says_so(facts):
    """It is healthy, with a note."""
    done = container(state="exited", exit_code=0)
    verdict = Verdict("Healthy", None, {"api": "Healthy"}, frozenset({"api"}))
    looked = replace(facts, observed=Observed(Engine("26", "1.45"), (done,)), verdicts={"web": verdict})

    assert web(looked)["services"]["api"]["note"].startswith("exit code 0 counts as finished")


def test_a_stack_gone_from_git_is_still_listed(facts):
    """What was applied and is to be taken away shows until it is gone, judged by its containers alone."""
    stack = web(replace(facts, desired=replace(facts.desired, stacks=()), verdicts={}, plan=plan(ACTION)))

    assert (stack["sync"], stack["health"]) == ("OutOfSync", "Healthy")


def test_foreign_things_are_unmanaged(facts):
    """Other projects, containers without one, and a project of our name in another folder are named and not ours."""
    others = (
        container(), container("x-1", project="other", folder="/o"), container("lonely", project=None, folder=None),
        container("web-9", folder="/elsewhere"),
    )  # fmt: skip
    document = told(replace(facts, observed=Observed(Engine("26", "1.45"), others)), {})

    assert document["unmanaged"] == ["lonely", "other", "web"]
    assert document["stacks"]["web"]["services"]["api"]["containers"] == ["web-api-1"]


def test_folders_that_were_left_behind_are_named(facts):
    """A stack is gone, files of others in its folder are not: status names them."""
    document = told(replace(facts, left_behind={"/s/old": ("data/db",)}), {})

    assert document["left_behind"] == {"/s/old": ["data/db"]}


def with_daemon(facts, *, file, effective, made=None):
    keys = (DaemonKey("bridge", "br-pg", "system"), DaemonKey("registry-mirrors", ["https://a", "https://b"], "git"))
    desired = replace(facts.desired, daemon=DesiredDaemon(keys))
    daemon = ObservedDaemon("/etc/docker/daemon.json", True, file, effective)
    return replace(facts, desired=desired, observed=replace(facts.observed, daemon=daemon), plan=made or plan())


WANTED = {"bridge": "br-pg", "registry-mirrors": ["https://a", "https://b"]}
EDITED = WANTED | {"bridge": "docker0"}


@pytest.mark.parametrize(
    ("file", "effective", "made", "state", "sync"),
    [
        (WANTED, {"bridge": "br-pg"}, plan(), "in sync", "Synced"),
        (WANTED, {}, plan(), "unverifiable", "Synced"),
        (WANTED, {"bridge": "docker0"}, plan(), "pending restart", "OutOfSync"),
        (EDITED, {"bridge": "docker0"}, plan({"target": "daemon/bridge", "kind": "set"}), "out of sync", "OutOfSync"),
    ],
)  # fmt: skip
def test_the_state_of_a_daemon_key(facts, file, effective, made, state, sync):
    """Desired, file and running daemon are three things; what the engine cannot show is not called in sync."""
    daemon = told(with_daemon(facts, file=file, effective=effective, made=made), {})["daemon"]

    assert (daemon["keys"]["bridge"]["state"], daemon["sync"]) == (state, sync)
    assert daemon["keys"]["bridge"]["owner"] == "system"


def test_the_engines_spelling_of_a_list_is_the_same(facts):
    """The engine shows mirrors in its own order and with a slash at the end."""
    shown = {"registry-mirrors": ["https://b/", "https://a/"]}
    daemon = told(with_daemon(facts, file=WANTED, effective=shown), {})["daemon"]

    assert daemon["keys"]["registry-mirrors"]["state"] == "in sync"


def test_states_are_what_since_depends_on(facts):
    """`since` starts anew when one of the axes, the result or the reason changes, and for the source too."""
    before = states(facts)
    after = states(replace(facts, plan=plan(blocked=[BLOCKED]), source_state="unreachable", source_reason="no route"))

    assert before == {"source": ("ok", None), "stack/web": ("Synced", "Healthy", "Applied", None)}
    assert after["stack/web"] == ("OutOfSync", "Healthy", "Applied", "port 80 is taken")
    assert after["source"] == ("unreachable", "no route")


def test_the_summary_is_short_and_names_the_worst(facts):
    """A thousand stacks with long reasons: at most 4 KB, the sick ones first, the rest counted."""
    names = [f"stack-with-a-rather-long-name-{number:04d}" for number in range(1000)]
    sick = set(names[500:512])
    verdicts = {n: Verdict("Degraded" if n in sick else "Healthy", "é" * 500 if n in sick else None) for n in names}
    desired = replace(facts.desired, stacks=tuple(DesiredStack(n, n, f"/s/{n}") for n in names))
    document = told(replace(facts, desired=desired, recorded=Recorded(), verdicts=verdicts), {})
    short = shortened(document)

    assert len(json.dumps(short, indent=2).encode()) <= SUMMARY_BYTES
    assert set(short["stacks"]) < sick
    assert len(short["stacks"]) + short["omitted"] == 1000
    assert short["counts"] == {"Degraded": 12, "Synced": 1000}


def test_the_summary_of_few_stacks_omits_none(facts):
    """Where everything fits, everything is there."""
    short = shortened(told(facts, {}))

    assert (list(short["stacks"]), short["omitted"]) == (["web"], 0)
    assert short["revision"] == {"wanted": "c3", "attempted": "c2", "applied": "c1"}
