"""How a pass is wanted, by whom and why.

Pipeline; imports nothing of ours.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Scope: TypeAlias = "frozenset[str] | None"
"""Names of stacks, and `daemon`; None: everything."""

Trigger: TypeAlias = Literal["command", "start", "push", "drift", "schedule", "retry"]
"""What caused a pass: a person, the agent's start, a new revision, an event, the clock, an earlier failure."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a pass is to cover, and what it may do.

    `who` is the person it is for, "" for whoever runs us. `confirm_prune` is that person's permission. `expected_index` is that
    of a saved plan: what would be done must be the same. A `patient` pass leaves alone what somebody stopped on purpose until
    its grace is over; a person's does not. `leave` are stacks that a scope of everything leaves out. `cut`, once set, ends what
    may be ended: pulls, builds and waits for health. `engine_seconds` bound the wait for each answer of the engine.
    """

    scope: Scope = None
    trigger: Trigger = "command"
    who: str = ""
    confirm_prune: bool = False
    expected_index: str | None = None
    patient: bool = False
    leave: frozenset[str] = frozenset()
    engine_seconds: float = 60.0
    cut: threading.Event = field(default_factory=threading.Event)
