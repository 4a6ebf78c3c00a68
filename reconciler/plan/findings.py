"""Tell apart what git changed, what changed behind our back, and what is to be left alone.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from reconciler.model import (
    Because,
    Cause,
    Container,
    DesiredService,
    Document,
    FieldDiff,
    Held,
    IgnoreRule,
    Json,
    Mask,
    Position,
)
from reconciler.plan.applied import applied_document, shown_path
from reconciler.plan.compare import Difference, compare_service, normal_service
from reconciler.plan.scene import Scene

_NAMED = 6
"""So many fields are named in a cause, the rest is counted."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One differing field with its mask on, why it differs, and how it is repaired."""

    difference: Difference
    diff: FieldDiff
    because: Because
    position: Position | None


def look_at(scene: Scene, service: DesiredService, container: Container) -> tuple[list[Finding], list[Held]]:
    """Return what differs in a container and is to be acted on, and what is to be left alone."""
    differences = compare_service(service, container, scene.world)
    if not differences:
        return [], _other_hash(scene, service, container)
    judged = _judge(scene, service, differences)
    rules = _rules(scene.stack.settings.ignore, service.name)
    left = [(finding, rule) for finding in judged for rule in (_ignored_by(finding, rules),) if rule]
    ignored = {finding.diff.path for finding, _ in left}
    target = f"{scene.target}/service/{service.name}"
    held = [Held(target, "ignored", (finding.diff,), note=rule.reason) for finding, rule in left]
    kept = [finding for finding in judged if finding.diff.path not in ignored]
    return [replace(one, because="change") for one in kept] if scene.follows_an_unproved_attempt else kept, held


def _judge(scene: Scene, service: DesiredService, differences: Iterable[Difference]) -> list[Finding]:
    applied = scene.applied(service.name)
    before = applied.document if applied is not None else None
    wanted = normal_service(service.document, scene.world) if applied is not None else {}
    found = [
        _finding(d, scene.mask, before, wanted, scene.position(service, d.path), _path_in_git(scene, d))
        for d in differences
    ]
    renamed = any(finding.diff.path == "container_name" and finding.because == "change" for finding in found)
    return [replace(one, because="change") if renamed and _names(one) else one for one in found]


def _names(finding: Finding) -> bool:
    """Tell whether a field holds names of the container: on its networks it is known by the former one, too."""
    return finding.diff.path.startswith("networks.") and finding.diff.path.endswith(".aliases")


def _path_in_git(scene: Scene, difference: Difference) -> str:
    """Return a field's path in git: a network that git no longer names is shown by the engine's name for it."""
    name = difference.network
    for network in scene.facts.networks.get(name, ()) if name and name not in scene.world.networks else ():
        if network.project == scene.stack.project and network.key is not None:
            return f"networks.{network.key}"
    return difference.path


def _finding(
    difference: Difference,
    mask: Mask,
    before: Document | None,
    wanted: Mapping[str, Json],
    position: Position | None = None,
    path_in_git: str | None = None,
) -> Finding:
    path = difference.path
    known_as = path_in_git or path
    was = None if before is None else before.get(shown_path(known_as, mask))
    changed = before is not None and not same(mask(known_as, wanted.get(known_as)), was)
    diff = FieldDiff(path, mask(path, difference.desired), was, mask(path, difference.observed))
    because: Because = "change" if changed else "image" if path == "image.id" else "drift"
    return Finding(difference, diff, because, position)


def judge_object(
    differences: Sequence[Difference], mask: Mask, before: Document | None, wanted: Mapping[str, Json]
) -> list[Finding]:
    """Judge the differing fields of a network or volume."""
    return [_finding(difference, mask, before, wanted) for difference in differences]


def same(one: Json, other: Json) -> bool:
    """Compare two values as JSON does: a tuple is a list, and nothing is null."""
    return one == other or json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def because_of(findings: Sequence[Finding]) -> Because:
    """Give several findings one word: a change in git outweighs an image, an image outweighs drift."""
    found = {finding.because for finding in findings}
    return "change" if "change" in found else "image" if "image" in found else "drift"


def cause_of(findings: Sequence[Finding], commit: str) -> Cause:
    """Say which fields differ; a change names its place and commit."""
    because = because_of(findings)
    telling = [finding for finding in findings if finding.because == because]
    position = telling[0].position
    return Cause(
        "field" if len(findings) == 1 else "fields",
        {"fields": name_paths([finding.diff.path for finding in findings])},
        commit=commit if because == "change" else None,
    ).at(position)


def name_paths(paths: Sequence[str]) -> str:
    """Name a few paths and count the rest."""
    named = ", ".join(paths[:_NAMED])
    return named if len(paths) <= _NAMED else f"{named} and {len(paths) - _NAMED} more"


def _other_hash(scene: Scene, service: DesiredService, container: Container) -> list[Held]:
    applied = scene.applied(service.name)
    if applied is None or not applied.config_hash or container.config_hash == applied.config_hash:
        return []
    if not same(applied_document(service, scene.world, scene.mask), applied.document):
        return []  # the container is what a commit made of it that never got well, and so was not recorded
    diff = FieldDiff("labels.com.docker.compose.config-hash", None, applied.config_hash, container.config_hash)
    return [Held(f"{scene.target}/service/{service.name}", "hash algorithm changed", (diff,))]


def _ignored_by(finding: Finding, rules: Sequence[tuple[re.Pattern[str], IgnoreRule]]) -> IgnoreRule | None:
    if finding.because == "change":
        return None
    return next((rule for pattern, rule in rules if pattern.fullmatch(finding.diff.path)), None)


def _rules(ignore: Iterable[IgnoreRule], service: str) -> list[tuple[re.Pattern[str], IgnoreRule]]:
    """Return the rules that speak of a service, each with a pattern for the service's own paths."""
    found = []
    for rule in ignore:
        head, _, path = rule.path.removeprefix("services.").partition(".")
        if path and _glob(head).fullmatch(service):
            found.append((_glob(path), rule))
    return found


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    """Read `*` and `?` as wildcards; brackets stand for themselves, since paths such as `ports[80/tcp]` hold them."""
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."))
