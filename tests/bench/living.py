"""Measures of the agent's life beside 100 stacks: strangers' containers, memory after many passes, and a minute in peace."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import docker

from tests.bench.bench import Bench, say
from tests.bench.clock import Cost
from tests.bench.keeper import Keeper, kept
from tests.bench.table import Row

_STRANGERS = 20
"""Containers of nobody's of ours, which are started and stopped in turn."""
_AT_ONCE = 4
_EACH_FIFTH = 5


def strangers(bench: Bench) -> Sequence[Row]:
    """Start and stop containers that are none of ours."""
    count = bench.sizes.strangers
    names = _strangers(bench)
    with kept(bench) as keeper:
        keeper.look()
        passes, cpu, begun = len(keeper.begun), keeper.cpu, time.perf_counter()
        say(f"{count} foreign containers are started and stopped")
        with ThreadPoolExecutor(_AT_ONCE) as hands:
            list(hands.map(lambda name: _start_and_stop(bench, name, count // _STRANGERS), names))
        cost = Cost(time.perf_counter() - begun, keeper.cpu - cpu)
        begins = len(keeper.begun) - passes
    for name in names:
        bench.farm.host.api.remove_container(name, force=True)
    title = f"{count} foreign containers started and stopped"
    return (
        Row("strangers", f"{title}: the agent meanwhile", 5.0, cost, amount=_share(cost), unit="% of a core"),
        Row("strangers", f"{title}: passes", 0, cost, amount=begins, unit="passes"),
    )


def memory(bench: Bench) -> Sequence[Row]:
    """Make many passes; each fifth is a push of one change, the others find nothing."""
    count, many = bench.sizes.passes, bench.sizes.passes // 5
    with kept(bench) as keeper:
        begun, cpu, sizes, handles = time.time(), keeper.cpu, [keeper.memory], [keeper.handles]
        for number in range(1, count + 1):
            say(f"pass {number}: {sizes[-1]:.1f} MB, {handles[-1]} files and children")
            if number % _EACH_FIFTH == 0:
                _push(bench, keeper, number)
            else:
                keeper.look()
            sizes.append(keeper.memory)
            handles.append(keeper.handles)
        cost = Cost(time.time() - begun, keeper.cpu - cpu)
    lately, added = f"over the last {count - many} of {count} passes", min(handles[-many:]) - min(handles[:many])
    return (
        Row("memory", f"memory (RSS) after {count} passes", 80, cost, amount=sizes[-1], unit="MB"),
        Row("memory", f"memory, growth {lately}", 1, cost, amount=sizes[-1] - sizes[many], unit="MB"),
        Row("memory", f"open files and children, growth {lately}", 0, cost, amount=added, unit="of them"),
    )


def _push(bench: Bench, keeper: Keeper, number: int) -> None:
    passes = len(keeper.passes)
    bench.farm.change(bench.farm.names[number % bench.sizes.farm[1]], int(time.time()))
    keeper.until(lambda: len(keeper.passes) > passes)


def idle(bench: Bench) -> Row:
    """Let the agent be, for a minute in which nothing happens."""
    with kept(bench) as keeper:
        keeper.look()
        say(f"{bench.sizes.idle:g} s in peace")
        begun, cpu = time.perf_counter(), keeper.cpu
        time.sleep(bench.sizes.idle)
        cost = Cost(time.perf_counter() - begun, keeper.cpu - cpu)
    title = f"the agent, idle for {bench.sizes.idle:g} s, {bench.sizes.farm[1]} stacks"
    return Row("idle", title, 0.3, cost, amount=_share(cost), unit="% of a core")


def _share(cost: Cost) -> float:
    return 100 * cost.cpu / cost.wall


def _strangers(bench: Bench) -> Sequence[str]:
    api, names = bench.farm.host.api, [f"stranger{number}" for number in range(_STRANGERS)]
    for name in names:
        config = api.create_host_config(network_mode="none")
        api.create_container("app:1", name=name, host_config=config)
    return names


def _start_and_stop(bench: Bench, name: str, times: int) -> None:
    api = docker.APIClient(bench.dockerd.host, version="auto")
    for _ in range(times):
        api.start(name)
        api.kill(name)
    api.close()
