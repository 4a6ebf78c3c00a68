"""Measures of changes: a first deploy, and one changed service among many."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial

from reconciler.model import Outcome, Step
from reconciler.pipeline import Order, Pipeline, Silent
from reconciler.settings import load
from tests.bench.bench import Bench, say
from tests.bench.clock import Cost, duel, medians, timed
from tests.bench.farm import Farm, in_stacks, stack_files, write_folders
from tests.bench.ours import run
from tests.bench.table import Row
from tests.e2e.host import Host


def first_deploy(bench: Bench) -> Row:
    """Deploy new stacks: `reconciler apply` as a process on a host that never saw one, against the loop."""
    count = bench.sizes.deploy

    def deploy(who: str, how: Callable[[Bench, list[str]], Cost], number: int) -> Cost:
        say(f"first deploy of {count} stacks, {who}, round {number + 1}")
        names = [f"{who}{number}x{one:03}" for one in range(count)]
        cost = how(bench, names)
        bench.farm.host.clear(*names)
        return cost

    _deploy_by_loop(bench, ["warm"])  # the very first container of an engine takes longer
    bench.farm.host.clear("warm")
    rounds = duel(
        bench.sizes.slow_rounds, partial(deploy, "ours", _deploy_ours), partial(deploy, "loop", _deploy_by_loop)
    )
    ours, loop = medians(rounds.ours), medians(rounds.loop)
    cpu = f"our own processor time and that of what we start, {ours.cpu - loop.cpu:+.2f} s against the loop's"
    notes = (f"{cpu}; the rest is the engine at work or waiting",)
    return Row("deploy", f"first deploy, {count} stacks", 0.8, ours, rounds, notes=notes)


def _deploy_ours(bench: Bench, names: list[str]) -> Cost:
    host = Host(bench.folder / names[0], bench.dockerd)
    host.push(in_stacks({name: stack_files(name) for name in names}))
    return timed(lambda: run(host, "apply"))[0]


def _deploy_by_loop(bench: Bench, names: list[str]) -> Cost:
    folders = write_folders(bench.folder / names[0], names)
    return timed(lambda: bench.rival.loop(folders))[0]


class _Watch(Silent):
    """Notes when each step of the one stack began, and when its new container ran."""

    def __init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Forget what was, and start the clock."""
        self.moments: list[tuple[str, float]] = [("until the first step", time.perf_counter())]
        self.runs_at = 0.0

    def step(self, step: Step) -> None:
        self.moments.append((step.kind, time.perf_counter()))

    def outcome(self, outcome: Outcome) -> None:
        self.runs_at = time.perf_counter()

    @property
    def seconds(self) -> float:
        """How long it took until the new container ran."""
        return self.runs_at - self.moments[0][1]

    def parts(self) -> Mapping[str, float]:
        """Say how long each step took that was needed for it."""
        ends = [at for _, at in self.moments[1:]] + [self.runs_at]
        return {kind: end - at for (kind, at), end in zip(self.moments, ends, strict=True) if at < self.runs_at}


def one_change(bench: Bench) -> Row:
    """Change one service among many: from apply, its source fetched, until the new container runs.

    In process: the pipeline is open and has passed before, as an agent's has.
    """
    count = bench.sizes.farm[1]
    farm = bench.grown(count)
    name, folder = farm.names[count // 2], write_folders(bench.folder / "plain", ["plain"])[0]
    bench.rival.up(folder)
    watch = _Watch()
    with Pipeline.open(load(farm.host.config)) as pipeline:
        pipeline.plan(pipeline.refresh())

        def ours(number: int) -> Cost:
            say(f"one change among {count} stacks, round {number + 1}")
            return _change_ours(farm, pipeline, watch, name, number + 2)

        def loop(number: int) -> Cost:
            write_folders(folder.parent, [folder.name], number + 2)
            return timed(lambda: bench.rival.up(folder))[0]

        rounds = duel(bench.sizes.rounds, ours, loop)
    bench.farm.host.clear(folder.name)
    title = f"one changed service among {count} stacks, until it runs"
    return Row("change", title, 1.3, medians(rounds.ours), rounds, parts=watch.parts())


def _change_ours(farm: Farm, pipeline: Pipeline, watch: _Watch, name: str, level: int) -> Cost:
    farm.change(name, level)
    source = pipeline.refresh()
    watch.begin()
    cost, report = timed(lambda: pipeline.reconcile(source, Order(scope=frozenset({name})), watch))
    assert report.converged, report
    made = farm.host.containers(name)[f"{name}-api-1"]
    assert f"LEVEL={level}" in made["Config"]["Env"]
    assert made["State"]["Running"]
    return Cost(watch.seconds, cost.cpu)
