"""Judge whether a stack is ready, and how it is.

Room 3 (plan); may import only model, errors and its own room.

Ready: all its containers run, are healthy where they are checked, and jobs have exited with 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from reconciler.model import Container, DesiredService, DesiredStack, Health, Problem
from reconciler.plan.jobs import declared_jobs, has_failed, is_finished
from reconciler.plan.rendered import optional_waits, replicas, seconds, waits
from reconciler.plan.subject import mapping

LEAST_BOUND = 60.0
_LOG_LINES = 20
_TOO_MANY_RESTARTS = 3
_CALM_SECONDS = 10.0
"""Once a container has run for so long, the engine too forgets that it crashed."""
_FIRST_SECONDS = 0.5
"""What cannot run at all has ended by then."""

State = Literal["ready", "waiting", "failed"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """How far a stack is. `problem` says what is wrong, or what would be if the wait ended now.

    `seconds` is how long the wait will last at least, as far as that is known.
    """

    state: State
    service: str | None = None
    problem: Problem | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class StackHealth:
    """The health axis of a stack with its worst problem, and the same of each service."""

    health: Health
    problem: Problem | None
    services: Mapping[str, Health]


READY = Readiness("ready")


def bound(stack: DesiredStack) -> float:
    """Return how many seconds the stack may take to become ready: as long as its health checks, at least 60."""
    return max((LEAST_BOUND, *(_check_bound(service) for service in stack.services)))


def ready(stack: DesiredStack, containers: Sequence[Container], resting: frozenset[str] = frozenset()) -> Readiness:
    """Judge a whole stack by its containers as they are now; the first failure counts, then the first wait.

    Services that are `resting` stay as somebody left them, and do not count.
    """
    return _worst(_service_readiness(stack, one, containers) for one in stack.services if one.name not in resting)


def dependencies_ready(stack: DesiredStack, services: Iterable[str], containers: Sequence[Container]) -> Readiness:
    """Judge whether everything that the named services wait for is as far as they want it."""
    wanted = set(services)
    return _worst(
        dependency_ready(stack, name, condition, containers)
        for service in stack.services
        if service.name in wanted
        for name, condition in sorted(waits(service).items())
        if name not in wanted and name not in optional_waits(service)
    )


def dependency_ready(stack: DesiredStack, service: str, condition: str, containers: Sequence[Container]) -> Readiness:
    """Judge one service by a `depends_on` condition of compose; a service that is not rendered holds nobody up."""
    found = next((item for item in stack.services if item.name == service), None)
    if found is None:
        return READY
    readiness = _service_readiness(stack, found, containers)
    if condition == "service_started" and readiness.state != "ready":
        return _started(found, containers, readiness, job=service in declared_jobs(stack))
    return readiness


def judge_stack(stack: DesiredStack, containers: Sequence[Container]) -> StackHealth:
    """Say how a stack is, whatever git wants of it now."""
    verdicts = {service.name: _service_health(stack, service, containers) for service in stack.services}
    services = {name: health for name, (health, _) in verdicts.items()}
    worst = min(verdicts.values(), key=lambda verdict: _SEVERITY.index(verdict[0]), default=("Healthy", None))
    everything_gone = bool(services) and set(services.values()) == {"Missing"}
    health: Health = "Degraded" if worst[0] == "Missing" and not everything_gone else worst[0]
    return StackHealth(health, worst[1], services)


_SEVERITY: tuple[Health, ...] = ("Degraded", "Missing", "Suspended", "Progressing", "Healthy")


def _service_health(
    stack: DesiredStack, service: DesiredService, containers: Sequence[Container]
) -> tuple[Health, Problem | None]:
    readiness = _service_readiness(stack, service, containers)
    if readiness.state == "ready":
        return "Healthy", None
    own = _of(service, containers)
    if _is_missing(stack, service, own):
        return "Missing", readiness.problem
    if readiness.state == "failed":
        return "Degraded", readiness.problem
    return ("Suspended" if any(c.state == "paused" for c in own) else "Progressing"), readiness.problem


def _service_readiness(stack: DesiredStack, service: DesiredService, containers: Sequence[Container]) -> Readiness:
    own = _of(service, containers)
    job = service.name in declared_jobs(stack)
    if _is_missing(stack, service, own):  # waiting makes no container
        return _failed(stack, service.name, "service-missing")
    return _worst(_container_readiness(stack, service, container, job=job) for container in own)


def _is_missing(stack: DesiredStack, service: DesiredService, own: Sequence[Container]) -> bool:
    return len(own) < replicas(service) and service.name not in stack.done


def _container_readiness(stack: DesiredStack, service: DesiredService, container: Container, *, job: bool) -> Readiness:
    if is_finished(container, job=job, service=service):
        return READY
    match container.state:
        case "running":
            return _running(stack, service.name, container, job=job)
        case "exited" | "dead":
            return _failed(stack, service.name, "job-failed" if has_failed(container, job=job) else "exited", container)
        case "restarting":
            return _restarting(stack, service.name, container)
        case "created" if _start_error(container):
            return _failed(stack, service.name, "start-failed", container)
        case _:
            return _waiting(stack, service.name, "not-running", container)


def _running(stack: DesiredStack, service: str, container: Container, *, job: bool) -> Readiness:
    if job:
        return _waiting(stack, service, "job-running", container)
    if container.health == "unhealthy":
        return _failed(stack, service, "unhealthy", container)
    if container.health == "starting":
        return _waiting(stack, service, "health-starting", container)
    return _steady(stack, service, container)


def _steady(stack: DesiredStack, service: str, container: Container) -> Readiness:
    """Do not believe in a container that has only just begun, less so when it has crashed before."""
    age = container.running_for
    if container.health is not None or age is None or age < 0:
        return READY
    if _restarts(container) and age < _CALM_SECONDS:
        return _restarting(stack, service, container)
    if age >= _FIRST_SECONDS:
        return READY
    return replace(_waiting(stack, service, "just-started", container), seconds=_FIRST_SECONDS - age)


def _restarting(stack: DesiredStack, service: str, container: Container) -> Readiness:
    if _restarts(container) >= _TOO_MANY_RESTARTS:
        return _failed(stack, service, "crash-loop", container)
    return _waiting(stack, service, "crash-loop", container)


def _restarts(container: Container) -> int:
    count = (container.document or {}).get("RestartCount")
    return count if isinstance(count, int) else 0


def _started(service: DesiredService, containers: Sequence[Container], readiness: Readiness, *, job: bool) -> Readiness:
    """Judge for `service_started`: a health check does not count, nor how a job ends."""
    own = _of(service, containers)
    up = [c for c in own if c.state in ("running", "restarting", "paused") or (job and c.state == "exited")]
    enough = len(own) >= replicas(service) and len(up) == len(own)
    return READY if enough else readiness


def _worst(verdicts: Iterable[Readiness]) -> Readiness:
    waiting = READY
    for verdict in verdicts:
        if verdict.state == "failed":
            return verdict
        first = verdict if waiting.state == "ready" else waiting
        waiting = replace(first, seconds=max(waiting.seconds, verdict.seconds))
    return waiting


def _of(service: DesiredService, containers: Sequence[Container]) -> list[Container]:
    return [c for c in containers if c.service == service.name and not c.oneoff]


def _waiting(stack: DesiredStack, service: str, code: str, container: Container | None = None) -> Readiness:
    return Readiness("waiting", service, _problem(stack, service, code, container))


def _failed(stack: DesiredStack, service: str, code: str, container: Container | None = None) -> Readiness:
    return Readiness("failed", service, _problem(stack, service, code, container))


def _problem(stack: DesiredStack, service: str, code: str, container: Container | None) -> Problem:
    args = {"service": service}
    if container is not None:
        args["container"] = container.name
        args["exit"] = "?" if container.exit_code is None else str(container.exit_code)
        args["words"] = _start_error(container)
        args["log"] = "\n".join(container.log_tail[-_LOG_LINES:])
    found = next((item for item in stack.services if item.name == service), None)
    position = (found.positions.get("") if found else None) or stack.position
    return Problem(
        f"stack/{stack.name}/service/{service}",
        "HealthFailed",
        code,
        args,
    ).at(position)


def _start_error(container: Container) -> str:
    state = mapping((container.document or {}).get("State"))
    return str(state.get("Error") or "")


def _check_bound(service: DesiredService) -> float:
    check = mapping(service.document.get("healthcheck"))
    if not check or check.get("disable") is True:
        return 0.0
    retries = check.get("retries")
    rounds = retries if isinstance(retries, int) and retries > 0 else 3
    round_trip = seconds(check.get("interval"), 30.0) + seconds(check.get("timeout"), 30.0)
    return seconds(check.get("start_period"), 0.0) + rounds * round_trip
