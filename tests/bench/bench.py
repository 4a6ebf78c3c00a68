"""What all measures share: one private dockerd, one growing farm on it, the sizes."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path

from deploy.images import make_image
from deploy.private_dockerd import PrivateDockerd
from reconciler.tools import find_compose
from tests.bench.clock import Cost, repeated
from tests.bench.farm import Farm
from tests.bench.rival import Rival
from tests.bench.warm import warm


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many stacks and rounds; the numbers of the targets, unless we are in a hurry."""

    farm: tuple[int, int, int] = (10, 100, 300)
    deploy: int = 30
    planned: int = 1000
    changed: int = 10
    rounds: int = 7
    slow_rounds: int = 3
    strangers: int = 500
    passes: int = 50
    idle: float = 66.0
    """Seconds; git is asked in each such time at least once."""


QUICK = Sizes(farm=(3, 10, 30), deploy=6, planned=100, rounds=3, slow_rounds=2, strangers=40, passes=10, idle=5.0)


@dataclass
class Bench:
    """One run on `dockerd`; everything on disk is below `folder`."""

    folder: Path
    dockerd: PrivateDockerd
    sizes: Sizes
    passes: dict[int, Cost] = field(default_factory=dict)
    quiet: dict[int, Cost] = field(default_factory=dict)

    def __post_init__(self) -> None:
        make_image(self.dockerd.host, "app:1")
        self.rival = Rival(find_compose(None).path, self.dockerd.host)
        self.farm = Farm(self.folder / "farm", self.dockerd, self.rival, "stack")

    def grown(self, count: int) -> Farm:
        """Return the farm with `count` stacks or more; passes in process, cold and warm, are timed at each size on the way."""
        for size in self.sizes.farm:
            if size <= count and size not in self.passes:
                say(f"growing to {size} stacks")
                self.farm.grow(size)
                self.passes[size] = self._quiet_pass()
                with warm(self.farm.host) as pipeline:
                    self.quiet[size] = repeated(self.sizes.rounds, pipeline.once)
        return self.farm

    def _quiet_pass(self) -> Cost:
        with self.farm.host.pipeline() as pipeline:
            source = pipeline.refresh()
            assert not pipeline.plan(source).plan.actions
            return repeated(self.sizes.rounds, lambda: pipeline.plan(source))


def say(words: str) -> None:
    """Tell the one who waits what is going on."""
    print(f"bench: {words}", file=sys.stderr, flush=True)
