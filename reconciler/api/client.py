"""The desk of a running agent, reached over its socket.

Api; may import the pipeline's documents and the modules beside it.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from reconciler import __version__
from reconciler.api.events import read_source, tell
from reconciler.api.problems import read_error
from reconciler.api.sockets import connect
from reconciler.errors import AgentRuns, NoAgent
from reconciler.model import Document, Json, Plan, SourceState
from reconciler.pipeline import Listener, Report, Wish
from reconciler.pipeline.report_document import read_report
from reconciler.plan.document import read_plan

_CONNECT = 2.0
_PROBE = 5.0
_ANSWER = 60.0
"""Seconds without a word after which the agent is taken for lost; events have a heartbeat every 15."""
_PLAN = 600.0
"""Seconds for a plan: git is asked and every stack may have to be rendered, and nothing is said meanwhile."""
_LOOK_AGAIN = 0.1


def find_agent(state_dir: Path) -> RemoteDesk | None:
    """Return the desk of the agent of a state folder, None when none runs.

    One that begins is waited for, a little. Raises AgentRuns for one that runs and does not answer: nothing may be done beside
    it; NoAgent for one of another version.
    """
    path = state_dir / "agent.sock"
    deadline = time.monotonic() + _PROBE
    while not reachable(path):
        pid = holder(state_dir)
        if pid is None:
            return None
        if time.monotonic() >= deadline:
            raise AgentRuns("agent-silent", pid=pid, state_dir=str(state_dir))
        time.sleep(_LOOK_AGAIN)
    return RemoteDesk(path)


def reachable(path: Path) -> bool:
    """Tell whether an agent answers at a socket, and soon. Raises NoAgent when it is of another version."""
    try:
        RemoteDesk(path).version(_PROBE)
    except NoAgent as error:
        if error.code != "agent-lost":
            raise
        return False
    return True


def holder(state_dir: Path) -> str | None:
    """Return the process id of the agent that holds a state folder, None when there is none, or nobody may know."""
    try:
        handle = os.open(state_dir / "agent.lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(handle, 20, 0).decode(errors="replace").strip() or "?"
    finally:
        os.close(handle)
    return None


class RemoteDesk:
    """Asks the agent that listens at `path`; its errors are raised here as they were there.

    All methods raise NoAgent as well: when it went away, or is of another version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def version(self, within: float = _ANSWER) -> str:
        """Return the version of the agent, within so many seconds."""
        version: str = self._ask("GET", "version", {}, within)["agent"]
        return version

    def plan(self, *, confirm_prune: bool = False) -> tuple[SourceState, Plan]:
        """Let the agent fetch and plan."""
        said = self._ask("POST", "plan", {"confirm_prune": confirm_prune}, _PLAN)
        return read_source(said["source"]), read_plan(said["plan"])

    def apply(self, wish: Wish, listener: Listener) -> Report:
        """Let the agent make a pass, and follow it; it goes on when we end."""
        for event in self._follow("POST", "apply", _wished(wish, wait=True)):
            match event["event"]:
                case "report":
                    return read_report(event["report"])
                case "error":
                    raise read_error(event["error"])
                case _:
                    tell(listener, event)
        raise AssertionError  # the stream ends with an error at the latest

    def begin(self, wish: Wish) -> None:
        """Ask the agent for a pass, and do not wait."""
        self._ask("POST", "apply", _wished(wish, wait=False))

    def status(self) -> Document:
        """Return the status document."""
        return self._document("status", {})

    def history(self, stack: str | None, limit: int) -> Document:
        """Return the last runs with what they did, newest first."""
        return self._document("history", {"limit": limit, **({} if stack is None else {"stack": stack})})

    def why(self, target: str) -> Document:
        """Return why something is as it is."""
        return self._document("why", {"target": target})

    def suspend(self, stack: str, reason: str, until: datetime | None) -> None:
        """Leave a stack alone; `until` has its zone."""
        ends = until.isoformat() if until else None
        self._ask("POST", "suspend", {"stack": stack, "reason": reason, "until": ends})

    def resume(self, stack: str) -> None:
        """Look after a stack again."""
        self._ask("POST", "resume", {"stack": stack})

    def follow(self) -> Iterator[Document]:
        """Return what happens from now on, until the agent ends or we are cut off: NoAgent then."""
        return self._follow("GET", "events", {})

    def _document(self, what: str, asked: Mapping[str, Json]) -> Document:
        found: Document = self._ask("GET", what, asked)
        return found

    def _ask(self, method: str, what: str, asked: Mapping[str, Json], within: float = _ANSWER) -> Any:
        with _answer(self._path, method, what, asked, within) as response, _spoken():
            body = response.read()
        return json.loads(body) if body else None

    def _follow(self, method: str, what: str, asked: Mapping[str, Json]) -> Iterator[Any]:
        """Ask at once, and return the events that come: whatever happens after this call is among them."""
        opened = ExitStack()
        response = opened.enter_context(_answer(self._path, method, what, asked, _ANSWER))
        return _events(opened, response)


def _wished(wish: Wish, *, wait: bool) -> Document:
    return {
        "accept_rewrite": wish.accept_rewrite,
        "confirm_prune": wish.confirm_prune,
        "index": wish.expected_index,
        "wait": wait,
    }


# ── the wire ─────────────────────────────────────────────────────────────────────────────────────


class _Connection(HTTPConnection):
    """HTTP over a unix socket; `within` seconds are given to each word of the other end."""

    def __init__(self, path: Path, within: float) -> None:
        super().__init__("agent")
        self._path = path
        self._within = within

    def connect(self) -> None:
        self.sock = connect(self._path, _CONNECT)
        self.sock.settimeout(self._within)


@contextmanager
def _answer(path: Path, method: str, what: str, asked: Mapping[str, Json], within: float) -> Iterator[HTTPResponse]:
    """Ask, and yield the answer's beginning. Raises NoAgent, and what the agent raised."""
    connection = _Connection(path, within)
    query = f"?{urlencode(asked)}" if method == "GET" and asked else ""
    body = json.dumps(asked) if method == "POST" else None
    try:
        with _spoken():
            connection.request(method, f"/v1/{what}{query}", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
        _check(response)
        yield response
    finally:
        connection.close()


def _check(response: HTTPResponse) -> None:
    agent = response.headers.get("Server", "").removeprefix("reconciler/")
    if agent != __version__:
        raise NoAgent("agent-other-version", agent=agent or "?", ours=__version__)
    if response.status >= 400:
        with _spoken():
            body = response.read()
        raise read_error(json.loads(body)["error"])


def _events(opened: ExitStack, response: HTTPResponse) -> Iterator[Any]:
    with opened:
        while line := _line(response):
            if line.startswith(b"data: "):
                event = json.loads(line.removeprefix(b"data: "))
                if event["event"] == "cut-off":
                    raise NoAgent("agent-cut-off")
                yield event
    raise NoAgent("agent-lost")


def _line(response: HTTPResponse) -> bytes:
    with _spoken():
        return response.readline()


@contextmanager
def _spoken() -> Iterator[None]:
    """Read and write; where the other end goes away or falls silent, the agent is lost."""
    try:
        yield
    except (OSError, HTTPException):
        raise NoAgent("agent-lost") from None
