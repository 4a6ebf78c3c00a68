"""The page docs/daemon-settings.md, made from the table of keys; CONTRIBUTING.md says how.

Room 3 (plan); may import only its own room.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.plan.daemon_keys import KEYS, Key, wanted

_INTRODUCTION = """\
# Settings of dockerd

Made from the table in `reconciler/plan/daemon_keys.py` ([how](../CONTRIBUTING.md#decisions-and-documents)); a test keeps them
equal.

## Who owns a key
- **system**: what stands under `daemon.owned` in the device's own settings. Git must not name it; a hand edit is put back.
- **git**: what stands in the repository's `daemon.json`, layer over layer. A key that git no longer names is taken out again,
  unless somebody has given it another value since.
- **local**: whatever else stands in the file. It is left alone.

## What git may set
| tier | meaning |
|---|---|
| A | git may set it; a reload is enough |
| B | git may set it; the plan says `engine-restart` where dockerd has to be restarted |
| C | it changes who has power over the device: only where the device opens it by name, `daemon: {allow: [runtimes]}` |
| D | it is part of what makes this dockerd what it is: never from git |

`no-new-privileges: false` and `default-ipc-mode: shareable` are of tier C.

Each key is checked before anything is written, for the version of the engine that runs: dockerd does not start with a key
that it does not know. What is wrong with one of git's keys rejects all of them, each with file and line; what git set before
stays in force, the system's keys are enforced, stacks go on. `reconciler validate` finds what needs no engine: names, values,
and keys of tier D.

## The keys
"""


def daemon_page() -> str:
    """Return the page in Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield "| key | holds | comes into force | tier | engines |\n|---|---|---|---|---|"
    yield from (_row(key) for key in KEYS.values())


def _row(key: Key) -> str:
    return f"| `{key.name}` | {wanted(key.shape)} | {_force(key)} | {key.tier} | {key.versions() or 'all'} |"


def _force(key: Key) -> str:
    if not key.counts:
        return "never: the engine ignores it in the file"
    if not key.live:
        return "restart"
    return "reload" if key.clears else "reload; restart to take it out"
