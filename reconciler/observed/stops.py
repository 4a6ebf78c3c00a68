"""Tell who ended a container: itself, a person, or the engine's own end. The inspect state does not say.

Room 2 (observed); may import engine, errors and model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from reconciler.engine import EngineClient
from reconciler.model import Container, Document, Network

_ASKED = {"type": ("container",), "event": ("start", "kill", "stop", "die", "pause")}
_SAYS_RELOAD = frozenset({"1", "10", "12", "28"})
"""HUP, USR1, USR2, WINCH: what a process is told when it should go on. A real stop with one of these shows as `stop` too."""
_NEVER = datetime.min.replace(tzinfo=UTC)


def with_stops(
    engine: EngineClient,
    info: Document,
    networks: Sequence[Network],
    found: Iterable[Container],
    remembered: Mapping[str, datetime],
) -> tuple[Container, ...]:
    """Fill in `stopped_by_hand` and `stopped_at` of the exited and paused containers that were inspected.

    `info` was read after them. `remembered` are the stops that were seen as they happened, by container id: the engine
    keeps few events.
    """
    containers = tuple(found)
    if not any(map(has_stopped, containers)):
        return containers
    histories = _histories(engine, str(info["SystemTime"]))
    reigns_since = _NEVER if info.get("LiveRestoreEnabled") else _engine_started(engine.host, networks)
    return tuple(
        judged(one, histories.get(one.id, ()), reigns_since, remembered.get(one.id)) if has_stopped(one) else one
        for one in containers
    )


def has_stopped(one: Container) -> bool:
    """Tell whether it is to be asked who ended or paused a container."""
    return one.state in ("exited", "paused") and one.document is not None


def ends(signal: str | None) -> bool:
    """Tell whether a signal, as a `kill` event gives it, is meant to end a process."""
    return signal not in _SAYS_RELOAD


def judged(
    one: Container, history: Sequence[Mapping[str, Any]], reigns_since: datetime, remembered: datetime | None
) -> Container:
    """Say of an exited or paused container whether it was told to, by whom, and when; `history` are its events, in order."""
    document: Any = one.document
    started, history = datetime.fromisoformat(document["State"]["StartedAt"]), _last_run(history)
    if remembered is not None and remembered < started:
        remembered = None
    if one.state == "paused":  # an engine never does that
        return replace(one, stopped_by_hand=True, stopped_at=_last(history, _pauses) or remembered)
    ended = any(event["Action"] == "die" for event in history)
    stopped = (_last(history, _tells_to_end) if ended else None) or remembered
    if stopped is None:
        return replace(one, stopped_by_hand=False if ended else None)
    return replace(one, stopped_by_hand=started >= reigns_since, stopped_at=stopped)


def _last_run(history: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    starts = [at for at, event in enumerate(history) if event["Action"] == "start"]
    return history[starts[-1] + 1 :] if starts else history


def _tells_to_end(event: Mapping[str, Any]) -> bool:
    return event["Action"] == "stop" or (event["Action"] == "kill" and ends(event["Actor"]["Attributes"].get("signal")))


def _pauses(event: Mapping[str, Any]) -> bool:
    return bool(event["Action"] == "pause")


def _last(history: Sequence[Mapping[str, Any]], kind: Callable[[Mapping[str, Any]], bool]) -> datetime | None:
    found = filter(kind, reversed(history))
    return next((datetime.fromtimestamp(event["timeNano"] / 1e9, UTC) for event in found), None)


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
