"""Perform the steps of one stack with `apply/`, and write down what each changed before the next is decided.

Pipeline; may import every room.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from reconciler import compose
from reconciler.apply.calls import call
from reconciler.apply.files import put_env_file, put_files
from reconciler.apply.stack import Runner, build, pull, repair_names, up
from reconciler.model import Action, Container, DesiredStack, Step
from reconciler.observed.look import look_at
from reconciler.pipeline.listening import Listener
from reconciler.pipeline.work import Task
from reconciler.plan.applied import made_inputs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reconciler.pipeline.rooms import Rooms

_READS_ITS_INPUTS = ("create", "recreate", "restart", "start")


class Hands:
    """What one stack is worked on with; `lock` is the descriptor of its lock, `listener` hears compose, `cut` ends a pull."""

    def __init__(
        self, rooms: Rooms, task: Task, project: str, lock: int, listener: Listener, cut: threading.Event
    ) -> None:
        settings = rooms.settings
        config = str(settings.docker.config) if settings.docker.config else None
        self._rooms = rooms
        self._task = task
        self._project = project
        self._engine = rooms.engine()
        self._runner = Runner(
            rooms.tool.path,
            compose.environment(settings.docker.host, config),
            lock,
            lambda line: listener.output(task.name, line),
            cut,
        )

    def look(self) -> tuple[Container, ...]:
        """Return the stack's containers as they are now."""
        return look_at(self._engine, self._project)

    def perform(self, step: Step) -> None:
        """Carry out one step. Raises what `apply/` raises."""
        if step.kind == "call":
            call(self._engine, step.actions[0])
        elif self._task.stack is not None:
            self._with_compose(step, self._task.stack)
        self._read_inputs(step.actions)

    def _with_compose(self, step: Step, stack: DesiredStack) -> None:
        match step.kind:
            case "files":
                self._put_files(stack)
            case "pull":
                pull(stack, step.services, self._runner)
            case "build":
                build(stack, step.services, self._runner)
            case "repair-names":
                repair_names(self._engine, stack.project, stack.folder)
            case "up":
                up(stack, step.services, self._runner, recreate=step.force)

    def _put_files(self, stack: DesiredStack) -> None:
        store = self._rooms.store
        recorded = store.recorded().stacks.get(stack.name)
        written = put_files(stack, self._rooms.settings.stacks_dir, recorded.files if recorded else {})
        store.wrote_files(stack.name, written)
        put_env_file(stack)

    def _read_inputs(self, actions: Iterable[Action]) -> None:
        """Write down which files the containers that were just made or restarted have read."""
        stack = self._task.stack
        fresh = {action.service for action in actions if action.kind in _READS_ITS_INPUTS}
        services = [service for service in stack.services if service.name in fresh] if stack else []
        if services:
            self._rooms.store.made(self._task.name, {service.name: made_inputs(service) for service in services})
