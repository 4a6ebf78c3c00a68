"""Measures of the pass that runs all day: an agent's, warm, which finds nothing to do."""

from __future__ import annotations

import statistics
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from http.client import HTTPConnection
from unittest.mock import Mock, patch

from tests.bench.bench import Bench, say
from tests.bench.clock import Cost, culprits, duel, medians, repeated, timed
from tests.bench.table import Row
from tests.bench.warm import warm

_IN_A_ROW = 5
"""Our passes for one of the loop's."""


def quiet(bench: Bench) -> Sequence[Row]:
    """Make warm passes over 100 stacks that are as git wants them, against the loop."""
    count = bench.sizes.farm[1]
    farm = bench.grown(count)
    say(f"warm passes over {count} stacks against the loop, which settles first")
    farm.loop(count)
    with warm(farm.host) as pipeline:
        rounds = duel(
            bench.sizes.slow_rounds,
            lambda _: repeated(_IN_A_ROW, pipeline.once),
            lambda _: timed(lambda: farm.loop(count))[0],
        )
        with counted(subprocess.Popen, "__init__") as programs, counted(HTTPConnection, "putrequest") as calls:
            pipeline.once()
        why = culprits(pipeline.once)
    ours, title = medians(rounds.ours), f"warm pass, nothing changed, {count} stacks"
    cpu = statistics.median(one.cpu / other.cpu for one, other in zip(rounds.ours, rounds.loop, strict=True))
    said = f"{1000 * ours.wall:.0f} ms (cpu {1000 * ours.cpu:.0f} ms)"
    of_loop = partial(Row, "quiet", ours=ours, rounds=rounds, unit="% of the loop's", said=said)
    by_cpu = of_loop(f"{title}: cpu", 100 / 80, amount=100 * cpu)
    return (
        of_loop(f"{title}: wall", 100 / 40, amount=100 * rounds.ratio),
        by_cpu if by_cpu.met else replace(by_cpu, notes=(why,)),
        Row("quiet", f"{title}: engine calls", 4, ours, amount=calls.call_count, unit="calls"),
        Row("quiet", f"{title}: programs started", 0, ours, amount=programs.call_count, unit="programs"),
    )


def quiet_growth(bench: Bench) -> Sequence[Row]:
    """Compare what a container more costs the warm pass, early on and late, and what each costs at all."""
    small, middle, large = bench.sizes.farm
    bench.grown(large)
    cpu = {size: bench.quiet[size].cpu for size in bench.sizes.farm}
    early, late = ((cpu[b] - cpu[a]) / (2 * (b - a)) for a, b in ((small, middle), (middle, large)))
    title = f"warm pass, nothing changed, {small} → {middle} → {large} stacks"
    said = " → ".join(f"{1000 * cpu[size]:.0f}" for size in bench.sizes.farm) + " ms cpu"
    note = f"a container more costs {1e6 * early:.0f} µs, then {1e6 * late:.0f} µs; linear is at most × 1.3"
    largest = bench.quiet[large]
    return (
        Row("quiet-growth", f"{title}: linear", 1.3, largest, relative=late / early, said=said, notes=(note,)),
        Row("quiet-growth", f"{title}: cpu per container", 0.5, largest, amount=_each(largest, large), unit="ms"),
    )


@contextmanager
def counted(owner: type, method: str) -> Iterator[Mock]:
    """Count how often a method is called; it does what it does."""
    with patch.object(owner, method, autospec=True, side_effect=getattr(owner, method)) as mock:
        yield mock


def _each(cost: Cost, stacks: int) -> float:
    return 1000 * cost.cpu / (2 * stacks)
