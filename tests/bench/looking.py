"""Measures of passes that find nothing to do: as a process, in process, the planner alone, and how they grow."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from reconciler import __version__
from reconciler.model import Desired, Observed, Plan, Recorded
from reconciler.observed.look import look
from reconciler.pipeline import Planned
from reconciler.plan.ask import ask
from reconciler.plan.plan import Options, make_plan
from tests.bench.bench import Bench, say
from tests.bench.clock import culprits, duel, medians, repeated, timed
from tests.bench.copies import MODEL, changed, copies
from tests.bench.farm import in_stacks, stack_files
from tests.bench.ours import import_all, run
from tests.bench.table import Row
from tests.e2e.host import Host

_IMPORTS = ("reconciler.cli.main", "reconciler.cli.planning", "reconciler.pipeline")


def fresh_plan(bench: Bench) -> Row:
    """`reconciler plan` as a process of its own, nothing changed, against the loop."""
    count = bench.sizes.farm[1]
    farm = bench.grown(count)
    before = farm.ids()
    say(f"plan of {count} stacks against the loop, which settles first")
    farm.loop(count)
    assert farm.ids() == before, "compose has other ideas of our stacks than we have"
    rounds = duel(
        bench.sizes.slow_rounds,
        lambda _: timed(lambda: run(farm.host, "plan"))[0],
        lambda _: timed(lambda: farm.loop(count))[0],
    )
    title = f"plan, fresh process, nothing changed, {count} stacks"
    return Row("plan", title, 1 / 4, medians(rounds.ours), rounds, parts=_parts(bench, farm.host))


def cold_look(bench: Bench) -> Row:
    """Look at every field of 200 containers in this process, as the first thing a new pipeline does."""
    count = bench.sizes.farm[1]
    host = bench.grown(count).host
    say(f"look at {2 * count} containers")
    costs = []
    for _ in range(bench.sizes.rounds):
        with host.pipeline() as pipeline:
            source = pipeline.refresh()
            assert source.revision
            desired = pipeline.load(source.revision)
            cost, planned = timed(lambda: pipeline.plan_for(desired, source.url))  # noqa: B023 - called at once
            assert not planned.plan.actions
            costs.append(cost)
    row = Row("look", f"field-level look, cold, in process, {2 * count} containers", 1.2, medians(costs))
    if row.met:
        return row
    with host.pipeline() as pipeline:
        source = pipeline.refresh()
        return replace(row, notes=(culprits(lambda: pipeline.plan(source)),))


def planner_alone(bench: Bench) -> Row:
    """Plan 1,000 stacks of four services, ten of them changed: no look, no source."""
    sizes = bench.sizes
    say(f"planner alone, {sizes.planned} stacks")
    host = Host(bench.folder / "model", bench.dockerd)
    host.push(in_stacks({MODEL: stack_files(MODEL, pairs=2)}))
    run(host, "apply")
    with host.pipeline() as pipeline:
        planned = pipeline.plan(pipeline.refresh())
    host.clear(MODEL)
    desired, observed, recorded = copies(planned, sizes.planned)
    desired = changed(desired, sizes.changed)
    gc.collect()
    gc.freeze()  # this world is the bench's own: no collection shall walk through it while the planner is timed
    _, plan = timed(lambda: _make_plan(planned, desired, observed, recorded))
    assert [action.kind for action in plan.actions] == ["recreate"] * sizes.changed, plan
    cost = repeated(2 * sizes.rounds, lambda: _make_plan(planned, desired, observed, recorded))
    gc.unfreeze()
    row = Row(
        "planner",
        f"planner alone, {sizes.planned} stacks × 4 services, {sizes.changed} changed",
        0.5,
        cost,
        computes=True,
    )
    why = culprits(lambda: _make_plan(planned, desired, observed, recorded)) if not row.met else ""
    each = f"judged by processor time, {1e6 * cost.cpu / sizes.planned / 4:.0f} µs per service"
    return replace(row, notes=(each, *([why] if why else ())))


def growth(bench: Bench) -> Row:
    """Compare what a container more costs the pass in process, early on and late: a fixed part is nobody's fault."""
    small, middle, large = bench.sizes.farm
    bench.grown(large)
    wall = {size: cost.wall for size, cost in bench.passes.items()}
    early, late = ((wall[b] - wall[a]) / (2 * (b - a)) for a, b in ((small, middle), (middle, large)))
    each = ", ".join(f"{wall[n]:.2f} s at {n} ({500 * wall[n] / n:.2f} ms per container)" for n in bench.sizes.farm)
    return Row(
        "growth",
        f"pass in process, nothing changed, {small} → {middle} → {large} stacks",
        1.3,
        bench.passes[large],
        relative=late / early,
        said=" → ".join(f"{wall[n]:.2f}" for n in bench.sizes.farm) + " s",
        notes=(
            each,
            f"a container more costs {1000 * early:.2f} ms, then {1000 * late:.2f} ms; linear is at most × 1.3",
        ),
    )


def _make_plan(planned: Planned, desired: Desired, observed: Observed, recorded: Recorded) -> Plan:
    options = Options(now=datetime.now(UTC), agent=__version__, source=planned.plan.source)
    return make_plan(desired, observed, recorded, options, planned.redactor.mask)


def _parts(bench: Bench, host: Host) -> Mapping[str, float]:
    """Say where a fresh plan's time goes, room by room."""
    parts = {"start and imports": repeated(bench.sizes.rounds, lambda: import_all(_IMPORTS)).wall}
    cost, pipeline = timed(host.pipeline)
    with pipeline:
        parts["open"] = cost.wall
        cost, source = timed(pipeline.refresh)
        parts["source"] = cost.wall
        assert source.revision
        cost, desired = timed(lambda: pipeline.load(source.revision))  # type: ignore[arg-type]
        parts["desired"] = cost.wall
        asked = ask(desired, pipeline.store.recorded(), None)
        cost, _ = timed(lambda: look(pipeline.engine(), asked, pipeline.settings.daemon))
        parts["look"] = cost.wall
        planned = pipeline.plan_for(desired, source.url)
        cost, _ = timed(lambda: _make_plan(planned, desired, planned.observed, planned.recorded))
        parts["planner"] = cost.wall
    return parts
