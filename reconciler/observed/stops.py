"""Tell who ended a container: itself, a person, or the engine's own end. The inspect state does not say.

Room 2 (observed); may import engine, errors and model.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.engine import EngineClient
from reconciler.model import Container, Document, Network

_ASKED = {"type": ("container",), "event": ("start", "kill", "stop", "die")}
_SAYS_RELOAD = frozenset({"1", "10", "12", "28"})
"""HUP, USR1, USR2, WINCH: what a process is told when it should go on. A real stop with one of these shows as `stop` too."""
_NEVER = datetime.min.replace(tzinfo=UTC)


def with_stops(
    engine: EngineClient, info: Document, networks: Sequence[Network], found: Iterable[Container]
) -> tuple[Container, ...]:
    """Fill in `stopped_by_hand` of the exited containers that were inspected; `info` was read after them."""
    containers = tuple(found)
    if not any(map(has_ended, containers)):
        return containers
    histories = _histories(engine, str(info["SystemTime"]))
    reigns_since = _NEVER if info.get("LiveRestoreEnabled") else _engine_started(engine.host, networks)
    return tuple(
        replace(one, stopped_by_hand=_by_hand(one, histories.get(one.id, ()), reigns_since)) if has_ended(one) else one
        for one in containers
    )


def has_ended(one: Container) -> bool:
    """Tell whether it is to be asked who ended a container."""
    return one.state == "exited" and one.document is not None


def _by_hand(one: Container, history: Sequence[Mapping[str, Any]], reigns_since: datetime) -> bool | None:
    document: Any = one.document
    if datetime.fromisoformat(document["State"]["StartedAt"]) < reigns_since:
        return False if any(event["Action"] == "die" for event in history) else None
    return ended_by_hand(history)


def ended_by_hand(history: Sequence[Mapping[str, Any]]) -> bool | None:
    """Judge one container's events, in their order; None when the end is not among them."""
    starts = [at for at, event in enumerate(history) if event["Action"] == "start"]
    last = history[starts[-1] + 1 :] if starts else history
    if not any(event["Action"] == "die" for event in last):
        return None
    return any(event["Action"] == "stop" or _deadly(event) for event in last)


def _deadly(event: Mapping[str, Any]) -> bool:
    return event["Action"] == "kill" and event["Actor"]["Attributes"].get("signal") not in _SAYS_RELOAD


def _histories(engine: EngineClient, until: str) -> Mapping[str, list[Mapping[str, Any]]]:
    histories: dict[str, list[Mapping[str, Any]]] = {}
    for event in engine.events(since=0, until=f"{datetime.fromisoformat(until).timestamp():.6f}", filters=_ASKED):
        actor: Any = event["Actor"]
        histories.setdefault(actor["ID"], []).append(event)
    return histories


def _engine_started(host: str, networks: Sequence[Network]) -> datetime:
    """Say when the engine that answers now came up, as far as can be seen.

    Without live-restore a container from before that was ended by the engine: as it went down, or, after a crash, with
    the events of a person's stop as it came up. It makes its socket and its default bridge each time it starts.
    """
    moments = [
        datetime.fromisoformat(str(network.document["Created"])) for network in networks if network.name == "bridge"
    ]
    with suppress(OSError):  # no socket of this host, or it is being made anew
        moments.append(datetime.fromtimestamp(Path(host.removeprefix("unix://")).stat().st_mtime, UTC))
    return max(moments, default=_NEVER)
