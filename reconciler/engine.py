"""The docker engine's API: explicit address, negotiated version, timeouts, every error mapped.

Shared by the rooms; imports only errors, model and the docker SDK. Each question has a connection of its own, closed with
the answer: a tenth of a millisecond more, and nothing that stays open or breaks meanwhile. What only reads does without the
SDK: an inspect costs a third of what it costs there, and a quiet pass, which only reads, need not load it.
"""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, Any, NoReturn, Self, TypeAlias
from urllib.parse import quote, urlencode, urlsplit

from reconciler.errors import EngineRefused, EngineUnreachable
from reconciler.model import Document

if TYPE_CHECKING:
    from docker import APIClient

NEWEST_API = (1, 45)
"""The newest API version whose documents our normal forms were measured on."""

Filters: TypeAlias = Mapping[str, tuple[str, ...]]


class EngineClient:
    """Talk to one engine; may be shared by threads, as nothing is kept between questions but how to ask.

    Methods are named after the API and give its documents. All raise EngineUnreachable when the engine does not answer,
    and EngineRefused, with its words and the HTTP `status`, when it answers with an error.
    """

    def __init__(self, host: str, *, timeout: float, api_version: str = "") -> None:
        self.host = host
        self.api_version = api_version
        self._timeout = timeout

    @classmethod
    def connect(cls, host: str, *, timeout: float = 60.0) -> EngineClient:
        """Reach the engine at `host` (`unix:///path` or `tcp://name:port`) and agree on an API version.

        `timeout` is in seconds and bounds the wait for each answer.
        """
        client = cls(host, timeout=timeout)
        client.api_version = _agreed_version(client.version())
        return client

    def within(self, seconds: float) -> EngineClient:
        """Return a client of the same engine that waits so long for each answer."""
        return EngineClient(self.host, timeout=seconds, api_version=self.api_version)

    # ── reading ──────────────────────────────────────────────────────────────────────────────────

    def version(self) -> Document:
        """Return `GET /version`."""
        return self._document("/version")

    def info(self) -> Document:
        """Return `GET /info`."""
        return self._document("/info")

    def containers(self, filters: Filters | None = None) -> tuple[Document, ...]:
        """List all containers, stopped ones too."""
        return tuple(self._get("/containers/json", all="1", filters=_encoded(filters)))

    def networks(self) -> tuple[Document, ...]:
        """List all networks."""
        return tuple(self._get("/networks"))

    def volumes(self) -> tuple[Document, ...]:
        """List all volumes."""
        return tuple(self._document("/volumes").get("Volumes") or ())  # type: ignore[arg-type]

    def inspect_container(self, container: str) -> Document | None:
        """Return a container in full, None when it is not there."""
        return self._find(f"/containers/{quote(container)}/json")

    def inspect_network(self, network: str) -> Document | None:
        """Return a network in full, None when it is not there."""
        return self._find(f"/networks/{quote(network)}")

    def inspect_image(self, reference: str) -> Document | None:
        """Return a local image by reference or id, None when it is not there, or is no reference at all."""
        try:
            return self._find(f"/images/{quote(reference)}/json")
        except EngineRefused as refused:
            if refused.arguments["status"] == "400":
                return None
            raise

    def events(
        self, *, since: float | str, until: float | str | None = None, filters: Filters | None = None
    ) -> Iterator[Document]:
        """Yield events from `since` on (seconds since 1970), up to `until`, without it until the engine is lost.

        The engine keeps only its last 256, and none over a restart.
        """
        with closing(self.event_stream(since=since, until=until, filters=filters)) as stream:
            yield from stream.open()

    def event_stream(
        self, *, since: float | str, until: float | str | None = None, filters: Filters | None = None
    ) -> EventStream:
        """Return the same events as a stream that is not open yet, and whose wait can be ended."""
        query = {"since": str(since), "until": "" if until is None else str(until), "filters": _encoded(filters)}
        path = self._path("/events", query)
        return EventStream(self.host, _connection(self.host, self._timeout), path, is_endless=until is None)

    def log_tail(self, container: str, lines: int) -> tuple[str, ...]:
        """Return the last lines of a container's output, control characters and all."""
        output: bytes = self._sdk(lambda api: api.logs(container, tail=lines))
        return tuple(output.decode(errors="replace").rstrip("\n").split("\n")) if output else ()

    # ── changing ─────────────────────────────────────────────────────────────────────────────────

    def start(self, container: str) -> None:
        """Start a container that was made before."""
        self._sdk(lambda api: api.start(container))

    def stop(self, container: str, grace: int = 10) -> None:
        """Stop a container, killing it after `grace` seconds."""
        self._sdk(lambda api: api.stop(container, timeout=grace))

    def restart(self, container: str, grace: int = 10) -> None:
        """Stop a container, killing it after `grace` seconds, and start it again."""
        self._sdk(lambda api: api.restart(container, timeout=grace))

    def unpause(self, container: str) -> None:
        """Let a paused container go on."""
        self._sdk(lambda api: api.unpause(container))

    def rename(self, container: str, name: str) -> None:
        """Give a container another name."""
        self._sdk(lambda api: api.rename(container, name))

    def remove_container(self, container: str, *, force: bool = False) -> None:
        """Remove a container; its volumes stay, anonymous ones too."""
        self._sdk(lambda api: api.remove_container(container, force=force))

    def remove_network(self, network: str) -> None:
        """Remove a network that nothing uses."""
        self._sdk(lambda api: api.remove_network(network))

    def disconnect(self, network: str, container: str, *, force: bool = False) -> None:
        """Take a container off a network."""
        self._sdk(lambda api: api.disconnect_container_from_network(container, network, force=force))

    def connect_network(self, network: str, container: str, endpoint: Document) -> None:
        """Put a container on a network; `endpoint` is the API's EndpointConfig."""
        self._post(f"/networks/{quote(network)}/connect", {"Container": container, "EndpointConfig": endpoint})

    def update(self, container: str, resources: Document) -> None:
        """Change resources and restart policy of a container in place; `resources` as in the API (0 means unchanged)."""
        self._post(f"/containers/{quote(container)}/update", resources)

    # ── how ──────────────────────────────────────────────────────────────────────────────────────

    def _document(self, path: str) -> Document:
        document: Document = self._get(path)
        return document

    def _find(self, path: str) -> Document | None:
        try:
            return self._document(path)
        except EngineRefused as refused:
            if refused.arguments["status"] == "404":
                return None
            raise

    def _get(self, path: str, **query: str) -> Any:
        return self._ask("GET", self._path(path, query))

    def _post(self, path: str, body: Document) -> None:
        self._ask("POST", self._path(path, {}), body)

    def _ask(self, method: str, target: str, body: Document | None = None) -> Any:
        with _unreachable(self.host), closing(_connection(self.host, self._timeout)) as connection:
            return _answer(connection, method, target, body)

    def _path(self, path: str, query: Mapping[str, str]) -> str:
        given = urlencode({key: value for key, value in query.items() if value})
        version = f"/v{self.api_version}" if self.api_version else ""
        return f"{version}{path}?{given}" if given else version + path

    def _sdk(self, call: Callable[[APIClient], Any]) -> Any:
        from docker import APIClient  # noqa: PLC0415 - heavy, and a quiet pass does without
        from docker.errors import APIError  # noqa: PLC0415
        from requests.exceptions import RequestException  # noqa: PLC0415

        try:
            with closing(APIClient(self.host, version=self.api_version, timeout=self._timeout)) as api:
                return call(api)
        except APIError as error:
            raise _refused(error.explanation or str(error), error.status_code) from error
        except RequestException as error:
            _raise_unreachable(self.host, _root_cause(error))


class EventStream:
    """The engine's events as they happen: open it, go through it, close it. Raises as EngineClient does.

    One without an end raises EngineUnreachable when the engine closes it: an engine that stops in good order does.
    """

    def __init__(self, host: str, connection: http.client.HTTPConnection, path: str, *, is_endless: bool) -> None:
        self._host, self._connection, self._path, self._is_endless = host, connection, path, is_endless
        self._socket: socket.socket | None = None
        self._lines: Iterable[bytes] = ()

    def open(self) -> Self:
        """Ask, and wait until the engine answers; from then on nothing bounds the wait for an endless stream's next."""
        with _unreachable(self._host):
            self._connection.connect()
            self._socket = self._connection.sock
            self._connection.request("GET", self._path)
            self._lines = response = self._connection.getresponse()
            _refuse(response)
            if self._is_endless:
                self._socket.settimeout(None)
        return self

    def __iter__(self) -> Iterator[Document]:
        with _unreachable(self._host):
            yield from map(json.loads, self._lines)
        if self._is_endless:
            raise EngineUnreachable("engine-lost", host=self._host, words="the stream of events ended")

    def interrupt(self) -> None:
        """End a wait of another thread, as if the engine had closed the stream; nothing before there is a connection."""
        if self._socket is not None:
            with suppress(OSError):  # it is closed
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let the connection go."""
        self._connection.close()
        if isinstance(self._lines, http.client.HTTPResponse):
            self._lines.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float | None) -> None:
        super().__init__("docker", timeout=timeout)
        self._socket_path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._socket_path)


def _connection(host: str, timeout: float | None) -> http.client.HTTPConnection:
    with suppress(ValueError):  # a port that is no number, or too large a one
        address = urlsplit(host)
        if address.scheme == "unix":
            return _UnixConnection(address.path, timeout)
        if address.scheme == "tcp" and address.hostname:
            return http.client.HTTPConnection(address.hostname, address.port or 2375, timeout=timeout)
    raise EngineUnreachable("engine-address", host=host)


def _answer(connection: http.client.HTTPConnection, method: str, path: str, body: Document | None = None) -> Any:
    data, headers = (None, {}) if body is None else (json.dumps(body), {"Content-Type": "application/json"})
    connection.request(method, path, data, headers)
    response = connection.getresponse()
    _refuse(response)
    content = response.read()
    return json.loads(content) if content else None


def _refuse(response: http.client.HTTPResponse) -> None:
    if response.status >= 400:
        content = response.read()
        try:
            words = json.loads(content)["message"]
        except (ValueError, KeyError, TypeError):  # a proxy's page, not the engine's
            words = content.decode(errors="replace")[:500]
        raise _refused(words, response.status)


def _refused(words: str, status: int | None) -> EngineRefused:
    return EngineRefused("engine-refused", words=words, status=str(status))


@contextmanager
def _unreachable(host: str) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, json.JSONDecodeError) as error:  # who answers without JSON is no engine
        _raise_unreachable(host, error)


def _raise_unreachable(host: str, error: BaseException) -> NoReturn:
    words = str(error) or type(error).__name__
    for kind, code in _UNREACHABLE.items():
        if isinstance(error, kind):
            raise EngineUnreachable(code, host=host, words=words) from error
    raise EngineUnreachable("engine-lost", host=host, words=words) from error


_UNREACHABLE: Mapping[type[BaseException], str] = {
    FileNotFoundError: "engine-no-socket",
    ConnectionRefusedError: "engine-dead-socket",
    PermissionError: "engine-permission",
    TimeoutError: "engine-timeout",
}


def _root_cause(error: BaseException) -> BaseException:
    """Find the error of the operating system under the layers that the SDK's libraries wrap around it."""
    seen = error
    while not isinstance(seen, OSError) or seen.errno is None:
        below = seen.__cause__ or seen.__context__
        if below is None:
            return TimeoutError(str(error)) if "timed out" in str(error) else error
        seen = below
    return seen


def _agreed_version(version: Document) -> str:
    newest, oldest = (_numbers(str(version.get(key) or "1.24")) for key in ("ApiVersion", "MinAPIVersion"))
    return ".".join(map(str, max(min(newest, NEWEST_API), oldest)))


def _numbers(version: str) -> tuple[int, int]:
    major, _, minor = version.partition(".")
    return int(major), int(minor)


def _encoded(filters: Filters | None) -> str:
    return json.dumps({key: list(values) for key, values in filters.items()}) if filters else ""
