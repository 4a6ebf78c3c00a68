"""What makes the agent look again: seen in its queue, without letting it work."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from reconciler import settings
from reconciler.errors import PlanStale
from reconciler.loop.agent import Agent
from reconciler.loop.belongings import Belongings
from reconciler.loop.marking import Marking
from reconciler.loop.running import DAEMON, EVERYTHING
from reconciler.model import Problem, StackOutcome
from reconciler.observed.events import EngineEvent
from reconciler.pipeline import Order, Silent, Wish
from tests.e2e.host import Host

CUT = Problem("stack/web", "", "cut")
UNWELL = Problem("stack/web", "HealthFailed", "exited")
APP = "services:\n  app:\n    image: app:1\n"


@pytest.fixture
def agent(host: Host) -> Iterator[Agent]:
    """An agent that does not run, with a revision to follow."""
    host.push({"stacks/web/compose.yaml": APP})
    agent = Agent(settings.load(host.config))
    agent.desk("ada").plan()
    assert agent.queue.take(timeout=0) == (EVERYTHING,)
    yield agent
    agent.stop()
    agent.close()


def test_a_revision_that_a_person_fetched_is_followed(agent, host):
    """Somebody's `plan` may see a push before the agent does; the push is no less one."""
    agent.desk("ada").plan()
    assert not agent.queue.names()
    host.push({"stacks/web/compose.yaml": APP + "    environment: {LEVEL: '2'}\n"})
    agent.desk("ada").plan()
    assert agent.queue.take(timeout=0) == (EVERYTHING,)
    agent._follow_source()  # the poll finds what is known already
    assert not agent.queue.names()


def test_who_broke_off_leaves_the_rest_to_the_agent(agent, host):
    """A person's pass cuts the others and fetches; when it is refused, all that is still looked at."""
    with pytest.raises(PlanStale):
        agent.desk("ada").apply(Wish(expected_index="0" * 64), Silent())
    assert agent.queue.take(timeout=0) == (EVERYTHING,)


def test_the_clock_cuts_no_look_at_everything(agent, host):
    """A build that takes longer than the interval comes to its end; the other stacks are looked at beside it."""
    one = agent.running.admit(Order(trigger="push"))
    with agent.running.under_way(one):
        agent._on_schedule(EVERYTHING)
        assert agent.queue.names() == {DAEMON, "web"}
        assert not one.order.cut.is_set()
    agent._on_schedule(EVERYTHING)
    assert EVERYTHING in agent.queue.names()


def test_an_event_counts_although_it_cannot_be_written_down(agent, host):
    """A record that takes nothing does not make the agent deaf."""
    agent.marks.learn(Belongings(projects={"web": "web"}))
    agent.pipeline.store._connection.execute("PRAGMA query_only = 1")
    agent._heard(EngineEvent("container", "stop", "c1", "web-app-1", "web", "app", datetime.now(UTC)))
    assert agent.queue.names() == {"web"}


@pytest.mark.parametrize(("problem", "queued"), [(CUT, set()), (UNWELL, {"web"})], ids=["cut", "failed"])
def test_its_own_work_hastens_nothing(agent, host, problem, queued):
    """A stack that was cut is looked at by who cut it, one that failed after its delay; none waits for a compose by hand."""
    agent.marks.learn(Belongings(projects={"web": "web"}))
    marking = Marking(agent, Order())
    plan = agent.pipeline.latest.plan
    marking.planned(replace(plan, created=datetime.now(UTC)), frozenset({"web"}))
    agent._heard(EngineEvent("container", "create", "c1", "web-app-1", "web", "app", datetime.now(UTC)))
    marking.settled(StackOutcome("web", "FailedPartial", problem))
    marking.close()
    assert agent.queue.names() == queued
    assert not agent.marks.quiet()


def test_an_agent_that_went_deaf_ends(agent, host, monkeypatch):
    """A bug in the thread that listens to the engine ends the process, for whoever started it to start it anew."""
    monkeypatch.setattr(agent.pipeline, "reconnect", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        agent.run()
