"""What the socket answers, to whom, and what it refuses."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from pwd import getpwuid
from queue import SimpleQueue
from typing import Any

import pytest

from reconciler import errors
from reconciler.api import server as serving
from reconciler.api.client import RemoteDesk, _Connection, reachable
from reconciler.api.server import Server
from reconciler.api.sockets import connect
from reconciler.errors import NoAgent, PathRefused
from reconciler.pipeline import Listener, Wish
from tests.api.fake import FakeDesk, Heard


def ask(path: Path, method: str, what: str, body: str | None = None, **headers: str) -> tuple[int, Any]:
    connection = _Connection(path, 20)
    try:
        connection.request(method, what, body, headers)
        answer = connection.getresponse()
        said = answer.read()
        return answer.status, json.loads(said) if said else None
    finally:
        connection.close()


# ── the socket ───────────────────────────────────────────────────────────────────────────────────


def test_only_the_owner_can_reach_it(server: Server, path: Path) -> None:
    """The socket is 0600, and nothing else is left in its folder."""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_the_mode_is_not_all_that_keeps_others_out(desk: FakeDesk) -> None:
    """A user who gets to the socket all the same is not answered, and root is."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    path = folder / "agent.sock"
    server = Server(path, lambda _who: desk)
    server.start()
    path.chmod(0o666)
    code = (
        "import os, socket, sys\n"
        "os.setuid(65534)\n"
        "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
        "try:\n"
        "    s.sendall(b'GET /v1/status HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n')\n"
        "    print(s.recv(1000))\n"
        "except ConnectionError: print(b'')"
    )
    try:
        done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
        assert done.stdout == "b''\n"
        assert reachable(path)
    finally:
        server.stop()
        shutil.rmtree(folder)


def test_who_asks_is_named_by_the_kernel(remote: RemoteDesk, desk: FakeDesk) -> None:
    """The desk is that of the user at the other end."""
    remote.suspend("web", "r", None)

    assert desk.asked[0][1] == desk.who == getpwuid(os.geteuid()).pw_name


def test_the_socket_of_a_dead_agent_makes_way(path: Path, desk: FakeDesk) -> None:
    """What a killed agent left is replaced; anything else that stands there is not."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    server = Server(path, lambda _who: desk)
    server.start()
    assert reachable(path)
    server.stop()
    assert not path.exists()

    path.write_text("somebody's")
    with pytest.raises(PathRefused):
        server.start()
    assert path.read_text() == "somebody's"


def test_a_state_folder_may_lie_deep(tmp_path: Path, desk: FakeDesk) -> None:
    """An address of a socket is short, a path need not be."""
    path = tmp_path / ("d" * 120) / "agent.sock"
    path.parent.mkdir()
    server = Server(path, lambda _who: desk)
    server.start()

    assert reachable(path)

    server.stop()


def test_after_the_end_nobody_answers(server: Server, path: Path) -> None:
    """Stopping ends the threads that accept, and those that only wait for what happens."""
    before = threading.active_count()
    following = connect(path, 5)
    following.sendall(b"GET /v1/events HTTP/1.1\r\nHost: a\r\n\r\n")
    assert following.recv(15) == b"HTTP/1.1 200 OK"

    server.stop()

    while following.recv(1000):
        pass
    following.close()
    assert not reachable(path)
    assert threading.active_count() <= before
    server.start()  # as the fixture stops it once more


# ── questions ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("method", "what", "body", "code", "key"),
    [
        ("GET", "/v1/nothing", None, "request-unknown", None),
        ("POST", "/v1/status", None, "request-unknown", None),
        ("GET", "/v1/status?sumary=1", None, "unknown-key", "sumary"),
        ("GET", "/v1/status?summary=perhaps", None, "bad-value", "summary"),
        ("GET", "/v1/history?limit=0", None, "bad-value", "limit"),
        ("GET", "/v1/history?limit=1&limit=2", None, "bad-value", "limit"),
        ("GET", "/v1/why", None, "missing-key", "target"),
        ("POST", "/v1/plan", '{"confirm_prun": true}', "unknown-key", "confirm_prun"),
        ("POST", "/v1/plan", '{"confirm_prune": 1}', "wrong-type", "confirm_prune"),
        ("POST", "/v1/plan", "[]", "wrong-type", "the request"),
        ("POST", "/v1/plan", "{", "request-no-json", None),
        ("POST", "/v1/plan", "[" * 100_000, "request-no-json", None),
        ("POST", "/v1/plan", "\udce9", "request-no-json", None),
        ("POST", "/v1/apply", '{"index": 7}', "wrong-type", "index"),
        ("POST", "/v1/suspend", '{"stack": "web"}', "missing-key", "reason"),
        ("POST", "/v1/suspend", '{"stack": "web", "reason": "r", "until": "2026-12-01"}', "bad-value", "until"),
        ("POST", "/v1/suspend", '{"stack": "web", "reason": "r", "until": 5}', "bad-value", "until"),
        (
            "POST",
            "/v1/suspend",
            '{"stack": "web", "reason": "r", "until": "9999-12-31T23:59:59-14:00"}',
            "bad-value",
            "until",
        ),
        (
            "POST",
            "/v1/suspend",
            '{"stack": "web", "reason": "r", "until": "0001-01-01T00:00:00+14:00"}',
            "bad-value",
            "until",
        ),
    ],
)
def test_what_is_not_understood_is_refused(
    method: str, what: str, body: str | None, code: str, key: str | None, server: Server, path: Path, desk: FakeDesk
) -> None:
    """A wrong request is 400, says which field is wrong, and reaches no desk."""
    sent: Any = body.encode(errors="surrogateescape") if body else None

    status, answer = ask(path, method, what, sent)

    assert status == 400
    assert (answer["error"]["kind"], answer["error"]["code"]) == ("WrongRequest", code)
    assert key is None or answer["error"]["args"]["key"] == key
    assert "?" not in answer["error"]["text"].replace(what, "").replace("`?", "")
    assert desk.asked == []


def test_too_much_is_not_read(server: Server, path: Path, desk: FakeDesk) -> None:
    """More than a mebibyte, or no length at all, is refused before it is read."""
    assert ask(path, "POST", "/v1/plan", None, **{"Content-Length": str((1 << 20) + 1)})[1]["error"]["code"] == (
        "request-too-large"
    )
    assert ask(path, "POST", "/v1/plan", None, **{"Transfer-Encoding": "chunked"})[0] == 400
    assert ask(path, "POST", "/v1/plan", None, **{"Content-Length": "-1"})[0] == 400
    assert desk.asked == []


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}", "request-no-length"),
        (b"Content-Length : 2\r\n\r\n{}", "request-no-length"),
        (b"Content-Length: +2\r\n\r\n{}", "request-no-length"),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", "request-too-large"),
        (b"Content-Length: 40\r\n\r\n", "request-cut-short"),
        (b"Content-Length: 40\r\n\r\n{}", "request-cut-short"),
    ],
)
def test_what_is_not_whole_or_not_clear_is_not_obeyed(
    said: bytes, code: str, server: Server, path: Path, desk: FakeDesk
) -> None:
    """Without its body an apply would be one without conditions; with two lengths, another would see another question."""
    with connect(path, 5) as talking:
        talking.sendall(b"POST /v1/apply HTTP/1.1\r\nHost: a\r\n" + said)
        talking.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: talking.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.count(b"HTTP/1.1") == 1
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == code
    assert desk.asked == []


def test_so_many_connections_and_no_more(path: Path, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Followers that were forgotten do not take all the files that the agent may open; whoever leaves makes room."""
    monkeypatch.setattr(serving._Listening, "most", 3)
    server = Server(path, lambda _who: desk)
    server.start()
    held = [connect(path, 5) for _ in range(5)]
    try:
        assert [one.recv(1) for one in held[3:]] == [b"", b""]
        for one in held:
            one.close()
        while not reachable(path):
            pass
    finally:
        server.stop()


def test_who_falls_silent_in_midst_of_a_question_is_let_go(
    path: Path, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is their mistake, no bug of ours."""
    monkeypatch.setattr(serving._Handler, "timeout", 0.1)
    server = Server(path, lambda _who: desk)
    server.start()
    try:
        with connect(path, 5) as talking:
            talking.sendall(b"POST /v1/apply HTTP/1.1\r\nContent-Length: 40\r\n\r\n{")
            answer = b"".join(iter(lambda: talking.recv(4096), b""))
    finally:
        server.stop()
    assert b"request-cut-short" in answer
    assert desk.asked == []


@pytest.mark.parametrize("words", [b"nonsense\r\n\r\n", b"DELETE /v1/status HTTP/1.1\r\n\r\n"])
def test_what_is_hardly_http_gets_a_document_too(words: bytes, server: Server, path: Path) -> None:
    """Nobody has to read HTML."""
    with connect(path, 5) as talking:
        talking.sendall(words)
        answer = b"".join(iter(lambda: talking.recv(4096), b""))

    assert json.loads(answer.split(b"\r\n\r\n")[-1])["error"]["kind"] == "WrongRequest"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.UnknownTarget, 404), (errors.PlanStale, 409), (errors.Locked, 409), (errors.NotFastForward, 409),
        (errors.EngineUnreachable, 503), (errors.SourceUnreachable, 503), (errors.StoreUnusable, 500),
    ],
)  # fmt: skip
def test_each_error_has_its_status(
    kind: type[errors.ReconcilerError], status: int, server: Server, path: Path, desk: FakeDesk
) -> None:
    """Programs that only know HTTP can tell whether to try again."""
    desk.error = kind("plan-stale")

    found, answer = ask(path, "POST", "/v1/plan", "{}")

    assert (found, answer["error"]["kind"]) == (status, kind.__name__)


def test_a_bug_is_admitted(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks is told, the error goes on to where the agent's own go, and the agent goes on."""
    caught: SimpleQueue[Any] = SimpleQueue()
    monkeypatch.setattr(serving._Listening, "handle_error", lambda *_: caught.put(sys.exc_info()[0]))
    monkeypatch.setattr(FakeDesk, "status", lambda _self: 1 // 0)

    status, answer = ask(path, "GET", "/v1/status")

    assert (status, answer["error"]["code"]) == (500, "agent-bug")
    assert caught.get(timeout=20) is ZeroDivisionError
    assert reachable(path)


def test_whoever_hangs_up_is_no_error(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that goes away without having read its answer leaves no traceback in the agent's log."""
    errors_seen: list[object] = []
    monkeypatch.setattr(serving._Listening, "handle_error", lambda *_: errors_seen.append(sys.exc_info()[1]))
    with connect(path, 5) as talking:
        talking.sendall(b"GET /v1/version HTTP/1.1\r\nHost: a\r\n\r\n")
        assert talking.recv(1, socket.MSG_PEEK) == b"H"

    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(20)

    assert errors_seen == []


def test_one_connection_answers_many_questions(server: Server, path: Path) -> None:
    """HTTP/1.1 keeps it open, also after an answer that has no body."""
    connection = _Connection(path, 20)
    for method, what, body, status in (
        ("GET", "/v1/version", None, 200),
        ("POST", "/v1/suspend", '{"stack": "web", "reason": "r"}', 204),
        ("POST", "/v1/apply", '{"wait": false}', 202),
        ("POST", "/v1/plan", "{}", 200),
        ("GET", "/v1/openapi.json", None, 200),
        ("GET", "/v1/status?summary=1", None, 200),
    ):
        connection.request(method, what, body)
        held = connection.sock
        answer = connection.getresponse()
        answer.read()
        assert (answer.status, connection.sock) == (status, held)
    connection.close()


# ── a pass that is followed ──────────────────────────────────────────────────────────────────────


def test_a_pass_does_not_end_with_whoever_asked(server: Server, path: Path, desk: FakeDesk) -> None:
    """A client that goes away in the middle leaves the pass to come to its end."""
    begun, gone = threading.Event(), threading.Event()

    def wait(_listener: Listener) -> None:
        begun.set()
        gone.wait(20)

    desk.before = wait
    with connect(path, 5) as talking:
        talking.sendall(b"POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        assert begun.wait(20)
    gone.set()

    assert desk.finished.wait(20)


def test_a_slow_reader_does_not_hold_up_the_pass(server: Server, remote: RemoteDesk, desk: FakeDesk) -> None:
    """Whoever does not read is cut off and told so; the pass ends meanwhile."""

    def chatter(listener: Listener) -> None:
        for _ in range(20_000):
            listener.output("web", "x" * 200)

    desk.before = chatter
    heard = Heard(hook={"step": lambda: finished(desk)})

    with pytest.raises(NoAgent, match="agent-cut-off"):
        remote.apply(Wish(), heard)


def finished(desk: FakeDesk) -> None:
    assert desk.finished.wait(20)


def test_a_reader_that_never_reads_is_let_go(path: Path, desk: FakeDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection whose other end takes nothing is closed after a while; no thread stays behind."""
    monkeypatch.setattr(serving._Handler, "timeout", 0.2)
    server = Server(path, lambda _who: desk)
    server.start()

    def chatter(listener: Listener) -> None:
        for _ in range(1_000):
            listener.output("web", "x" * 10_000)

    desk.before = chatter
    before = threading.active_count()
    with connect(path, 5) as talking:
        talking.sendall(b"POST /v1/apply HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
        assert desk.finished.wait(20)
        server._listening.wait_until_idle(20)
        assert server._listening._answering == 0
    server.stop()
    assert threading.active_count() <= before


def test_the_end_waits_for_last_words(path: Path, desk: FakeDesk) -> None:
    """The server has not ended before a pass that ends with the agent was reported to whoever follows it."""
    server = Server(path, lambda _who: desk)
    server.start()
    begun, ending = threading.Event(), threading.Event()

    def end_with_the_agent(_listener: Listener) -> None:
        begun.set()
        ending.wait(20)

    desk.before = end_with_the_agent
    reports: SimpleQueue[bool] = SimpleQueue()
    following = threading.Thread(target=lambda: reports.put(RemoteDesk(path).apply(Wish(), Heard()).converged))
    following.start()
    assert begun.wait(20)
    threading.Timer(0.2, ending.set).start()

    server.stop()

    assert server._listening._answering == 0
    assert reports.get(timeout=20)


def test_a_dead_client_is_noticed(server: Server, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever follows everything and goes away is forgotten at the next heartbeat."""
    monkeypatch.setattr("reconciler.api.feed.Follower.__init__.__defaults__", (2000, 0.05))
    with connect(path, 5) as talking:
        talking.sendall(b"GET /v1/events HTTP/1.1\r\nHost: a\r\n\r\n")
        heard = b""
        while b": heartbeat" not in heard:
            heard += talking.recv(1000)

    server._listening.wait_until_idle(20)

    assert server._listening._answering == 0
