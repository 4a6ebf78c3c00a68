"""Measures of the agent's answers: a push, and harm done to one of many containers, each against the bare command."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from docker import APIClient

from tests.bench.bench import Bench, say
from tests.bench.clock import Cost, Duel, duel, medians, timed
from tests.bench.farm import write_folders
from tests.bench.keeper import Event, Happenings, Keeper, happenings, kept, of_container, of_network
from tests.bench.table import Row

_PLAIN = "plain"
"""The project that only the bare command knows."""


def push(bench: Bench) -> Row:
    """Push a change of one service among many: from when the branch has moved until its new container runs."""
    count = bench.sizes.farm[1]
    folder = _plain(bench)
    with kept(bench) as keeper, happenings(bench) as heard:

        def ours(number: int) -> Cost:
            say(f"a push among {count} stacks, round {number + 1}")
            name, cpu = _stack(bench, number), _quiet(keeper)
            bench.farm.change(name, int(time.time()))
            pushed = (bench.farm.host.repository / ".git/refs/heads/main").stat().st_mtime
            runs = heard.moment(of_container(name, "api", "start"))
            keeper.look()
            return Cost(runs - pushed, keeper.cpu - cpu)

        def loop(number: int) -> Cost:
            write_folders(folder.parent, [folder.name], number + 2)
            return timed(lambda: bench.rival.up(folder))[0]

        rounds = duel(bench.sizes.rounds, ours, loop)
    bench.farm.host.clear(_PLAIN)
    over = statistics.median(a.wall - 1.3 * b.wall for a, b in zip(rounds.ours, rounds.loop, strict=True))
    title = f"push, until the new container runs, one among {count} stacks; over 1.3 × `compose up -d` of one"
    return Row("push", title, 0.5, medians(rounds.ours), rounds, amount=over)


@dataclass(frozen=True, slots=True)
class Harm:
    """What is done to a container, how the engine tells of it and of its end, and the bare command that repairs it."""

    do: Callable[[APIClient, str], object]
    begins: Callable[[str], Callable[[Event], bool]]
    ends: Callable[[str], Callable[[Event], bool]]
    bare: str
    mend: Callable[[Bench, str], object]
    drift: Mapping[str, str]


def _container(action: str) -> Callable[[str], Callable[[Event], bool]]:
    return lambda project: of_container(project, "store", action)


def _network(action: str) -> Callable[[str], Callable[[Event], bool]]:
    return lambda project: of_network(f"{project}_default", action)


def _connect(bench: Bench, name: str) -> None:
    bench.farm.host.api.connect_container_to_network(f"{name}-store-1", f"{name}_default", aliases=["store"])


HARMS: Mapping[str, Harm] = {
    "kill": Harm(
        lambda api, name: api.kill(f"{name}-store-1"),
        _container("die"),
        _container("start"),
        "docker start",
        lambda bench, name: bench.farm.host.api.start(f"{name}-store-1"),
        {"stop_grace": "0s"},  # else it would be left alone: somebody did it on purpose
    ),
    "rm -f": Harm(
        lambda api, name: api.remove_container(f"{name}-store-1", force=True),
        _container("destroy"),
        _container("start"),
        "compose up -d",
        lambda bench, name: bench.rival.up(_folder(bench)),
        {},
    ),
    "update --memory": Harm(
        lambda api, name: api.update_container(f"{name}-store-1", mem_limit="64m", memswap_limit="64m"),
        _container("update"),
        _container("start"),  # no engine lifts a limit again
        "compose up -d --force-recreate",
        lambda bench, name: bench.rival.up(_folder(bench), words=("--force-recreate", "--no-deps", "store")),
        {},
    ),
    "network disconnect": Harm(
        lambda api, name: api.disconnect_container_from_network(f"{name}-store-1", f"{name}_default"),
        _network("disconnect"),
        _network("connect"),
        "docker network connect",
        _connect,
        {},
    ),
    "rename": Harm(
        lambda api, name: api.rename(f"{name}-store-1", f"{name}-else"),
        _container("rename"),
        _container("rename"),
        "docker rename",
        lambda bench, name: bench.farm.host.api.rename(f"{name}-else", f"{name}-store-1"),
        {},
    ),
}


def repair(what: str, bench: Bench) -> Row:
    """Do harm to one of many containers: from the engine's word of it to its word of the repair."""
    count, harm, api = bench.sizes.farm[1], HARMS[what], bench.farm.host.api
    bench.rival.up(_plain(bench))
    with kept(bench, **harm.drift) as keeper, happenings(bench) as heard:

        def ours(number: int) -> Cost:
            say(f"{what}, round {number + 1}")
            return _repaired(harm, api, keeper, heard, _stack(bench, number))

        def bare(_number: int) -> Cost:
            harm.do(api, _PLAIN)
            return timed(lambda: harm.mend(bench, _PLAIN))[0]

        rounds = duel(bench.sizes.rounds, ours, bare)
    bench.farm.host.clear(_PLAIN)
    title = f"{what} of one of {2 * count} containers, until repaired; over `{harm.bare}`"
    return Row(f"repair {what}", title, 0.5, medians(rounds.ours), rounds, amount=_over(rounds))


def _repaired(harm: Harm, api: APIClient, keeper: Keeper, heard: Happenings, name: str) -> Cost:
    cpu = _quiet(keeper)
    harm.do(api, name)
    begun = heard.moment(harm.begins(name))
    ended = heard.moment(harm.ends(name))
    keeper.look()
    return Cost(ended - begun, keeper.cpu - cpu)


def _over(rounds: Duel) -> float:
    return statistics.median(ours.wall - bare.wall for ours, bare in zip(rounds.ours, rounds.loop, strict=True))


def _quiet(keeper: Keeper) -> float:
    """Wait until the agent has nothing to do; return its processor time."""
    keeper.look()
    return keeper.cpu


def _stack(bench: Bench, number: int) -> str:
    """Choose another stack in each round: what ends again and again is started later and later."""
    return bench.farm.names[(7 * number + 3) % bench.sizes.farm[1]]


def _folder(bench: Bench) -> Path:
    return bench.folder / "bare" / _PLAIN


def _plain(bench: Bench) -> Path:
    """Bring the project of the bare command up, and return its folder."""
    (folder,) = write_folders(_folder(bench).parent, [_PLAIN])
    bench.rival.up(folder)
    return folder
