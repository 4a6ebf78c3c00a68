"""Find out what is wrong with wanted keys of daemon.json, before anything is written: all of it at once, each with its place.

Room 3 (plan); may import only model, errors and its own room.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.model import DaemonKey, DesiredDaemon, Problem
from reconciler.plan import daemon_keys


def check_keys(desired: DesiredDaemon, engine: str = "") -> tuple[Problem, ...]:
    """Return what is wrong with the keys for an engine of this version; without one: for any that we know."""
    return tuple(problem for key in desired.keys for problem in _faults(key, desired.allow, engine))


def _faults(key: DaemonKey, allow: frozenset[str], engine: str) -> Iterator[Problem]:
    if key.name not in daemon_keys.KEYS:
        near = daemon_keys.nearest(key.name, engine)
        yield _problem(key, "daemon-key-unknown", guess=f"did you mean `{near}`?" if near else "no engine knows it")
        return
    about = daemon_keys.KEYS[key.name]
    if not daemon_keys.is_known(key.name, engine):
        yield _problem(key, "daemon-key-version", engine=engine, versions=about.versions())
    if not daemon_keys.fits(about.shape, key.value):
        yield _problem(key, "daemon-key-shape", wanted=daemon_keys.wanted(about.shape))
    if key.owner == "git":
        yield from _not_for_git(key, allow)


def _not_for_git(key: DaemonKey, allow: frozenset[str]) -> Iterator[Problem]:
    tier = daemon_keys.tier(key.name, key.value)
    if tier == "D":
        yield _problem(key, "daemon-key-identity")
    elif tier == "C" and key.name not in allow:
        yield _problem(key, "daemon-key-closed")
    elif not daemon_keys.KEYS[key.name].counts:
        yield _problem(key, "daemon-key-idle")


def _problem(key: DaemonKey, code: str, **args: str) -> Problem:
    return Problem(f"daemon/{key.name}", "DaemonRejected", code, {"key": key.name, **args}).at(key.position)
