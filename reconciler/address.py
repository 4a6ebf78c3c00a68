"""Addresses and refs of git repositories: which ones may be handed to git, and how one is shown.

Below the rooms; imports nothing of ours.
"""

from __future__ import annotations

import re

_URL = re.compile(
    r"(?:file://)?/[^\x00-\x1f\x7f]*"
    r"|https://[^\x00-\x20\x7f]+"
    r"|ssh://(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9\[][^\x00-\x20\x7f]*"
    r"|[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^\x00-\x20\x7f:-][^\x00-\x20\x7f]*"
)
_REF = re.compile(r"(?!.*(?:\.\.|//|\.lock(?:/|$)|/\.|\.$|/$))[A-Za-z0-9_][A-Za-z0-9_./+-]*")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")


def allowed_url(url: str) -> bool:
    """Say whether git may be given this address: a path, file://, https://, ssh:// or git@host:path."""
    return _URL.fullmatch(url) is not None


def allowed_ref(ref: str) -> bool:
    """Say whether this is a plain branch, tag or full ref name."""
    return _REF.fullmatch(ref) is not None


def local_path(url: str) -> str | None:
    """Return the folder a local address names, None for the others."""
    path = url.removeprefix("file://")
    return path if path.startswith("/") else None


def shown(text: str) -> str:
    """Return an address, or a text that holds some, without user names and passwords."""
    return _CREDENTIALS.sub("", text)
