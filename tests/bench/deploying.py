"""Measures of changes: a first deploy, and one changed service among many."""

from __future__ import annotations

import time
from collections.abc import Mapping

from reconciler.model import Outcome, Step
from reconciler.pipeline import Pipeline, Silent
from reconciler.settings import load
from tests.bench.bench import Bench, say
from tests.bench.clock import Cost, medians, timed
from tests.bench.farm import Farm, in_stacks, stack_files, write_folders
from tests.bench.ours import run
from tests.bench.table import Row
from tests.e2e.host import Host


def first_deploy(bench: Bench) -> Row:
    """Deploy new stacks: `reconciler apply` as a process on a host that never saw one, against the loop."""
    count = bench.sizes.deploy
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    for number in range(bench.sizes.slow_rounds):
        for which in (0, 1) if number % 2 == 0 else (1, 0):
            say(f"first deploy of {count} stacks, {('ours', 'loop')[which]}, round {number + 1}")
            names = [f"{('ours', 'loop')[which]}{number}x{one:03}" for one in range(count)]
            costs[which].append((_deploy_ours, _deploy_by_loop)[which](bench, names))
            _clear(bench, names)
    ours, loop = medians(costs[0]), medians(costs[1])
    cpu = f"our own processor time and that of what we start, {ours.cpu - loop.cpu:+.2f} s against the loop's"
    notes = (f"{cpu}; the rest is the engine at work or waiting",)
    return Row("deploy", f"first deploy, {count} stacks", ours, 0.8, loop=loop, notes=notes)


def _deploy_ours(bench: Bench, names: list[str]) -> Cost:
    host = Host(bench.folder / names[0], bench.dockerd)
    host.push(in_stacks({name: stack_files(name) for name in names}))
    return timed(lambda: run(host, "apply"))[0]


def _deploy_by_loop(bench: Bench, names: list[str]) -> Cost:
    folders = write_folders(bench.folder / names[0], names)
    return timed(lambda: bench.rival.loop(folders))[0]


def _clear(bench: Bench, names: list[str]) -> None:
    bench.farm.host.clear(*names)


class _Watch(Silent):
    """Notes when each step of the one stack began, and when its new container ran."""

    def __init__(self) -> None:
        self.moments: list[tuple[str, float]] = []
        self.runs_at = 0.0

    def step(self, step: Step) -> None:
        self.moments.append((step.kind, time.perf_counter()))

    def outcome(self, outcome: Outcome) -> None:
        self.runs_at = time.perf_counter()

    def parts(self, begun: float) -> Mapping[str, float]:
        ends = [at for _, at in self.moments[1:]] + [self.runs_at]
        steps = {kind: end - at for (kind, at), end in zip(self.moments, ends, strict=True) if end > at}
        return {"until the first step": self.moments[0][1] - begun, **steps}


def one_change(bench: Bench) -> Row:
    """Change one service among many: from apply, its source fetched, until the new container runs."""
    count = bench.sizes.farm[1]
    farm = bench.grown(count)
    name, folder = farm.names[count // 2], write_folders(bench.folder / "plain", ["plain"])[0]
    bench.rival.up(folder)
    ours: list[Cost] = []
    loop: list[Cost] = []
    parts: Mapping[str, float] = {}
    for number in range(bench.sizes.rounds):
        say(f"one change among {count} stacks, round {number + 1}")
        level = number + 2
        cost, parts = _change_ours(farm, name, level)
        ours.append(cost)
        write_folders(folder.parent, [folder.name], level)
        loop.append(timed(lambda: bench.rival.up(folder))[0])
    _clear(bench, ["plain"])
    title = f"one changed service among {count} stacks, until it runs"
    return Row("change", title, medians(ours), 1.3, loop=medians(loop), parts=parts)


def _change_ours(farm: Farm, name: str, level: int) -> tuple[Cost, Mapping[str, float]]:
    farm.change(name, level)
    watch = _Watch()
    with Pipeline.open(load(farm.host.config), listener=watch) as pipeline:
        source = pipeline.refresh()
        begun = time.perf_counter()
        cost, report = timed(lambda: pipeline.reconcile(source, scope=frozenset({name})))
    assert report.converged, report
    made = farm.host.containers(name)[f"{name}-api-1"]
    assert f"LEVEL={level}" in made["Config"]["Env"] and made["State"]["Running"]  # noqa: PT018
    return Cost(watch.runs_at - begun, cost.cpu), watch.parts(begun)
