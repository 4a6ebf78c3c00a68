"""Asking over the socket is like asking at the desk itself."""

from __future__ import annotations

import fcntl
import os
import socket
import threading
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from queue import SimpleQueue

import pytest

from reconciler import __version__
from reconciler.api import client
from reconciler.api.client import RemoteDesk, find_agent, holder, reachable
from reconciler.api.server import Server
from reconciler.errors import AgentRuns, NoAgent, NotSuspended, PlanStale, ReconcilerError, UnknownTarget
from reconciler.pipeline import Desk, Order, Wish
from tests.api.fake import PLAN, REPORT, SOURCE, STATUS, FakeDesk, Heard


def leaves(kind: type[ReconcilerError]) -> list[type[ReconcilerError]]:
    return [leaf for sub in kind.__subclasses__() for leaf in leaves(sub)] or [kind]


def test_a_remote_desk_is_a_desk(path: Path) -> None:
    """Whoever wants a desk can be given one of an agent."""
    desk: Desk = RemoteDesk(path)
    assert desk is not None


def test_a_plan_comes_back_whole(remote: RemoteDesk, desk: FakeDesk) -> None:
    """Source and plan are those of the agent."""
    assert remote.plan(confirm_prune=True) == (SOURCE, PLAN)
    assert desk.asked == [("plan", True)]


def test_a_pass_is_heard_as_where_it_is_made(remote: RemoteDesk, desk: FakeDesk) -> None:
    """The listener here hears what one at the desk would, in the same order, and the report is the same."""
    here = Heard()
    desk.apply(Wish(), here)
    wish, there = Wish(accept_rewrite=True, confirm_prune=True, expected_index=PLAN.index), Heard()

    assert remote.apply(wish, there) == REPORT
    assert there.calls == here.calls
    assert desk.asked[-1] == ("apply", wish)


@pytest.mark.parametrize("kind", leaves(ReconcilerError))
def test_errors_are_raised_as_there(kind: type[ReconcilerError], remote: RemoteDesk, desk: FakeDesk) -> None:
    """Class, code, args and place of an error survive, in an answer and in the midst of a pass."""
    desk.error = kind("plan-stale", file="a.yaml", line=7, saved="1", now="2")

    for ask in (remote.plan, lambda: remote.apply(Wish(), Heard())):
        with pytest.raises(kind) as caught:
            ask()
        assert type(caught.value) is kind
        assert caught.value.problem("x") == desk.error.problem("x")


def test_a_stale_plan_is_refused(remote: RemoteDesk) -> None:
    """What the command line ends with 3 for is known by its class."""
    with pytest.raises(PlanStale):
        remote.apply(Wish(expected_index="old"), Heard())


def test_the_other_questions(remote: RemoteDesk, desk: FakeDesk) -> None:
    """Everything a desk answers goes over the socket."""
    until = datetime(2026, 12, 1, 8, tzinfo=UTC)
    assert remote.status() == STATUS
    assert remote.history("web", 7) == remote.history(None, 7) == {"schema": 1, "runs": []}
    assert remote.why("web") == {"schema": 1, "target": "stack/web"}
    remote.begin(Wish(confirm_prune=True))
    remote.suspend("web", "for the backup & more", until)
    remote.suspend("web", "r", None)

    assert [asked for asked in desk.asked if asked[0] == "history"] == [("history", "web", 7), ("history", None, 7)]
    assert [asked[2:] for asked in desk.asked if asked[0] == "suspend"] == [
        ("web", "for the backup & more", until),
        ("web", "r", None),
    ]
    assert ("begin", Wish(confirm_prune=True)) in desk.asked
    with pytest.raises(UnknownTarget):
        remote.why("no/such?")
    with pytest.raises(NotSuspended):
        remote.resume("web")


def test_everything_can_be_followed(remote: RemoteDesk, server: Server, desk: FakeDesk) -> None:
    """A pass of the agent's own is told with what caused it, and the end of the agent is said."""
    order = Order(scope=frozenset({"web"}), trigger="drift")
    events = remote.follow()

    server.feed.begins(order).output("web", "line")
    server.feed.ended(order, REPORT)
    server.feed.close()

    heard = list(islice(events, 3))
    assert [event["event"] for event in heard] == ["begins", "output", "ended"]
    assert heard[2]["pass"] == {"trigger": "drift", "who": "", "scope": ["web"]}
    with pytest.raises(NoAgent, match="agent-lost"):
        list(events)


# ── who is there ─────────────────────────────────────────────────────────────────────────────────


def test_reachable(server: Server, path: Path, tmp_path: Path) -> None:
    """An agent that answers is reachable; no socket, or one that a dead agent left, is not."""
    assert reachable(path)
    assert find_agent(tmp_path) is not None
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "dead.sock"))

    assert not reachable(tmp_path / "dead.sock")
    assert not reachable(tmp_path / "none" / "agent.sock")


def test_the_holder_of_a_state_folder(tmp_path: Path) -> None:
    """Who holds the lock is named; a lock file alone holds nothing."""
    assert holder(tmp_path) is None
    (tmp_path / "agent.lock").write_text("4711\n")
    assert holder(tmp_path) is None

    with (tmp_path / "agent.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert holder(tmp_path) == "4711"


def test_nothing_is_done_beside_an_agent_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that holds the state folder and is silent is an error with its pid, whether it accepts or not."""
    monkeypatch.setattr(client, "_PROBE", 0.3)
    (tmp_path / "agent.lock").write_text(f"{os.getpid()}\n")
    with (tmp_path / "agent.lock").open() as lock, socket.socket(socket.AF_UNIX) as hung:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(AgentRuns) as caught:
            find_agent(tmp_path)
        hung.bind(str(tmp_path / "agent.sock"))
        hung.listen()
        with pytest.raises(AgentRuns):
            find_agent(tmp_path)

    assert caught.value.arguments["pid"] == str(os.getpid())
    assert find_agent(tmp_path) is None


def test_an_agent_that_is_about_to_answer_is_waited_for(tmp_path: Path, desk: FakeDesk) -> None:
    """Between its lock and its socket an agent is already there."""
    (tmp_path / "agent.lock").write_text("1\n")
    server = Server(tmp_path / "agent.sock", lambda _who: desk)
    with (tmp_path / "agent.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        starting = threading.Timer(0.3, server.start)
        starting.start()

        found = find_agent(tmp_path)

        starting.join()
        assert found is not None
        server.stop()


def test_an_agent_of_another_version_is_named(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an upgrade the agent has to be restarted; what it says is not guessed at."""
    monkeypatch.setattr(client, "__version__", "99")

    with pytest.raises(NoAgent) as caught:
        reachable(path)

    assert caught.value.code == "agent-other-version"
    assert caught.value.arguments == {"agent": __version__, "ours": "99"}


def test_an_agent_that_dies_in_the_midst_of_a_pass(
    remote: RemoteDesk, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that ends without a report is no success."""
    died: SimpleQueue[object] = SimpleQueue()
    monkeypatch.setattr(threading, "excepthook", lambda args: died.put(args.exc_type))

    def die(_listener: object) -> None:
        raise ZeroDivisionError

    desk.before = die
    with pytest.raises(NoAgent, match="agent-lost"):
        remote.apply(Wish(), Heard())
    assert died.get(timeout=20) is ZeroDivisionError
