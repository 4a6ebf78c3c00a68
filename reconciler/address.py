"""Addresses: of git repositories and their refs, which ones may be handed to git, and how one is shown; and of ports of ours.

Below the rooms; imports nothing of ours.
"""

from __future__ import annotations

import ipaddress
import re

_URL = re.compile(
    r"(?:file://)?/[^\x00-\x1f\x7f]*"
    r"|https://[^\x00-\x20\x7f]+"
    r"|ssh://(?:[A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9\[][^\x00-\x20\x7f]*"
    r"|[A-Za-z0-9_][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[^\x00-\x20\x7f:-][^\x00-\x20\x7f]*"
)
_REF = re.compile(r"(?!.*(?:\.\.|//|\.lock(?:/|$)|/\.|\.$|/$))[A-Za-z0-9_][A-Za-z0-9_./+-]*")
_LISTEN = re.compile(r"(?:\[(?P<six>[0-9a-fA-F:.]+)\]|(?P<four>[0-9.]+)):(?P<port>[0-9]{1,5})")
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


def listen_address(text: str) -> tuple[str, int] | None:
    """Return address and port of `127.0.0.1:9121` or `[::1]:9121`, None when it is neither."""
    found = _LISTEN.fullmatch(text)
    if found is None or not 0 < int(found["port"]) < 65536:
        return None
    try:
        address = ipaddress.IPv6Address(found["six"]) if found["six"] else ipaddress.IPv4Address(found["four"])
    except ValueError:
        return None
    return str(address), int(found["port"])


def is_local(host: str) -> bool:
    """Tell whether only this host can reach an address."""
    return ipaddress.ip_address(host).is_loopback
