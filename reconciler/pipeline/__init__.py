"""The one place that knows the order of the rooms: desired → observed → plan → apply → record.

`passes.py` walks one pass through the rooms; `attempt.py` carries its plan out; `crew.py` runs stacks side by side, in their
order; `work.py` takes one stack from look to step to look; `hands.py` performs a step; `inventory.py` names what belongs to
a stack.
"""

from reconciler.pipeline.attempt import Report
from reconciler.pipeline.passes import Pipeline, Planned
from reconciler.pipeline.work import Listener, Silent

__all__ = ["Listener", "Pipeline", "Planned", "Report", "Silent"]
