"""Passes as an agent makes them: with a memory, the source fetched before, the first ones made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from reconciler import settings
from reconciler.model import SourceState
from reconciler.observed.memory import Memory
from reconciler.pipeline import Order, Pipeline
from tests.e2e.host import Host

_FIRST = 3
"""Passes that are not measured: what is loaded and learned once is none of the later ones'."""


class Warm(Pipeline):
    """A pipeline that has made its first passes; `once` makes one more, which must find nothing to do."""

    source: SourceState

    def once(self) -> None:
        report = self.reconcile(self.source, Order(trigger="schedule", patient=True))
        assert report.converged, report
        assert not report.outcomes, report


@contextmanager
def warm(host: Host) -> Iterator[Warm]:
    """Open a warm pipeline on a host; nobody but it may change anything meanwhile, as it hears no events."""
    with Warm.open(settings.load(host.config)) as pipeline:
        pipeline.memory = Memory()
        pipeline.source = pipeline.refresh()
        for _ in range(_FIRST):
            pipeline.once()
        yield pipeline
