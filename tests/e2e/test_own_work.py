"""What a pass has just done is seen at its second look, although memory holds what was before and no event has come."""

from __future__ import annotations

import pytest

from reconciler.observed.memory import Memory
from reconciler.pipeline import Order

COMPOSE = "services:\n  app:\n    image: app:1\n    mem_limit: %s\n"


@pytest.fixture
def pipeline(host):
    """Open a pipeline that remembers, and that nobody tells of events."""
    with host.pipeline() as opened:
        opened.memory = Memory()
        yield opened


def kinds(report):
    return [(action.kind, action.because) for action in report.plan.actions]


def test_a_changed_limit_is_proved_and_then_quiet(host, pipeline, unique):
    """A listing does not show limits: without a word of our own the second look would believe what it knew."""
    name = unique("limits")
    host.push({f"stacks/{name}/compose.yaml": COMPOSE % "64m"})
    assert pipeline.reconcile(pipeline.refresh()).converged
    host.push({f"stacks/{name}/compose.yaml": COMPOSE % "80m"})

    report = pipeline.reconcile(pipeline.refresh(), Order(trigger="push", patient=True))

    assert kinds(report) == [("update", "change")]
    assert report.converged
    assert host.containers(name)[f"{name}-app-1"]["HostConfig"]["Memory"] == 80 << 20
    assert kinds(pipeline.reconcile(pipeline.refresh(), Order(trigger="schedule", patient=True))) == []
    host.clear(name)
