"""Every noun that two rooms share, as frozen values.

Data walks one way: desired → observed → plan → apply → record. What crosses a border between rooms is
defined here and nowhere else, and imported from here: `from reconciler.model import Plan`. Documents of other programs
(compose's rendered service, the engine's inspect) travel inside these nouns as `Document`, unchanged, and only `plan/`
interprets them.
"""

from reconciler.model.applied import Outcome, StackOutcome, Step, StepKind
from reconciler.model.desired import (
    DaemonKey,
    Desired,
    DesiredDaemon,
    DesiredObject,
    DesiredService,
    DesiredStack,
    IgnoreRule,
    SourceState,
    StackFile,
    StackSettings,
)
from reconciler.model.observed import (
    Ask,
    Container,
    Engine,
    Image,
    Listener,
    Network,
    Observed,
    ObservedDaemon,
    Pool,
    PublishedPort,
    Volume,
)
from reconciler.model.planned import Action, Cause, FieldDiff, Held, Plan
from reconciler.model.recorded import AppliedService, AppliedStack, ObjectRef, Recorded, RecordedStack
from reconciler.model.words import (
    NOTHING,
    Because,
    Document,
    Health,
    Json,
    Kind,
    Mask,
    Owner,
    Position,
    Problem,
    Result,
    Revision,
    Sync,
)

__all__ = [
    "NOTHING",
    "Action",
    "AppliedService",
    "AppliedStack",
    "Ask",
    "Because",
    "Cause",
    "Container",
    "DaemonKey",
    "Desired",
    "DesiredDaemon",
    "DesiredObject",
    "DesiredService",
    "DesiredStack",
    "Document",
    "Engine",
    "FieldDiff",
    "Health",
    "Held",
    "IgnoreRule",
    "Image",
    "Json",
    "Kind",
    "Listener",
    "Mask",
    "Network",
    "ObjectRef",
    "Observed",
    "ObservedDaemon",
    "Outcome",
    "Owner",
    "Plan",
    "Pool",
    "Position",
    "Problem",
    "PublishedPort",
    "Recorded",
    "RecordedStack",
    "Result",
    "Revision",
    "SourceState",
    "StackFile",
    "StackOutcome",
    "StackSettings",
    "Step",
    "StepKind",
    "Sync",
    "Volume",
]
