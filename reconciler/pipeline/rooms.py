"""The opened rooms, and the half of a pass that changes nothing: fetch, say what is wanted, look, plan.

Pipeline; may import every room.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from types import TracebackType
from typing import Self

from reconciler import __version__
from reconciler.address import shown
from reconciler.desired.load import Context, load
from reconciler.desired.repo import Repository
from reconciler.engine import EngineClient
from reconciler.errors import SourceUnreachable
from reconciler.model import Container, Desired, Engine, Observed, Plan, Recorded, Revision, SourceState
from reconciler.observed.look import look
from reconciler.pipeline.veil import veiled_errors, veiled_plan
from reconciler.pipeline.work import Listener, Silent
from reconciler.plan.applied import remember
from reconciler.plan.ask import ask
from reconciler.plan.plan import make_plan
from reconciler.plan.scene import Options
from reconciler.plan.world import World, make_worlds
from reconciler.record.store import Store
from reconciler.redact import Redactor
from reconciler.settings import Settings
from reconciler.tools import ComposeTool, find_compose

Scope = frozenset[str] | None
"""Names of stacks, and `daemon`; None: everything."""


@dataclass(frozen=True)
class Planned:
    """A plan with everything it was made from; `scope` is what it covers, `confirm_prune` what a person allowed."""

    plan: Plan
    desired: Desired
    observed: Observed
    recorded: Recorded
    redactor: Redactor
    scope: Scope = None
    confirm_prune: bool = False

    @cached_property
    def worlds(self) -> Mapping[str, World]:
        """Return the surroundings of every stack."""
        return make_worlds(self.desired, self.observed, self.recorded)


class Rooms:
    """Everything that passes need, opened once; make it with `open`, and close it."""

    def __init__(self, settings: Settings, store: Store, tool: ComposeTool, listener: Listener) -> None:
        self.settings = settings
        self.store = store
        self.tool = tool
        self.listener = listener
        self.repository = Repository(settings.source, settings.state_dir)
        self._key = store.key()
        self._engine: EngineClient | None = None

    @classmethod
    def open(cls, settings: Settings, *, listener: Listener | None = None) -> Self:
        """Open the record and find compose. Raises StoreUnusable, MissingTool, NoSpace."""
        store = Store.open(settings.state_dir)
        try:
            return cls(settings, store, find_compose(settings.state_dir), listener or Silent())
        except BaseException:
            store.close()
            raise

    def close(self) -> None:
        """Close the record."""
        self.store.close()

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
        self.store.wanted(revision.commit)
        return SourceState(url, revision)

    def plan(self, source: SourceState, *, confirm_prune: bool = False, scope: Scope = None) -> Planned:
        """Compare what git says with what is there, and say what would be done. Changes nothing."""
        assert source.revision is not None
        return self.plan_for(self.load(source.revision), source.url, confirm_prune=confirm_prune, scope=scope)

    def load(self, revision: Revision) -> Desired:
        """Say what git wants of this device at a revision."""
        settings = self.settings
        context = Context(
            device=settings.device,
            stacks_dir=settings.stacks_dir,
            env_dir=settings.env_dir,
            state_dir=settings.state_dir,
            compose=self.tool,
            owned=settings.daemon.owned if settings.daemon else None,
            owned_positions=settings.daemon.positions if settings.daemon else {},
        )
        return load(self.repository.tree(revision.commit), context)

    def plan_for(
        self,
        desired: Desired,
        url: str,
        *,
        confirm_prune: bool = False,
        scope: Scope = None,
        known: Engine | None = None,
    ) -> Planned:
        """Look at what is there and compare it with what is wanted; `known` as for `look`."""
        recorded = self.store.recorded()
        stacks = tuple(remember(stack, recorded.stacks.get(stack.name)) for stack in desired.stacks)
        desired = replace(desired, stacks=stacks)
        redactor = Redactor(self._key, desired.secrets)
        asked = ask(desired, recorded, scope)
        with veiled_errors(redactor.text):
            observed = _hidden(look(self.engine(), asked, self.settings.daemon, known), redactor)
        options = Options(
            now=datetime.now(UTC), agent=__version__, source=url, confirm_prune=confirm_prune,
            correct=self.settings.drift.correct, scope=scope,
        )  # fmt: skip
        plan = veiled_plan(make_plan(desired, observed, recorded, options, redactor.mask), redactor.text)
        return Planned(plan, desired, observed, recorded, redactor, scope, confirm_prune)

    def plan_again(self, planned: Planned, scope: Scope) -> Planned:
        """Look again at what is there, and plan anew for the same desired state under the same permission."""
        same = scope is not None and "daemon" not in scope
        return self.plan_for(
            planned.desired,
            planned.plan.source,
            confirm_prune=planned.confirm_prune,
            scope=scope,
            known=planned.observed.engine if same else None,
        )

    def engine(self) -> EngineClient:
        """Reach the engine; all looks and steps share one client. Raises EngineUnreachable."""
        if self._engine is None:
            self._engine = EngineClient.connect(self.settings.docker.host)
        return self._engine


def _hidden(observed: Observed, redactor: Redactor) -> Observed:
    """Mask what is secret in the last words of containers."""

    def hide(container: Container) -> Container:
        tail = tuple(map(redactor.text, container.log_tail))
        return replace(container, log_tail=tail) if container.log_tail else container

    return replace(observed, containers=tuple(map(hide, observed.containers)))
