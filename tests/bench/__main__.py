"""Run the measures, print the table, write `build/bench.json`. A missed target is told, and is no failure of the run."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from deploy.private_dockerd import PrivateDockerd
from tests.bench.bench import QUICK, Bench, Sizes, say
from tests.bench.deploying import first_deploy, one_change
from tests.bench.living import idle, memory, strangers
from tests.bench.looking import cold_look, fresh_plan, growth, planner_alone
from tests.bench.quiet import quiet, quiet_growth
from tests.bench.reacting import HARMS, push, repair
from tests.bench.table import Row, table

MEASURES: Mapping[str, Callable[[Bench], Row | Sequence[Row]]] = {
    "deploy": first_deploy,
    "planner": planner_alone,
    "plan": fresh_plan,
    "look": cold_look,
    "quiet": quiet,
    "change": one_change,
    "push": push,
    **{harm: partial(repair, harm) for harm in HARMS},
    "strangers": strangers,
    "memory": memory,
    "idle": idle,
    "growth": growth,
    "quiet-growth": quiet_growth,
}
"""In the order in which they run: what wants an empty engine first, what fills it last."""

_SHOWN = (
    *("plan", "look", "planner", "growth", "change", "deploy"),
    *("quiet", "quiet-growth", "push", *HARMS, "strangers", "memory", "idle"),
)
_RESULT = Path(__file__).resolve().parents[2] / "build" / "bench.json"


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=MEASURES, metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--quick", action="store_true", help="few stacks: to try the bench, not to judge by it")
    options = parser.parse_args()
    begun, load = time.monotonic(), os.getloadavg()[0]
    rows = _rows(options.only or tuple(MEASURES), QUICK if options.quick else Sizes())
    print(table(rows))
    print(
        f"\nOn {os.cpu_count()} processors, load {load:.1f} before and {os.getloadavg()[0]:.1f} after;"
        f" medians, of ratios too; {time.monotonic() - begun:.0f} s in all."
    )
    if options.quick:
        print("Quick: the numbers of stacks are not those of the targets.")
    _RESULT.parent.mkdir(exist_ok=True)
    document = {
        "quick": options.quick,
        "processors": os.cpu_count(),
        "load": load,
        "rows": [r.document() for r in rows],
    }
    _RESULT.write_text(json.dumps(document, indent=2) + "\n")


def _rows(names: Sequence[str], sizes: Sizes) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="rbw") as folder, PrivateDockerd(_short_folder(), name="bench") as dockerd:
        bench = Bench(Path(folder), dockerd, sizes)
        rows = {name: _several(MEASURES[name](bench)) for name in MEASURES if name in names}
        say("taking everything away")
    return [row for name in _SHOWN if name in rows for row in rows[name]]


def _several(rows: Row | Sequence[Row]) -> Sequence[Row]:
    return (rows,) if isinstance(rows, Row) else rows


def _short_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="rb", dir="/tmp"))  # short: unix sockets live below it


if __name__ == "__main__":
    main()
