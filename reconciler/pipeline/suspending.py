"""Leave a stack alone, and look after it again.

Pipeline; may import errors, model and the pipeline of rooms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reconciler.errors import NotSuspended, UnknownTarget
from reconciler.model import Suspension

if TYPE_CHECKING:
    from reconciler.pipeline.passes import Pipeline


def suspend(pipeline: Pipeline, stack: str, suspension: Suspension) -> None:
    """Write down that a stack is to be left alone. Raises UnknownTarget."""
    known = _stacks(pipeline)
    if stack not in known:
        raise _unknown(stack, known)
    pipeline.store.suspend(stack, suspension)


def resume(pipeline: Pipeline, stack: str) -> None:
    """Write down that a stack is looked after again. Raises UnknownTarget, NotSuspended."""
    suspended = pipeline.store.recorded().suspended
    known = _stacks(pipeline) | suspended.keys()
    if stack not in known:
        raise _unknown(stack, known)
    if not pipeline.store.resume(stack):
        raise NotSuspended("not-suspended", stack=stack, known=", ".join(sorted(suspended.keys() - {stack})) or "none")


def _stacks(pipeline: Pipeline) -> frozenset[str]:
    """Name the stacks that git wants, as far as it was fetched, and those that it no longer wants and that are still there."""
    recorded = frozenset(pipeline.store.recorded().stacks)
    source = pipeline.last_good() or pipeline.refresh()
    desired = pipeline.load(source.revision) if source.revision else None
    return recorded | {stack.name for stack in (desired.stacks if desired else ())}


def _unknown(stack: str, known: frozenset[str]) -> UnknownTarget:
    return UnknownTarget("stack-unknown", stack=stack, known=", ".join(sorted(known)) or "nothing yet")
