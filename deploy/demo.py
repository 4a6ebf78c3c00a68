"""A private dockerd, a repository to play with, and a tour of what the reconciler does with them.

    python -m deploy.demo               the tour, then everything stays up until Ctrl-C
    python -m deploy.demo --tour only   exit code 0 only if every step of the tour was seen

It shares nothing with an engine that is there, asks no registry, and takes away all it made, whatever happens.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Sequence

from docker.errors import DockerException

from deploy.demo_stage import NotSeen, Stage, open_stage
from deploy.demo_tour import TOUR
from reconciler.cli import watching
from reconciler.errors import ReconcilerError


def main(arguments: Sequence[str]) -> int:
    """Run the demo; return its exit code."""
    parser = argparse.ArgumentParser(prog="demo", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--tour", choices=["only"], help="end after the tour; the exit code tells whether all was seen")
    only = parser.parse_args(arguments).tour == "only"
    for ending in (signal.SIGTERM, signal.SIGHUP):  # told to end, or the terminal went away
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    try:
        with open_stage() as stage:
            seen = walk(stage)
            if not only:
                stay(stage)
    except KeyboardInterrupt:
        print("\nEnding; everything that was made is taken away.")
        return 130 if only else 0
    return 0 if seen else 1


def walk(stage: Stage) -> bool:
    """Walk the tour until a step is not seen; tell whether all were."""
    for number, (title, step) in enumerate(TOUR, 1):
        print(f"\n{number}. {title}", flush=True)
        try:
            for line in step(stage):
                print(f"   seen: {line}", flush=True)
        except (NotSeen, DockerException, ReconcilerError, OSError) as error:
            print(f"   NOT SEEN: {error}\n{stage.agent.log_tail()}", flush=True)
            return False
    print(f"\nAll {len(TOUR)} steps were seen.", flush=True)
    return True


def stay(stage: Stage) -> None:
    """Say what there is to try, and show how the host stands until Ctrl-C."""
    stage.agent.keep()
    print(f"{stage.advice()}\n", flush=True)
    watching.run(stage.settings, as_json=False, summary=False, screen=False)
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
