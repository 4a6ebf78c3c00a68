"""Reach whoever answers: the agent that runs, else we do the work ourselves.

Face; imports settings, and what it opens.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from reconciler.pipeline import Desk


@contextmanager
def opened(config: Path | None) -> Iterator[Desk]:
    """Read the settings and open a desk. Raises what they raise, and AgentRuns for an agent that does not answer."""
    from reconciler import settings

    loaded = settings.load(config)
    from reconciler.api.client import find_agent  # heavy, as the pipeline; not needed to say that settings are wrong

    agent = find_agent(loaded.state_dir)
    if agent is not None:
        yield agent
        return
    from reconciler.pipeline import Pipeline
    from reconciler.pipeline.local import LocalDesk

    with Pipeline.open(loaded) as pipeline:
        yield LocalDesk(pipeline)


def is_agents(desk: Desk) -> bool:
    """Tell whether an agent answers at a desk, and goes on when we end."""
    from reconciler.api.client import RemoteDesk

    return isinstance(desk, RemoteDesk)
