"""Know the services that run once and end.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model import Container, DesiredService, DesiredStack
from reconciler.plan.rendered import waits
from reconciler.plan.subject import mapping


def declared_jobs(stack: DesiredStack) -> frozenset[str]:
    """Name the jobs that need no look at a container: listed in stack.yaml, or awaited until they have completed."""
    awaited = {
        name
        for service in stack.services
        if service.document.get("depends_on")
        for name, condition in waits(service).items()
        if condition == "service_completed_successfully"
    }
    return frozenset(awaited.union(stack.settings.jobs))


def is_finished(container: Container, *, job: bool, service: DesiredService) -> bool:
    """Tell whether a container has done its work and stays as it is; `job`: the service is declared to be one.

    Where the engine itself would not start it again, an exit with 0 that neither a person nor an engine caused is an end, too.
    """
    if container.state != "exited" or container.exit_code != 0:
        return False
    was_told = container.stopped_by_hand or container.stopped_at is not None
    return job or not (was_told or _restarted_after_success(service))


def believed_jobs(stack: DesiredStack, containers: Iterable[Container]) -> frozenset[str]:
    """Name the services that count as finished although the engine no longer knows whether somebody stopped them."""
    declared, services = declared_jobs(stack), {service.name: service for service in stack.services}
    return frozenset(
        name
        for container in containers
        if (name := container.service or "") in services and name not in declared
        if container.stopped_by_hand is None and is_finished(container, job=False, service=services[name])
    )


def has_failed(container: Container, *, job: bool) -> bool:
    """Tell whether a job ended badly: it is never run again unasked."""
    return job and container.state == "exited" and container.exit_code != 0


def _restarted_after_success(service: DesiredService) -> bool:
    deploy = mapping(mapping(service.document.get("deploy")).get("restart_policy")).get("condition")
    policy = str(deploy or service.document.get("restart") or "no")
    return policy.partition(":")[0] in ("always", "unless-stopped", "any")
