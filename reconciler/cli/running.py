"""The verb `run`: the agent as a process, with everything that hangs on it put together here.

Face; imports settings, loop, api and record. Of the environment only what systemd says to a service is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from reconciler import __version__, settings
from reconciler.address import is_local
from reconciler.cli.inert import inert
from reconciler.errors import ReconcilerError
from reconciler.loop.heap import share_one_arena
from reconciler.loop.life import Life, only_agent
from reconciler.loop.notify import Notifier
from reconciler.record import logs
from reconciler.record.measures import Measures

if TYPE_CHECKING:
    from reconciler.api.server import Server
    from reconciler.loop.agent import Agent
    from reconciler.model import Document
    from reconciler.pipeline.desk import Desk
    from reconciler.settings import MetricsSettings, Settings

_log = structlog.get_logger()


def run(config: Path | None, *, as_json: bool = False, debug: bool = False) -> int:
    """Keep this host until a signal ends it; return the exit code. Raises ReconcilerError when it cannot begin."""
    share_one_arena()
    loaded = settings.load(config)
    form = "json" if as_json else logs.form_for(sys.stderr, os.environ.get("JOURNAL_STREAM"))
    logs.configure(sys.stderr, form, inert, debug=debug)
    with only_agent(loaded.state_dir):
        _live(loaded, lambda: settings.load(config), Notifier.from_environment(os.environ, os.getpid()))
    _log.info("agent ended")
    return 0


def _live(loaded: Settings, read: Callable[[], Settings], notifier: Notifier) -> None:
    from reconciler.api.server import Server
    from reconciler.loop.agent import Agent
    from reconciler.loop.telling import Telling

    def desk_for(who: str) -> Desk:
        return agent.desk(who)

    measures = Measures()
    server = Server(loaded.state_dir / "agent.sock", desk_for)
    telling = Telling(notifier, measures, lambda: agent.settings.drift.every)
    agent = Agent(loaded, (telling, server.feed))
    agent.pipeline.measures = measures
    with ExitStack() as around:
        around.enter_context(closing(agent))  # last of all: until the socket is closed people may ask
        around.enter_context(_listening(server))
        around.enter_context(_offered(loaded.metrics, measures, agent))
        around.enter_context(notifier.telling(agent.looked, agent.alive))
        _log.info("agent runs", version=__version__, device=loaded.device, file=str(loaded.file))
        Life(agent, loaded, read, notifier).lead()


@contextmanager
def _listening(server: Server) -> Iterator[None]:
    server.start()
    try:
        yield
    finally:
        server.stop()


def _offered(metrics: MetricsSettings | None, measures: Measures, agent: Agent) -> AbstractContextManager[object]:
    """Offer metrics while the context lasts, where the settings want it."""
    if metrics is None:
        return nullcontext()
    from reconciler.api.scrape import scraped
    from reconciler.record.metrics import CONTENT_TYPE, Metrics

    if not is_local(metrics.host):
        _log.warning("metrics can be read from other hosts, without a login", host=metrics.host, port=metrics.port)
    return scraped(metrics.host, metrics.port, Metrics(measures, lambda: _status(agent)).text, CONTENT_TYPE)


def _status(agent: Agent) -> Document | None:
    try:
        return agent.desk("metrics").status()
    except ReconcilerError:
        return None
