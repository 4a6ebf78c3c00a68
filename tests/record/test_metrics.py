"""Metrics as Prometheus reads them, and what is counted for them."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from reconciler.model import Action, Cause, Outcome, StackOutcome
from reconciler.record.measures import Measures
from reconciler.record.metrics import Metrics


def stack(sync, health, result):
    return {"sync": sync, "health": health, "result": result}


STATUS = {
    "agent": "0.2.0",
    "compose": "2.26.1",
    "engine": {"version": "28.2.2", "state": "reachable"},
    "source": {"state": "unreachable"},
    "revision": {"wanted": "c0ffee", "attempted": "c0ffee", "applied": None},
    "stacks": {
        "a": stack("Synced", "Healthy", "Applied"),
        "b": stack("Synced", "Healthy", "Applied"),
        "c": stack("OutOfSync", "Degraded", "FailedPartial"),
        "d": stack("Unknown", None, None),
    },
}


def read(measures, status=lambda: STATUS):
    """Return the samples as a scraper sees them."""
    text = Metrics(measures, status).text().decode()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(sample.name, *sorted(sample.labels.items())): sample.value for sample in samples}


def action(because):
    return Action("stack/web/service/api", "recreate", because, Cause("field"))


def test_stacks_are_counted_by_state():
    """Each combination that occurs, with empty words for what is not known."""
    samples = read(Measures())

    def count(sync, health, result):
        return samples["reconciler_stacks", ("health", health), ("result", result), ("sync", sync)]

    assert count("Synced", "Healthy", "Applied") == 2
    assert count("OutOfSync", "Degraded", "FailedPartial") == 1
    assert count("Unknown", "", "") == 1


def test_versions_and_revisions_are_labels():
    """A revision that does not exist has no line."""
    samples = read(Measures())

    assert samples["reconciler_info", ("agent", "0.2.0"), ("compose", "2.26.1"), ("engine", "28.2.2")] == 1
    revisions = {tuple(value for _, value in labels) for name, *labels in samples if name == "reconciler_revision"}
    assert revisions == {("c0ffee", "wanted"), ("c0ffee", "attempted")}
    assert samples["reconciler_engine_reachable",] == 1
    assert samples["reconciler_source_ok",] == 0


def test_without_a_status_the_counts_are_told_all_the_same():
    """A scrape never fails because git or the record does."""
    samples = read(Measures(), lambda: None)

    assert samples["reconciler_status_readable",] == 0
    assert samples["reconciler_drift_corrections_total",] == 0
    assert not [name for name, *_ in samples if name == "reconciler_stacks"]


def test_an_engine_that_is_away_has_no_version():
    """What is not known is left out, not called None."""
    away = STATUS | {"engine": {"version": None, "state": "unreachable"}}

    samples = read(Measures(), lambda: away)

    assert samples["reconciler_info", ("agent", "0.2.0"), ("compose", "2.26.1")] == 1
    assert samples["reconciler_engine_reachable",] == 0


def test_success_is_not_told_before_there_was_one(time_machine):
    """The time of the last good pass, in seconds since 1970; one that did not converge does not move it."""
    measures = Measures()
    measures.ended(converged=False)
    assert ("reconciler_last_success_timestamp_seconds",) not in read(measures)

    time_machine.move_to(1_800_000_000, tick=False)
    measures.ended(converged=True)
    time_machine.move_to(1_900_000_000, tick=False)
    measures.ended(converged=False)

    assert read(measures)["reconciler_last_success_timestamp_seconds",] == 1_800_000_000


@pytest.mark.parametrize(("git_is_the_same", "count"), [(True, 2), (False, 1)])
def test_only_drift_that_was_put_right_counts(git_is_the_same, count):
    """What git changed is no drift, nor is what it has just begun to want; what failed is not put right."""
    measures = Measures()
    done = [Outcome(action(because), ok=True) for because in ("drift", "missing", "change")]
    failed = Outcome(action("drift"), ok=False)

    measures.settled(StackOutcome("web", "Applied", outcomes=(*done, failed)), git_is_the_same=git_is_the_same)

    assert read(measures)["reconciler_drift_corrections_total",] == count


def test_each_stay_in_a_room_counts_also_one_that_fails(monkeypatch):
    """Count and sum, from which a scraper makes a mean."""
    clock = iter([10.0, 10.5, 20.0, 22.0])
    monkeypatch.setattr("reconciler.record.measures.time.monotonic", lambda: next(clock))
    measures = Measures()

    with measures.room("plan"):
        pass
    with pytest.raises(ZeroDivisionError), measures.room("plan"):
        raise ZeroDivisionError

    monkeypatch.undo()
    samples = read(measures)
    assert samples["reconciler_room_seconds_count", ("room", "plan")] == 2
    assert samples["reconciler_room_seconds_sum", ("room", "plan")] == 2.5


def test_a_commit_cannot_break_the_text():
    """Labels are quoted, whatever stands in them."""
    odd = STATUS | {"revision": {"wanted": 'a"b\n}', "attempted": None, "applied": None}}

    assert ("reconciler_revision", ("commit", 'a"b\n}'), ("kind", "wanted")) in read(Measures(), lambda: odd)
