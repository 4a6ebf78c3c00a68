"""Open the pipeline for a verb, and say how the source is.

Face; imports settings and pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.cli.words import tell_problem

if TYPE_CHECKING:
    from reconciler.model import SourceState
    from reconciler.pipeline import Pipeline


@contextmanager
def opened(config: Path | None) -> Iterator[Pipeline]:
    """Read the settings and open the pipeline for one pass. Raises what they raise."""
    from reconciler import settings

    loaded = settings.load(config)
    from reconciler.pipeline import Pipeline  # heavy: docker, git; not needed to say that settings are wrong

    with Pipeline.open(loaded) as pipeline:
        yield pipeline


def warn_about(source: SourceState) -> None:
    """Say that git could not be reached and an older revision is used."""
    if source.problem:
        tell_problem("warning", source.problem)
