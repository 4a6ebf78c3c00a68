"""Answer at a unix socket: HTTP/1.1 and JSON, a thread for each connection.

Api; may import the pipeline and the modules beside it. Threads of the standard library: docs/adr/0006.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer
from typing import Any, TypeAlias

from reconciler import __version__
from reconciler.api.feed import HEARTBEAT, Feed, Follower
from reconciler.api.places import Places
from reconciler.api.problems import error_document, status_of
from reconciler.api.routes import ROUTES, Answer, Route
from reconciler.api.shapes import read_body, read_query
from reconciler.api.sockets import bind, peer_uid
from reconciler.errors import ReconcilerError, WrongRequest
from reconciler.model import Document
from reconciler.pipeline.desk import Desk
from reconciler.pipeline.person import user_name

DeskFor: TypeAlias = Callable[[str], Desk]

_CONNECTIONS = 128
_MOST_BYTES = 1 << 20
_DIGITS = re.compile("[0-9]+")
_MOST_DIGITS = 20
_PATIENCE = 30.0
"""Seconds for a reader or writer to move on before its connection is closed."""
_LAST_WORDS = 5.0
"""Seconds at the end for answers that are being written."""


class Server:
    """The API of an agent: `desk_for` gives the desk at which a user, named by the kernel, is served.

    `feed` is to watch the agent's passes; those who follow everything hear what it hears.
    """

    def __init__(self, path: Path, desk_for: DeskFor) -> None:
        self.feed = Feed()
        self._path = path
        self._desk_for = desk_for
        self._stopping = threading.Event()

    def start(self) -> None:
        """Listen from now on; one agent for each folder is the caller's care. Raises PathRefused, OSError."""
        self._listening = _Listening(self._path, self._desk_for, self.feed)
        self._accepting = threading.Thread(target=self._accept, name="api", daemon=True)
        self._accepting.start()

    def stop(self) -> None:
        """Take no more questions, and let answers that are being written end, for a short while."""
        self._stopping.set()
        self._listening.socket.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._accepting.join()
        self._path.unlink(missing_ok=True)
        self._listening.server_close()
        self.feed.close()
        self._listening.wait_until_idle(_LAST_WORDS)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            self._listening.handle_request()


class _Listening(Places, UnixStreamServer):
    most = _CONNECTIONS
    request_queue_size = 64

    def __init__(self, path: Path, desk_for: DeskFor, feed: Feed) -> None:
        self.path = path
        self.desk_for = desk_for
        self.feed = feed
        self._answering = 0
        self._changed = threading.Condition()
        super().__init__(str(path), _Handler)

    def server_bind(self) -> None:
        bind(self.socket, self.path)

    def verify_request(self, request: Any, _address: Any) -> bool:
        """Take nobody but root and our own user. The socket's mode says the same; a mode is soon changed."""
        return peer_uid(request) in (0, os.geteuid())

    @contextmanager
    def answering(self) -> Iterator[None]:
        """Count an answer that is being made."""
        self._count(1)
        try:
            yield
        finally:
            self._count(-1)

    def wait_until_idle(self, seconds: float) -> None:
        """Wait until no answer is being made, so long at most."""
        with self._changed:
            self._changed.wait_for(lambda: self._answering == 0, seconds)

    def _count(self, change: int) -> None:
        with self._changed:
            self._answering += change
            self._changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    server: _Listening
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE
    answers = False

    def handle(self) -> None:
        """Answer one question after the other; it is no error when whoever asked goes away in between."""
        try:
            super().handle()
        except ConnectionError:
            if self.answers:
                raise

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def version_string(self) -> str:
        return f"reconciler/{__version__}"

    def log_message(self, *_words: Any) -> None:
        """Say nothing: what people do is in the record."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is not even HTTP, in our own form."""
        self.close_connection = True
        self._refuse(HTTPStatus(code), WrongRequest("request-refused", words=message or explain or ""))

    def _serve(self) -> None:
        with self.server.answering():
            self.answers = True
            try:
                self._tell(*self._answered())
                self.answers = False
            finally:
                if self.answers:  # a bug: its traceback goes where the agent's own go
                    self.close_connection = True
                    self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, WrongRequest("agent-bug", agent=__version__))

    def _answered(self) -> tuple[HTTPStatus, Answer]:
        try:
            route, ask = self._question()
            desk = self.server.desk_for(user_name(peer_uid(self.connection)))
            answer = route.answer(desk, self.server.feed, ask)
        except ReconcilerError as error:
            return status_of(error), _refusal(error)
        return HTTPStatus.OK if answer is not None else route.status_of_nothing, answer

    def _question(self) -> tuple[Route, Any]:
        path, _, query = self.path.partition("?")
        body = self._body()
        found = [route for route in ROUTES if route.path == path]
        route = next((route for route in found if route.method == self.command), None)
        if route is None:
            known = ", ".join(f"{one.method} {one.path}" for one in found or ROUTES)
            raise WrongRequest("request-unknown", asked=f"{self.command} {path}", known=known)
        return route, read_query(route.asks, query) if route.method == "GET" else read_body(route.asks, body)

    def _body(self) -> bytes:
        length = self._length()
        try:
            body = self.rfile.read(length)
        except OSError:
            body = b""
        if len(body) < length:  # it may say less than it was meant to
            self.close_connection = True
            raise WrongRequest("request-cut-short")
        return body

    def _length(self) -> int:
        """Return how long the body is, said in one way only: whoever stands between us might understand another."""
        said = self.headers.get_all("Content-Length", ["0"])
        unclear = len(said) > 1 or "Transfer-Encoding" in self.headers or self.headers.defects
        if unclear or not _DIGITS.fullmatch(said[0]):
            self.close_connection = True
            raise WrongRequest("request-no-length")
        if len(said[0]) > _MOST_DIGITS or int(said[0]) > _MOST_BYTES:
            self.close_connection = True
            raise WrongRequest("request-too-large", most=str(_MOST_BYTES))
        return int(said[0])

    # ── what goes back ───────────────────────────────────────────────────────────────────────────

    def _refuse(self, status: HTTPStatus, error: ReconcilerError) -> None:
        self._tell(status, _refusal(error))

    def _tell(self, status: HTTPStatus, answer: Answer) -> None:
        try:
            if isinstance(answer, Follower):
                self._stream(answer)
            else:
                self._send(status, b"" if answer is None else json.dumps(answer).encode())
        except OSError:  # whoever asked has gone
            self.close_connection = True

    def _send(self, status: HTTPStatus, body: bytes) -> None:
        self.send_response(status)
        if body:
            self.send_header("Content-Type", "application/json")
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _stream(self, events: Follower) -> None:
        try:
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Cache-Control", "no-store")
            self.send_header("Connection", "close")
            self.end_headers()
            for event in events:
                self.wfile.write(_framed(event))
        finally:
            events.close()


def _refusal(error: ReconcilerError) -> Document:
    return {"schema": 1, "error": error_document(error)}


def _framed(event: Document) -> bytes:
    if event is HEARTBEAT:
        return b": heartbeat\n\n"
    return f"event: {event['event']}\ndata: {json.dumps(event)}\n\n".encode()
