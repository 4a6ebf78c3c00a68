"""Normal form of image references.

Room 3 (plan); may import only model and errors.
"""

from __future__ import annotations

import re
from functools import lru_cache

from reconciler.model import Document
from reconciler.plan.subject import EMPTY, UNKNOWN, Normal, Subject, single, text

_ID = re.compile(r"(?:sha256:)?[0-9a-f]{64}")


def image_reference(document: Document, project: str, service: str) -> str:
    """Return the reference a service's containers are made from: what is built without a name is `project-service`."""
    return text(document.get("image")) or f"{project}-{service}"


@lru_cache(maxsize=4096)
def canonical(reference: str) -> str:
    """Return the full spelling: registry, repository and tag (`nginx` → `docker.io/library/nginx:latest`)."""
    if _ID.fullmatch(reference):
        return reference if reference.startswith("sha256:") else f"sha256:{reference}"
    name, at, digest = reference.partition("@")
    first, slash, rest = name.partition("/")
    if not slash or not ("." in first or ":" in first or first == "localhost"):
        first, rest = "docker.io", name
    if first in {"index.docker.io", "docker.io"}:
        first, rest = "docker.io", rest if "/" in rest else f"library/{rest}"
    if ":" not in rest and not digest:
        rest += ":latest"
    return f"{first}/{rest}{at}{digest}"


def desired_reference(subject: Subject) -> Normal:
    if not subject.name and not subject.document.get("image"):
        return EMPTY
    return single(canonical(image_reference(subject.document, subject.world.project, subject.name)))


def observed_reference(subject: Subject) -> Normal:
    return single(canonical(text(subject.config.get("Image")) or ""))


def desired_content(subject: Subject) -> Normal:
    """Return the local id that the reference resolves to now; another reference is a matter of `image` alone."""
    reference = image_reference(subject.document, subject.world.project, subject.name)
    made_from = text(subject.config.get("Image")) or ""
    if made_from != reference and canonical(made_from) != canonical(reference):
        return single(UNKNOWN)
    return single(subject.world.image_ids.get(reference, UNKNOWN))


def observed_content(subject: Subject) -> Normal:
    return single(text(subject.inspect.get("Image")))
