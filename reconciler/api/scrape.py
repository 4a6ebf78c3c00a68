"""Answer `GET /metrics` at a TCP address, and nothing else.

Api; imports only errors and `places.py`. There is no login: whoever reaches the address reads, and changes nothing.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

from reconciler.api.places import Places
from reconciler.errors import InvalidSettings

_PATIENCE = 10.0
"""Seconds for a reader to ask, and to take its answer."""
_READERS = 8
"""At once: anybody on this host may connect."""


@contextmanager
def scraped(host: str, port: int, read: Callable[[], bytes], content_type: str) -> Iterator[int]:
    """Listen while the context lasts, and yield the port; `read` makes the answer, in a thread of the reader's.

    Raises InvalidSettings when the address cannot be had.
    """
    try:
        server = _server(host)((host, port), _handler(read, content_type))
    except OSError as error:
        raise InvalidSettings("metrics-address", address=_shown(host, port), words=error.strerror or "") from error
    serving = threading.Thread(target=server.serve_forever, name="metrics", daemon=True)
    serving.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        serving.join()
        server.server_close()


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _server(host: str) -> type[HTTPServer]:
    class Listening(Places, HTTPServer):
        most = _READERS
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        block_on_close = False  # a reader that hangs does not hold up our end

        def server_bind(self) -> None:
            # Not HTTPServer's: it would ask a name server what the address is called.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.bind(self.server_address)
            self.server_name, self.server_port = self.socket.getsockname()[:2]

    return Listening


def _handler(read: Callable[[], bytes], content_type: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE

        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/metrics":
                self.send_error(HTTPStatus.NOT_FOUND, explain="Metrics are at /metrics.")
                return
            body = read()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def version_string(self) -> str:
            return "reconciler"

        def log_message(self, *_words: Any) -> None:
            """Say nothing: scrapers come every few seconds."""

    return Handler
