"""The agent: triggers enqueue names, passes take them, and what became of each decides when it is looked at again.

Loop; may import the pipeline, and of the rooms the engine's events and the words of a problem. One dispatcher thread, one
thread for each pass, one that listens to the engine. What is to be done is read afresh, never carried by a trigger.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import structlog

from reconciler.address import shown
from reconciler.errors import Cut, ReconcilerError
from reconciler.loop.chorus import Chorus, Watcher
from reconciler.loop.desk import AgentDesk
from reconciler.loop.marking import Marking
from reconciler.loop.marks import Marks
from reconciler.loop.queue import Queue
from reconciler.loop.refs import RefWatch
from reconciler.loop.retries import Retries
from reconciler.loop.running import DAEMON, EVERYTHING, SOURCE, Pass, Running
from reconciler.loop.schedule import Schedule
from reconciler.loop.threads import Threads
from reconciler.model import Problem, Revision, SourceState
from reconciler.observed.events import EngineEvent, Gap, follow
from reconciler.observed.memory import Memory
from reconciler.pipeline import Desk, Listener, Order, Pipeline, Report, Silent, Trigger
from reconciler.plan.texts import problem_text
from reconciler.settings import Settings

_TICK = 10.0
"""Seconds after which the dispatcher turns although nothing happened."""

_log = structlog.get_logger()


class Agent:
    """Keeps one host as git says; make it, `run` it in a thread, `stop` it from any other, at last `close` it.

    `watchers` follow its passes. Raises what `Pipeline.open` raises.
    """

    def __init__(self, settings: Settings, watchers: Sequence[Watcher] = ()) -> None:
        self.memory = Memory()
        self.pipeline = Pipeline.open(settings)
        self.pipeline.memory = self.memory
        self.queue = Queue()
        self.running = Running(self.queue.nudge)
        self.retries = Retries(self.queue)
        self.marks = Marks()
        self.source: SourceState | None = self.pipeline.last_good()
        """The revision that passes are for: at first the last good one, so that nothing waits for git."""
        self.problem: Problem | None = None
        """What was wrong with the source, the last time it was asked."""
        self.looked = threading.Event()
        """Set once the first wide pass has ended, however it did."""
        self._watchers = watchers
        self._stopping = threading.Event()
        self._fetching = threading.Lock()
        self._trigger: Trigger = "start"
        self._heeded: Revision | None = self.source.revision if self.source else None
        """The newest revision for which everything is, or will be, looked at."""
        self._schedule = Schedule(settings.source.poll, settings.drift.every, self._on_schedule)
        self._refs = self._watch_refs(settings)
        self.threads = Threads(self._stopping.is_set)
        self._turned = time.monotonic()

    @property
    def settings(self) -> Settings:
        """Return the settings that count now."""
        return self.pipeline.settings

    def run(self) -> None:
        """Keep the host until `stop`. Raises the bug that ended the listening to the engine: deaf we would be of no use."""
        listening = self.threads.begin(self._listen)
        listening.add_done_callback(lambda _: self.queue.nudge())
        self._schedule.start()
        self._refs.start()
        self.queue.add(SOURCE)
        while not self._stopping.is_set():
            self._turned = time.monotonic()
            if listening.done():
                listening.result()
            self._refs.check()
            self._schedule.check()
            if names := self.queue.take(self.running, _TICK):
                self._dispatch(names)
        self._refs.stop()
        self._schedule.stop()
        self.running.wait_until_idle()
        self.threads.close()

    def close(self) -> None:
        """Close the record, once `run` has ended and nobody asks any more."""
        self.pipeline.close()

    def stop(self) -> None:
        """Let `run` come to its end: compose is let finish; pulls, waits and what git is asked are cut short."""
        self._stopping.set()
        self.pipeline.repository.cut.set()
        self.running.close()
        self.queue.close()

    def alive(self) -> float:
        """Return how many seconds ago the dispatcher turned last; up to ten are usual."""
        return time.monotonic() - self._turned

    def reload(self, settings: Settings) -> None:
        """Go on with other settings; the ones that an agent has for life (`life.FIXED`) are the same."""
        with self._fetching:
            self.pipeline.reconfigure(settings)
            self.source = self.pipeline.last_good()
            self._heeded = None  # the same commit may now mean something else
        self._schedule.change(settings.source.poll, settings.drift.every)
        self._refs.stop()
        self._refs = self._watch_refs(settings)
        self._refs.start()
        self.queue.add(SOURCE)
        self.queue.add(EVERYTHING)

    def desk(self, who: str) -> Desk:
        """Return where a person asks."""
        return AgentDesk(self, who)

    @property
    def notes(self) -> tuple[str, ...]:
        """Return what works less well than it might, in words."""
        return (self._refs.problem,) if self._refs.problem else ()

    # ── source ───────────────────────────────────────────────────────────────────────────────────

    def fetch(self, *, accept_rewrite: bool = False) -> SourceState:
        """Ask git now; a new revision is from now on the one that passes are for. Raises what `Pipeline.refresh` raises."""
        with self._fetching, self.running.fetching():
            try:
                source = self.pipeline.refresh(accept_rewrite=accept_rewrite)
            except ReconcilerError as error:
                self.problem = error.problem(SOURCE)
                self.source = self.pipeline.last_good(self.problem)
                self._tell_source(self.source or SourceState(shown(self.settings.source.url), None, self.problem))
                raise
            self.source, self.problem = source, source.problem
            self._tell_source(source)
            return source

    def _tell_source(self, source: SourceState) -> None:
        for watcher in self._watchers:
            watcher.fetched(source)

    def _follow_source(self) -> None:
        with suppress(ReconcilerError):  # it was told, and is in the status; git is asked again at the next poll
            self.fetch()
        self.heed()

    def heed(self) -> None:
        """Let everything be looked at where git has another revision now, whoever fetched it."""
        source = self.source
        if source is None or source.revision == self._heeded:
            return
        trigger: Trigger = "push" if self._heeded else "start"
        self._heeded = source.revision
        self.retries.forgive()
        self.look_at_everything(trigger)

    # ── what enqueues ────────────────────────────────────────────────────────────────────────────

    def look_at_everything(self, trigger: Trigger) -> None:
        """Let a wide pass begin."""
        self._trigger = trigger
        self.queue.add(EVERYTHING)

    def _on_schedule(self, name: str) -> None:
        if name != EVERYTHING:
            self.queue.add(name)
            return
        self.memory.forget_all()  # whatever the events said
        self._miss_nothing("schedule")

    def _miss_nothing(self, trigger: Trigger) -> None:
        """Let everything be looked at; a pass that does so already is not cut, the stacks are looked at beside it.

        One that takes longer than the clock's interval would never come to its end, nor one that restarts the engine itself.
        """
        if not self.running.looks_at_everything:
            self.look_at_everything(trigger)
            return
        for stack in self._names():
            self.queue.add(stack)

    def _names(self) -> frozenset[str]:
        latest = self.pipeline.latest
        stacks = {*latest.recorded.stacks, *(one.name for one in latest.desired.stacks)} if latest else set()
        return frozenset({DAEMON, *stacks})

    def _listen(self) -> None:
        for item in follow(self.settings.docker.host, self._stopping):
            if isinstance(item, Gap):
                self.marks.heard(item)
                self.pipeline.reconnect()
                self.memory.forget_all()
                self._miss_nothing("start" if item.reason == "start" else "drift")
            else:
                self.memory.forget(item)
                self._heard(item)

    def _heard(self, event: EngineEvent) -> None:
        marked = self.marks.heard(event)
        try:
            self.pipeline.note_stops(marked.stopped, marked.started)
        except ReconcilerError as error:  # a full disk, say: what follows is heard all the same
            _log.warning("a stop could not be written down", why=problem_text(error.problem("record")))
        self.wake(marked.wake)

    def wake(self, names: Mapping[str, float]) -> None:
        """Let stacks be looked at in so many seconds, later where they crash again and again, never where we gave up."""
        for name, after in names.items():
            if (delay := self.retries.delay(name)) is not None:
                self.queue.add(name, after=max(after, delay))

    def _watch_refs(self, settings: Settings) -> RefWatch:
        return RefWatch(settings.source.url, settings.source.ref, lambda: self.queue.add(SOURCE))

    # ── what takes ───────────────────────────────────────────────────────────────────────────────

    def _dispatch(self, names: Sequence[str]) -> None:
        if SOURCE in names:
            self.threads.spawn(self._follow_source)
        if self.source is None:
            return  # the first revision wakes everything
        quiet = self.marks.quiet()
        left = frozenset(self.retries.given_up) | quiet.keys()
        if EVERYTHING in names:
            self._begin(Order(trigger=self._trigger, patient=True, leave=left))
        elif stacks := frozenset(names) - {SOURCE} - left:
            retried = any(map(self.queue.failures, stacks))
            self._begin(Order(scope=stacks, trigger="retry" if retried else "drift", patient=True))
        for name, seconds in quiet.items():
            self.queue.add(name, after=seconds)

    def _begin(self, order: Order) -> None:
        self.threads.spawn(self._make_own, self.running.admit(order))

    def _make_own(self, one: Pass) -> None:
        """Make a pass of our own; what broke it off, a bug too, was told, and it is tried again later."""
        again = one.order.scope or frozenset({EVERYTHING})
        try:
            self.make(one, Silent())
            again = frozenset()
            self.queue.succeeded(EVERYTHING)
        except Cut:
            again = frozenset()  # we are about to end, or a pass over everything has taken its place
        finally:
            for name in again:
                self.queue.failed(name)

    def make(self, one: Pass, listener: Listener) -> Report:
        """Make an admitted pass, and draw the conclusions.

        Raises what `Pipeline.reconcile` raises, and Cut when it may not begin.
        """
        order = one.order
        with self.running.under_way(one) as may_begin:
            if not may_begin or self.source is None:
                raise Cut("cut")
            if one.is_wide:
                self._heeded = self.source.revision
            watching = [watcher.begins(order) for watcher in self._watchers]
            marking = Marking(self, order)  # first: before the pass frees a stack, marks and retries have to know
            try:
                report = self.pipeline.reconcile(self.source, order, Chorus((marking, one, *watching, listener)))
            except ReconcilerError as error:
                for watcher in self._watchers:
                    watcher.broke(order, error)
                raise
            finally:
                marking.close()
                if one.is_wide:
                    self.looked.set()
            self.retries.conclude(report, self.pipeline.latest)
        for watcher in self._watchers:
            watcher.ended(order, report)
        if report.outcomes or report.plan.blocked or any(held.until for held in report.plan.held):
            self._note(is_awaited=one.is_persons)
        return report

    def _note(self, *, is_awaited: bool = False) -> None:
        """Write down since when things are as they are now, whether or not somebody asks; nobody waits for it."""
        if is_awaited:
            self.threads.spawn(self._note)
            return
        with suppress(ReconcilerError):
            self.desk("").status()
