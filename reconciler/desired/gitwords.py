"""What git says when it fails, turned into an error with its fix.

Room 1 (desired); may import address and errors. Credentials in an address are never repeated.
"""

from __future__ import annotations

import re

from reconciler.address import shown
from reconciler.errors import InvalidSource, NoSpace, ReconcilerError, SourceUnreachable

_AUTH = (
    r"Authentication failed|could not read (?:Username|Password)|Permission denied \(|terminal prompts disabled"
    r"|returned error: 40[13]|Access denied"
)
_HOST = (
    r"resolve host|Connection refused|timed out|No route to host|Failed to connect|unreachable"
    r"|Connection (?:reset|closed)|Couldn't connect|transfer (?:rate|speed)|Operation too slow"
)
_MEANING: tuple[tuple[str, type[ReconcilerError], str], ...] = (
    (r"No space left|Read-only file system|Disk quota", NoSpace, "mirror-failed"),
    (
        r"does not appear to be a git repository|not a git repository|not a valid repo",
        InvalidSource,
        "source-not-repository",
    ),
    (r"dubious ownership", SourceUnreachable, "source-ownership"),
    (r"Host key verification failed|host key is known", SourceUnreachable, "source-host-key"),
    (_AUTH, SourceUnreachable, "source-auth"),
    (r"[Rr]epository .*not found|returned error: 404", SourceUnreachable, "source-not-found"),
    (_HOST, SourceUnreachable, "source-host"),
    (r"certificate|SSL|TLS", SourceUnreachable, "source-certificate"),
)


_ADVICE = (
    "hint:",
    "warning:",
    "and the repository exists",
    "Please make sure",
    "Could not read from remote repository",
)


def failure(url: str, said: str) -> ReconcilerError:
    """Return the error that git's words stand for."""
    words = _gist(said)
    for pattern, kind, code in _MEANING:
        if re.search(pattern, said):
            return kind(code, url=shown(url), words=words)
    return SourceUnreachable("source-failed", url=shown(url), words=words)


def _gist(said: str) -> str:
    """Keep what matters: git's own conclusion comes first, advice is left out."""
    lines = [shown(line.strip().removeprefix("fatal: ")) for line in said.splitlines()]
    told = [line for line in lines if line and not line.startswith(_ADVICE)]
    return "; ".join(told[:3]) or "git said nothing"
