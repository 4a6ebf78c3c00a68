"""Metrics in Prometheus' text format, made when they are asked for.

Room 5 (record); may import model and its own room. Stacks and revisions are read from the status document, so that both say the
same; nothing is kept for metrics but a few counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import cast

from prometheus_client import CONTENT_TYPE_LATEST as CONTENT_TYPE
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    InfoMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from reconciler.model import Document
from reconciler.record.measures import Measures

__all__ = ["CONTENT_TYPE", "Metrics"]


class Metrics(Collector):
    """Everything that can be read at the metrics' address.

    `status` returns the status document, None when it cannot be told; it is asked at each reading.
    """

    def __init__(self, measures: Measures, status: Callable[[], Document | None]) -> None:
        self._measures = measures
        self._status = status
        self._registry = CollectorRegistry()  # not the library's own, which adds counts of the interpreter's
        self._registry.register(self)

    def text(self) -> bytes:
        """Return all metrics as they are now, of the type `CONTENT_TYPE`."""
        return generate_latest(self._registry)

    def describe(self) -> Iterator[Metric]:
        """Name nothing beforehand: what there is depends on the day."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Yield what is known now."""
        yield from _counted(self._measures)
        document = self._status()
        told = GaugeMetricFamily("reconciler_status_readable", "1 when this host's status could be told.")
        told.add_metric((), float(document is not None))
        yield told
        if document is not None:
            yield from _stated(document)


def _counted(measures: Measures) -> Iterator[Metric]:
    if measures.succeeded_at is not None:
        yield GaugeMetricFamily(
            "reconciler_last_success_timestamp_seconds",
            "When a pass over everything last ended with this host as git says.",
            measures.succeeded_at,
        )
    rooms = SummaryMetricFamily("reconciler_room_seconds", "How long passes stayed in each room.", labels=("room",))
    for room, took in sorted(measures.rooms().items()):
        rooms.add_metric((room,), took.count, took.seconds)
    yield rooms
    yield CounterMetricFamily(
        "reconciler_drift_corrections", "Actions that put right what somebody else had changed.", measures.corrections
    )


def _stated(document: Document) -> Iterator[Metric]:
    engine, revisions = cast("Document", document["engine"]), cast("Document", document["revision"])
    versions = {"agent": document["agent"], "engine": engine["version"], "compose": document["compose"]}
    yield InfoMetricFamily(
        "reconciler", "Versions.", value={name: str(version) for name, version in versions.items() if version}
    )
    reachable = float(engine["state"] == "reachable")
    yield GaugeMetricFamily("reconciler_engine_reachable", "1 when the engine answered.", reachable)
    source = cast("Document", document["source"])
    yield GaugeMetricFamily(
        "reconciler_source_ok", "1 when the source could be followed.", float(source["state"] == "ok")
    )
    commits = GaugeMetricFamily("reconciler_revision", "The commits wanted and applied.", labels=("kind", "commit"))
    for kind in ("wanted", "attempted", "applied"):
        if revisions[kind]:
            commits.add_metric((kind, str(revisions[kind])), 1.0)
    yield commits
    yield _stacks(document)


def _stacks(document: Document) -> Metric:
    labels = ("sync", "health", "result")
    family = GaugeMetricFamily("reconciler_stacks", "Stacks by state; empty: not known.", labels=labels)
    stacks = cast("dict[str, Document]", document["stacks"]).values()
    counts = Counter(tuple(str(stack[label] or "") for label in labels) for stack in stacks)
    for state, count in sorted(counts.items()):
        family.add_metric(state, float(count))
    return family
