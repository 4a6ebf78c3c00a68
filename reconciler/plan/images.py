"""Plan the images that new containers need: fetched or built before anything running is touched.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.model import Action, Because, Cause, DesiredService, Kind, Problem
from reconciler.plan.inputs import Stale, is_build_stale
from reconciler.plan.rendered import image_reference, is_built
from reconciler.plan.scene import BEFORE, Draft, Scene

_FRESH = ("always", "newer", "daily", "weekly")
_MADE = ("create", "recreate")


def plan_image(scene: Scene, service: DesiredService, actions: Sequence[Action], stale: Stale) -> Draft:
    """Plan what makes a service's image ready, given what is planned for its containers."""
    made = [action for action in actions if action.service == service.name and action.kind in _MADE]
    if not made:
        return Draft()
    policy = str(service.document.get("pull_policy") or "missing")
    absent = image_reference(scene.stack.project, service) not in scene.facts.observed.images
    asked_for = any(action.because in ("change", "input") for action in made)
    if is_built(service):
        return _build(
            scene, service, absent=absent, stale=is_build_stale(stale), wanted=asked_for and policy == "build"
        )
    if absent and policy == "never":
        return Draft(blocked=(_never(scene, service),))
    if absent:
        return Draft((_fetch(scene, service, "pull", "missing", "image-absent"),))
    if asked_for and (policy in _FRESH or policy.startswith("every_")):
        return Draft((_fetch(scene, service, "pull", "change", "pull-policy", policy),))
    return Draft()


def _build(scene: Scene, service: DesiredService, *, absent: bool, stale: bool, wanted: bool) -> Draft:
    if absent:
        return Draft((_fetch(scene, service, "build", "missing", "image-absent"),))
    if stale:
        return Draft((_fetch(scene, service, "build", "input", "build-changed"),))
    return Draft((_fetch(scene, service, "build", "change", "pull-policy", "build"),)) if wanted else Draft()


def _fetch(scene: Scene, service: DesiredService, kind: Kind, because: Because, code: str, policy: str = "") -> Action:
    reference = image_reference(scene.stack.project, service)
    position = scene.position(service, "build" if kind == "build" else "image")
    args = {"image": reference, **({"policy": policy} if policy else {})}
    return Action(
        target=f"{scene.target}/service/{service.name}",
        kind=kind,
        because=because,
        cause=Cause(code, args).at(position),
        object=reference,
        stack=scene.stack.name,
        service=service.name,
        level=BEFORE - 3 if kind == "pull" else BEFORE - 2,
    )


def _never(scene: Scene, service: DesiredService) -> Problem:
    position = scene.position(service, "image")
    return Problem(
        f"{scene.target}/service/{service.name}",
        "PullFailed",
        "image-never-pulled",
        {"image": image_reference(scene.stack.project, service)},
    ).at(position)
