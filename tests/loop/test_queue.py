"""The queue of names: one entry for each, nothing lost, delays that grow."""

from __future__ import annotations

import queue as standard
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from reconciler.loop.queue import LONGEST_DELAY, Queue

NAMES = st.sampled_from(["web", "db", "daemon", "source", "*"])
SOON = st.integers(0, 40).map(float)
CHANCE = st.sampled_from([0.0, 0.25, 1.0])


class Hands:
    """A clock and a chance that stand where they are put."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.chance = 0.0

    def queue(self) -> Queue:
        return Queue(lambda: self.now, lambda: self.chance)


class AgainstModel(RuleBasedStateMachine):
    """Whatever is done in whatever order, the queue holds what a plain table of moments holds."""

    def __init__(self) -> None:
        super().__init__()
        self.hands = Hands()
        self.queue = self.hands.queue()
        self.wished: dict[str, float] = {}
        self.retries: dict[str, float] = {}
        self.failures: dict[str, int] = {}

    def due(self) -> dict[str, float]:
        both = self.wished.keys() | self.retries.keys()
        return {name: min(table[name] for table in (self.wished, self.retries) if name in table) for name in both}

    @rule(name=NAMES, after=SOON)
    def add(self, name: str, after: float) -> None:
        self.queue.add(name, after=after)
        self.wished[name] = min(self.wished.get(name, self.hands.now + after), self.hands.now + after)

    @rule(name=NAMES, chance=CHANCE)
    def fail(self, name: str, chance: float) -> None:
        self.hands.chance = chance
        told = self.queue.failed(name)
        self.retries[name] = self.hands.now + min(5.0 * 2 ** self.failures.get(name, 0), 300.0) * (0.5 + chance / 2)
        self.failures[name] = self.failures.get(name, 0) + 1
        assert told == max(self.due()[name] - self.hands.now, 0.0)

    @rule(name=NAMES)
    def succeed(self, name: str) -> None:
        self.queue.succeeded(name)
        self.failures.pop(name, None)
        self.retries.pop(name, None)

    @rule(seconds=SOON)
    def wait(self, seconds: float) -> None:
        self.hands.now += seconds

    @rule(busy=st.sets(NAMES))
    def take(self, busy: set[str]) -> None:
        due = self.due()
        expected = sorted((due[name], name) for name in due if due[name] <= self.hands.now and name not in busy)
        assert self.queue.take(busy, timeout=0) == tuple(name for _, name in expected)
        for _, name in expected:
            self.wished.pop(name, None)
            self.retries.pop(name, None)

    @invariant()
    def says_what_it_holds(self) -> None:
        due = self.due()
        for name in ("web", "db", "daemon", "source", "*"):
            expected = max(due[name] - self.hands.now, 0.0) if name in due else None
            assert self.queue.due_in(name) == expected
            assert self.queue.failures(name) == self.failures.get(name, 0)


TestAgainstModel = AgainstModel.TestCase


@given(chances=st.lists(st.integers(0, 64).map(lambda part: part / 64), min_size=2, max_size=30))
def test_each_failure_waits_longer_until_five_minutes(chances: list[float]) -> None:
    """The delay never shrinks from one failure to the next before it reaches its half of the longest, and stays below that."""
    hands = Hands()
    queue = hands.queue()
    delays = []
    for hands.chance in chances:
        delays.append(queue.failed("web"))
        hands.now += delays[-1]
        assert queue.take(timeout=0) == ("web",)
    assert 2.5 <= delays[0] <= 5.0
    growing = [delay for delay in delays if delay < LONGEST_DELAY / 2]
    assert growing == sorted(growing)
    assert all(LONGEST_DELAY / 2 <= delay <= LONGEST_DELAY for delay in delays[7:])


def test_names_that_failed_together_are_not_tried_together() -> None:
    """The delays of many names are spread over half of the longest."""
    queue = Queue()
    delays = sorted(queue.failed(f"stack-{number}") for number in range(200))
    assert len(set(delays)) > 100
    assert delays[0] < 3.0
    assert delays[-1] > 4.5


def test_a_burst_of_the_same_names_is_one_entry_each() -> None:
    """Three hundred wishes for two names are two names, once."""
    queue = Queue()
    for number in range(300):
        queue.add("web" if number % 2 else "source")
    assert sorted(queue.take(timeout=0)) == ["source", "web"]
    assert queue.take(timeout=0) == ()


def test_a_name_added_while_it_is_worked_on_comes_out_afterwards() -> None:
    """Busy names stay; others are not held up by them."""
    queue = Queue()
    queue.add("web")
    busy = set(queue.take(timeout=0))
    queue.add("web")
    queue.add("db")
    assert queue.take(busy, timeout=0) == ("db",)
    assert queue.take(busy, timeout=0) == ()
    busy.clear()
    assert queue.take(busy, timeout=0) == ("web",)


def test_success_keeps_what_was_added_meanwhile() -> None:
    """A pass that succeeds knows nothing of what happened while it ran."""
    queue = Queue()
    queue.failed("web")
    queue.add("web")
    queue.succeeded("web")
    assert queue.failures("web") == 0
    assert queue.take(timeout=0) == ("web",)


def test_a_failure_does_not_hold_up_what_was_added_meanwhile() -> None:
    """Something new is a reason to look at once, however often it failed."""
    queue = Queue()
    queue.add("web")
    assert queue.failed("web") == 0.0
    assert queue.take(timeout=0) == ("web",)
    assert queue.due_in("web") is None


# ── waiting ──────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def taker(queue: Queue, busy: set[str]) -> Iterator[standard.Queue[tuple[str, ...]]]:
    """A thread that takes again and again; what it takes comes out of the yielded queue."""
    taken: standard.Queue[tuple[str, ...]] = standard.Queue()
    ending = threading.Event()

    def run() -> None:
        while not ending.is_set():
            taken.put(queue.take(busy))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield taken
    ending.set()
    queue.close()
    thread.join(10)
    assert not thread.is_alive()


def test_a_taker_is_woken_by_what_is_added() -> None:
    """It waits without end, and for no longer than it has to."""
    queue = Queue()
    with taker(queue, set()) as taken:
        queue.add("later", after=3600)
        queue.add("web")
        assert taken.get(timeout=10) == ("web",)
        queue.add("later", after=0.01)
        assert taken.get(timeout=10) == ("later",)


def test_a_nudge_frees_what_was_busy() -> None:
    """A name that is due and busy is asked about again when somebody says that something changed."""
    queue, busy = Queue(), {"web"}
    queue.add("web")
    with taker(queue, busy) as taken:
        queue.nudge()
        assert taken.get(timeout=10) == ()
        busy.clear()
        queue.nudge()
        assert taken.get(timeout=10) == ("web",)


def test_a_nudge_before_the_wait_is_not_lost() -> None:
    """It counts once."""
    queue = Queue()
    queue.nudge()
    assert queue.take() == ()
    assert queue.take(timeout=0) == ()


def test_a_busy_name_costs_nothing_while_it_is_busy() -> None:
    """A taker sleeps although a name is due that it may not have."""
    asked = []

    class Busy(set[str]):
        def __contains__(self, name: object) -> bool:
            asked.append(name)
            return True

    queue = Queue()
    queue.add("web")
    assert queue.take(Busy(), timeout=0.05) == ()
    assert len(asked) <= 3


def test_a_closed_queue_returns_at_once() -> None:
    """Whatever is queued, a taker is let go."""
    queue = Queue()
    queue.add("web")
    queue.close()
    assert queue.take() == ()


def test_many_threads_lose_nothing() -> None:
    """Each name that ten threads add is taken, by one taker, at the latest after their last word."""
    queue = Queue()
    names = {f"stack-{number}" for number in range(100)}

    def add() -> None:
        for name in names:
            queue.add(name)

    threads = [threading.Thread(target=add) for _ in range(10)]
    for thread in threads:
        thread.start()
    seen: set[str] = set()
    end = time.monotonic() + 30
    while seen != names and time.monotonic() < end:
        seen.update(queue.take(timeout=1))
    for thread in threads:
        thread.join()
    assert seen == names
