"""The one place that knows the order of the rooms: desired → observed → plan → apply → record.

`rooms.py` opens the rooms and plans; `passes.py` is one whole pass; `attempt.py` carries a plan out, with `tasks.py` (what is
to do), `crew.py` (stacks side by side, in their order), `work.py` (one stack from look to step to look), `hands.py` (one step),
`daemon.py` (the settings of dockerd) and `inventory.py` (what belongs to a stack); `veil.py` keeps secrets out of what is said;
`report.py` makes the status, `why.py` answers for one thing (`targets.py`: which; `blame.py`: whose commit; `waiting.py`: for
what), `history.py` tells the runs. `desk.py` is what people may ask, `local.py` answers it without an agent.
"""

from reconciler.pipeline.attempt import Report
from reconciler.pipeline.desk import Desk, Wish
from reconciler.pipeline.listening import Listener, Silent
from reconciler.pipeline.order import Order, Scope, Trigger
from reconciler.pipeline.passes import Pipeline
from reconciler.pipeline.rooms import Planned

__all__ = [
    "Desk",
    "Listener",
    "Order",
    "Pipeline",
    "Planned",
    "Report",
    "Scope",
    "Silent",
    "Trigger",
    "Wish",
]
