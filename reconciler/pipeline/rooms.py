"""The opened rooms, and the half of a pass that changes nothing: fetch, say what is wanted, look, plan.

Pipeline; may import every room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import TracebackType
from typing import Self

from reconciler import __version__
from reconciler.address import shown
from reconciler.desired.kept import Kept
from reconciler.desired.load import Context
from reconciler.desired.repo import Repository
from reconciler.engine import EngineClient
from reconciler.errors import SourceUnreachable
from reconciler.model import Container, Desired, Engine, Observed, Plan, Recorded, Revision, SourceState
from reconciler.observed.look import Glance, glance, look
from reconciler.observed.memory import Memory
from reconciler.pipeline.order import Order, Scope
from reconciler.pipeline.veil import veiled_errors, veiled_plan
from reconciler.plan.applied import remember
from reconciler.plan.ask import ask
from reconciler.plan.plan import make_plan
from reconciler.plan.scene import Options
from reconciler.plan.world import World, make_worlds
from reconciler.record.measures import Measures
from reconciler.record.store import Store
from reconciler.redact import Redactor
from reconciler.settings import Settings
from reconciler.tools import ComposeTool, find_compose


@dataclass(frozen=True)
class Planned:
    """A plan with everything it was made from; `scope` is what it covers. It is as old as the beginning of its look."""

    plan: Plan
    desired: Desired
    observed: Observed
    recorded: Recorded
    redactor: Redactor
    order: Order
    scope: Scope

    @cached_property
    def worlds(self) -> Mapping[str, World]:
        """Return the surroundings of every stack."""
        return make_worlds(self.desired, self.observed, self.recorded)


_FRESH = timedelta(seconds=1)
"""How long a glance counts as the beginning of a look."""
_ANYBODYS = Order()
"""Everything, for whoever runs us."""


class Rooms:
    """Everything that passes need, opened once; make it with `open`, and close it."""

    def __init__(self, settings: Settings, store: Store, tool: ComposeTool) -> None:
        self.settings = settings
        self.store = store
        self.tool = tool
        self.repository = Repository(settings.source, settings.state_dir)
        self.memory: Memory | None = None
        """What looks keep; None as long as nobody tells it of events."""
        self.latest: Planned | None = None
        """The plan that was made last, of whatever scope."""
        self.measures = Measures()
        """How long passes and looks stay in each room; the agent puts its own in the place."""
        self._key = store.key()
        self._kept = Kept()
        self._engine: EngineClient | None = None

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Open the record and find compose. Raises StoreUnusable, MissingTool, NoSpace."""
        store = Store.open(settings.state_dir)
        try:
            return cls(settings, store, find_compose(settings.state_dir))
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Close the record."""
        self.store.close()

    def reconfigure(self, settings: Settings) -> None:
        """Go on with other settings of the source, of drift and of the daemon; folders and engine are the same."""
        self.repository = Repository(settings.source, settings.state_dir)
        self.settings = settings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # ── the rooms, in their order ────────────────────────────────────────────────────────────────

    def refresh(self, *, accept_rewrite: bool = False) -> SourceState:
        """Ask git for the newest revision; when it cannot be reached, go on with the last good one and say so.

        Raises SourceUnreachable when there is no last good one, NotFastForward, InvalidSource.
        """
        url = shown(self.settings.source.url)
        last_good = self.store.revisions().wanted
        try:
            revision = self.repository.fetch(last_good=last_good, accept_rewrite=accept_rewrite)
        except SourceUnreachable as error:
            if last_good is None:
                raise
            return SourceState(url, self.repository.revision(last_good), error.problem("source"))
        if revision.commit != last_good:
            self.store.wanted(revision.commit)
        return SourceState(url, revision)

    def plan(self, source: SourceState, order: Order = _ANYBODYS) -> Planned:
        """Compare what git says with what is there, and say what would be done. Changes nothing."""
        assert source.revision is not None
        # in a thread of its own: who waits for what git says must not wait for an engine that does not answer
        with ThreadPoolExecutor(1, "glance") as aside:
            begun: list[Future[Glance]] = []
            desired = self.load(source.revision, lambda: begun.append(aside.submit(self._glance, order)))
            seen = begun[0].result() if begun else None
        return self.plan_for(desired, source.url, order, seen=seen if seen and _is_fresh(seen) else None)

    def _glance(self, order: Order) -> Glance:
        return glance(self.engine(order.engine_seconds), self.memory)

    def load(self, revision: Revision, meanwhile: Callable[[], object] = bool) -> Desired:
        """Say what git wants of this device at a revision; `meanwhile` is called while compose works, if it has to."""
        settings = self.settings
        context = Context(
            device=settings.device,
            stacks_dir=settings.stacks_dir,
            env_dir=settings.env_dir,
            state_dir=settings.state_dir,
            compose=self.tool,
            owned=settings.daemon.owned if settings.daemon else None,
            owned_positions=settings.daemon.positions if settings.daemon else {},
            allowed=settings.daemon.allow if settings.daemon else frozenset(),
        )
        with self.measures.room("desired"):
            return self._kept.load(self.repository, revision.commit, context, meanwhile)

    def plan_for(
        self,
        desired: Desired,
        url: str,
        order: Order = _ANYBODYS,
        scope: Scope = None,
        known: Engine | None = None,
        seen: Glance | None = None,
    ) -> Planned:
        """Look at what is there and compare it with what is wanted.

        `scope` is given where it is less than the order's; `known` and `seen` as for `look`.
        """
        with self.measures.room("record"):
            recorded = self.store.recorded()
        scope = _scope(order, desired, recorded) if scope is None else scope
        stacks = tuple(remember(stack, recorded.stacks.get(stack.name)) for stack in desired.stacks)
        desired = replace(desired, stacks=stacks)
        redactor = Redactor(self._key, desired.secrets)
        looked_at = seen.at if seen else datetime.now(UTC)
        with veiled_errors(redactor.text), self.measures.room("observed"):
            engine = self.engine(order.engine_seconds)
            shown = look(engine, ask(desired, recorded, scope), self.settings.daemon, known, self.memory, seen)
            observed = _hidden(shown, desired, redactor)
        drift = self.settings.drift
        options = Options(
            now=looked_at, agent=__version__, source=url, confirm_prune=order.confirm_prune, scope=scope,
            correct=drift.correct, patient=order.patient, stop_grace=drift.stop_grace,
        )  # fmt: skip
        with self.measures.room("plan"):
            plan = veiled_plan(make_plan(desired, observed, recorded, options, redactor.mask), redactor.text)
        self.latest = Planned(plan, desired, observed, recorded, redactor, order, scope)
        return self.latest

    def plan_again(self, planned: Planned, scope: Scope) -> Planned:
        """Look again at what is there, and plan anew for the same desired state and the same order."""
        same = scope is not None and "daemon" not in scope
        known = planned.observed.engine if same else None
        if self.memory is not None:
            # what we have done ourselves may not have come back to us as an event yet
            self.memory.forget_projects(_projects(planned, scope)) if same else self.memory.forget_all()
        return self.plan_for(planned.desired, planned.plan.source, planned.order, scope, known)

    def reconnect(self) -> None:
        """Agree anew with the engine that answers next: it may be of another version."""
        self._engine = None

    def engine(self, seconds: float = _ANYBODYS.engine_seconds) -> EngineClient:
        """Reach the engine; each of its answers is waited for so long. Raises EngineUnreachable."""
        engine = self._engine or EngineClient.connect(self.settings.docker.host, timeout=seconds)
        self._engine = engine
        return engine.within(seconds)


def _is_fresh(seen: Glance) -> bool:
    return abs(datetime.now(UTC) - seen.at) < _FRESH


def _scope(order: Order, desired: Desired, recorded: Recorded) -> Scope:
    """Say what an order covers: everything but what it leaves."""
    if order.scope is not None or not order.leave:
        return order.scope
    return frozenset({"daemon", *recorded.stacks, *(stack.name for stack in desired.stacks)} - order.leave)


def _projects(planned: Planned, scope: Scope) -> frozenset[str]:
    projects = [(stack.name, stack.project) for stack in planned.desired.stacks]
    projects += [(stack.name, stack.project) for stack in planned.recorded.stacks.values()]
    return frozenset(project for name, project in projects if scope is None or name in scope)


def _hidden(observed: Observed, desired: Desired, redactor: Redactor) -> Observed:
    """Mask what is secret in the last words of containers; where that is not known, as git is wrong or silent, drop them."""
    known = {stack.project for stack in desired.stacks if not stack.problems}

    def hide(container: Container) -> Container:
        tail = tuple(map(redactor.text, container.log_tail)) if container.project in known else ()
        return replace(container, log_tail=tail) if container.log_tail else container

    return replace(observed, containers=tuple(map(hide, observed.containers)))
