"""What a person can ask of this host: answered by the agent that runs, or, without one, by whoever asks.

Pipeline; imports model. The command line knows nothing else; the agent's API is the same desk, spoken over its socket.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.model import Document, Plan, SourceState
from reconciler.pipeline.attempt import Report
from reconciler.pipeline.listening import Listener


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody allows an apply to do; `expected_index` is that of a saved plan."""

    accept_rewrite: bool = False
    confirm_prune: bool = False
    expected_index: str | None = None


class Desk(Protocol):
    """Where people ask. All methods raise ReconcilerError when they cannot be answered."""

    def plan(self, *, confirm_prune: bool = False) -> tuple[SourceState, Plan]:
        """Fetch, and say what an apply would do. Changes nothing."""

    def apply(self, wish: Wish, listener: Listener) -> Report:
        """Fetch, and do what has to be done; the listener follows. Raises PlanStale where a saved plan is no longer true."""

    def begin(self, wish: Wish) -> None:
        """Ask for the same, and do not wait. Raises NoAgent where no agent runs."""

    def status(self) -> Document:
        """Return the status document of formats.md §4."""

    def history(self, stack: str | None, limit: int) -> Document:
        """Return the last runs with what they did, newest first: `{"schema": 1, "runs": [...]}`."""

    def why(self, target: str) -> Document:
        """Say of a stack, service, container or daemon key why it is as it is. Raises UnknownTarget with what there is."""

    def suspend(self, stack: str, reason: str, until: datetime | None) -> None:
        """Leave a stack alone, whatever happens. Raises UnknownTarget."""

    def resume(self, stack: str) -> None:
        """Look after a stack again. Raises UnknownTarget, and NotSuspended when it is not suspended."""

    def follow(self) -> Iterator[Document]:
        """Yield what happens from now on, as events of docs/api.md. Raises NoAgent where no agent runs."""
