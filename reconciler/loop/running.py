"""The passes under way: who works on which stack, who has to wait, and what each is doing.

Loop; may import model and pipeline.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

from reconciler.model import Plan, StackOutcome, Step, StepKind
from reconciler.pipeline.listening import Silent
from reconciler.pipeline.order import Order

EVERYTHING = "*"
SOURCE = "source"
DAEMON = "daemon"

_AT_ONCE = 4
"""Narrow passes that work at the same time; those that only wait to become ready do not count."""
_OPERATIONS: Mapping[StepKind, str] = {"pull": "Pulling", "build": "Pulling", "wait": "Verifying"}


class Pass(Silent):
    """One pass; a listener of the pipeline, which keeps what it hears of the stacks that are worked on."""

    def __init__(self, order: Order, revision: str, changed: threading.Condition) -> None:
        self.order = order
        self.revision = revision
        self.begun = False
        self._changed = changed
        self._doing: Mapping[str, str] | None = None
        """By stack that is worked on, replaced and never changed; None: planning, nobody knows yet which these are."""

    @property
    def is_wide(self) -> bool:
        """Tell whether it covers everything."""
        return self.order.scope is None

    @property
    def is_persons(self) -> bool:
        """Tell whether somebody waits for it."""
        return self.order.trigger == "command"

    @property
    def rests(self) -> bool:
        """Tell whether it only waits for stacks to become ready."""
        doing = self._doing
        return doing is not None and all(what == "Verifying" for what in doing.values())

    @property
    def operations(self) -> Mapping[str, str]:
        """Return what is being done, by stack; while planning that of its scope."""
        doing = self._doing
        return dict.fromkeys(self.order.scope or (), "Planning") if doing is None else doing

    def works_on(self, name: str) -> bool:
        """Tell whether a stack has to be left to this pass."""
        doing = self._doing
        if doing is None:
            return self.order.scope is None or name in self.order.scope
        return name in doing

    # ── what the pipeline tells ──────────────────────────────────────────────────────────────────

    def planned(self, plan: Plan, stacks: frozenset[str]) -> None:  # noqa: ARG002 - a listener hears more than it needs
        with self._changed:
            self._doing = dict.fromkeys(stacks, "Applying")
            self._changed.notify_all()

    def step(self, step: Step) -> None:
        self._note(step.stack, _OPERATIONS.get(step.kind, "Applying"))

    def settled(self, outcome: StackOutcome) -> None:
        self._note(outcome.stack, None)

    def _note(self, stack: str, doing: str | None) -> None:
        with self._changed:
            if self._doing is None or self._doing.get(stack) == doing:
                return
            others = {name: what for name, what in self._doing.items() if name != stack}
            self._doing = {**others, stack: doing} if doing else others
            self._changed.notify_all()


class Running(Collection[str]):
    """The passes that are admitted; as a collection, the names that must not be taken from the queue now.

    A wide pass begins when no other is under way: it cuts those that are, and none begins before it. A person's goes first.
    What only reads takes no lock: the queue asks while it holds its own, and is told from within ours.
    """

    def __init__(self, nudge: Callable[[], None]) -> None:
        self._changed = _Telling(nudge)
        self._passes: tuple[Pass, ...] = ()
        self._fetching = False
        self._closed = False

    def admit(self, order: Order, revision: str = "") -> Pass:
        """Admit a pass; from now on its names are taken. Does not wait.

        Of two people who want the same revision the second waits for the first; all else a wide pass cuts.
        """
        one = Pass(order, revision, self._changed)
        with self._changed:
            if one.is_wide and not any(self._is_the_same_wish(other, one) for other in self._passes):
                self.cut()
            self._passes = (*self._passes, one)
        return one

    @staticmethod
    def _is_the_same_wish(one: Pass, other: Pass) -> bool:
        return one.is_wide and one.is_persons and other.is_persons and one.revision == other.revision

    @contextmanager
    def under_way(self, one: Pass) -> Iterator[bool]:
        """Wait until an admitted pass may begin; let others begin when it has ended.

        False: it may not, as we are closed, or a wide pass was admitted before it began, which looks at all that it would.
        """
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._closed or self._may_begin(one))
                one.begun = not (self._closed or one.order.cut.is_set())
            yield one.begun
        finally:
            with self._changed:
                self._passes = tuple(other for other in self._passes if other is not one)
                self._changed.notify_all()

    @contextmanager
    def fetching(self) -> Iterator[None]:
        """Note that git is being asked."""
        with self._changed:
            self._fetching = True
        try:
            yield
        finally:
            with self._changed:
                self._fetching = False
                self._changed.notify_all()

    def cut(self) -> None:
        """End what may be ended in every pass but the wide ones that still wait."""
        with self._changed:
            for one in self._passes:
                if one.begun or not one.is_wide:
                    one.order.cut.set()

    def close(self) -> None:
        """Cut what is under way, and let nothing begin any more."""
        with self._changed:
            self._closed = True
            self.cut()
            self._changed.notify_all()

    def wait_until_idle(self) -> None:
        """Wait until nothing is under way."""
        with self._changed:
            self._changed.wait_for(lambda: not self._passes and not self._fetching)

    @property
    def looks_at_everything(self) -> bool:
        """Tell whether a wide pass is admitted."""
        return any(one.is_wide for one in self._passes)

    @property
    def operations(self) -> Mapping[str, str]:
        """Return what is being done now, by stack, `source` among them."""
        found = {name: doing for one in self._passes for name, doing in one.operations.items()}
        return {**found, SOURCE: "Fetching"} if self._fetching else found

    def __contains__(self, name: object) -> bool:
        passes = self._passes
        if name == SOURCE:
            return self._fetching
        if name == EVERYTHING:
            return _wide_waits(passes)  # it will look at everything afresh
        crowded = sum(not one.rests for one in passes) >= _AT_ONCE
        return crowded or _wide_waits(passes) or any(one.works_on(str(name)) for one in passes)

    def __iter__(self) -> Iterator[str]:
        return iter(self.operations)

    def __len__(self) -> int:
        return len(self.operations)

    def _may_begin(self, one: Pass) -> bool:
        if not one.is_wide:
            return True
        waiting = [other for other in self._passes if other.is_wide and not other.begun]
        first = min(waiting, key=lambda other: not other.is_persons)
        return first is one and not any(other.begun for other in self._passes)


def _wide_waits(passes: Iterable[Pass]) -> bool:
    return any(one.is_wide and not one.begun for one in passes)


class _Telling(threading.Condition):
    """A condition whose notifications reach the queue's taker as well."""

    def __init__(self, nudge: Callable[[], None]) -> None:
        super().__init__(threading.RLock())
        self._nudge = nudge

    def notify_all(self) -> None:
        super().notify_all()
        self._nudge()
