"""Start other programs; no other module does.

Below the rooms; imports errors only. A program gets exactly the environment it is given, a session of its own, and its
output goes to memory, not to a pipe: when we are killed it neither blocks nor dies, it finishes what it began.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import Cut, MissingTool, ProgramFailed

GRACE = 10.0
"""Seconds between the polite stop of a program and the other one."""
LIMIT = 64 * 1024 * 1024
"""Bytes of output that are handed on."""
TAIL_LINES, TAIL_BYTES = 40, 16 * 1024

NEVER = threading.Event()
"""The cut of a program that nothing may end but itself; never set."""

_LIVE_TICK = 0.1

_launched: list[subprocess.Popen[bytes]] = []


@dataclass(frozen=True, slots=True)
class Completed:
    """How a program ended: exit `code` (negative: the signal), all of `stdout`, the `tail` of all it said."""

    program: str
    code: int
    stdout: str
    tail: str

    def require(self) -> Completed:
        """Hand on a success; raise ProgramFailed with the tail of the output otherwise."""
        if self.code:
            raise ProgramFailed("program-failed", program=self.program, exit=str(self.code), words=self.tail)
        return self


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    timeout: float,
    cwd: str | Path | None = None,
    pass_fds: Sequence[int] = (),
    input: bytes | None = None,  # noqa: A002 - the word of subprocess
    output: Callable[[str], None] | None = None,
    cut: threading.Event | None = None,
) -> Completed:
    """Run a program to its end, at most `timeout` seconds; past that it is stopped and ProgramFailed raised.

    `output` gets each line of both streams while it runs, and `stdout` is then empty. Once `cut` is set the program is stopped
    and Cut raised; with NEVER it comes to its own end even when we are interrupted (Ctrl-C). Raises MissingTool when it
    cannot be started.
    """
    with _memory("out") as out, _memory("err") as err, _stdin(input) as stdin:
        streams = (stdin, out, out if output else err)
        process = _start(argv, env, cwd, streams, pass_fds)
        try:
            _follow(process, time.monotonic() + timeout, _Lines(out, output), cut)
        except KeyboardInterrupt:
            if cut is NEVER:
                _follow(process, time.monotonic() + timeout, _Lines(out, None))
            raise
        finally:
            late = process.poll() is None
            code = _stop(process) if late else process.wait()
        program, tail = Path(argv[0]).name, _tail(out, err)
        if late and cut is not None and cut.is_set():
            raise Cut("cut", program=program)
        if late:
            raise ProgramFailed("program-timeout", program=program, seconds=f"{timeout:g}", words=tail)
        return Completed(program, code, "" if output else _whole(out, program, tail), tail)


def launch(argv: Sequence[str], *, env: Mapping[str, str], log: Path | None = None) -> int:
    """Start a program that lives on without us, in its own session, and return its process id.

    Its output is appended to `log`. Raises MissingTool when it cannot be started.
    """
    _launched[:] = [child for child in _launched if child.poll() is None]
    with Path(log or os.devnull).open("ab") as sink, Path(os.devnull).open("rb") as nothing:
        child = _start(argv, env, None, (nothing.fileno(), sink.fileno(), sink.fileno()), ())
    _launched.append(child)
    return child.pid


class _Lines:
    """Hand new whole lines of a growing file to a callback, and remember how far we are."""

    def __init__(self, fd: int, output: Callable[[str], None] | None) -> None:
        self._fd, self._output, self._at = fd, output, 0
        self.live = output is not None

    def pump(self, *, rest: bool = False) -> None:
        if self._output is None:
            return
        chunk = os.pread(self._fd, os.fstat(self._fd).st_size - self._at, self._at)
        end = len(chunk) if rest else chunk.rfind(b"\n") + 1
        self._at += end
        for line in chunk[:end].decode(errors="replace").splitlines():
            self._output(line)


def _start(
    argv: Sequence[str],
    env: Mapping[str, str],
    cwd: str | Path | None,
    streams: tuple[int, int, int],
    pass_fds: Sequence[int],
) -> subprocess.Popen[bytes]:
    stdin, stdout, stderr = streams
    try:
        return subprocess.Popen(
            list(argv), env=dict(env), cwd=cwd, stdin=stdin, stdout=stdout, stderr=stderr,
            pass_fds=tuple(pass_fds), start_new_session=True,
        )  # fmt: skip
    except (OSError, ValueError) as error:  # ValueError: a NUL among the words
        words = getattr(error, "strerror", None) or str(error)
        raise MissingTool("program-not-started", program=argv[0], words=words) from error


def _follow(
    process: subprocess.Popen[bytes], deadline: float, lines: _Lines, cut: threading.Event | None = None
) -> None:
    """Wait for the end, the deadline or the cut, handing on lines meanwhile."""
    if process.returncode is not None:
        return
    poll = select.poll()
    handle = os.pidfd_open(process.pid)
    try:
        poll.register(handle, select.POLLIN)
        ended = False
        while not ended and (left := deadline - time.monotonic()) > 0 and not (cut and cut.is_set()):
            ended = bool(poll.poll(1000 * (min(left, _LIVE_TICK) if lines.live or cut else left)))
            lines.pump(rest=ended)
    finally:
        os.close(handle)
    if ended:
        process.wait()


def _stop(process: subprocess.Popen[bytes]) -> int:
    """Ask the whole process group to end, insist after a while, and give the exit code."""
    for number, patience in ((signal.SIGTERM, GRACE), (signal.SIGKILL, None)):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            return process.wait(patience)
    return process.wait()


def _whole(out: int, program: str, tail: str) -> str:
    size = os.fstat(out).st_size
    if size > LIMIT:
        raise ProgramFailed("program-too-loud", program=program, words=tail)
    return os.pread(out, size, 0).decode(errors="replace")


def _tail(*streams: int) -> str:
    text = "".join(_end(fd) for fd in streams)
    return "\n".join(text.splitlines()[-TAIL_LINES:])[-TAIL_BYTES:]


def _end(fd: int) -> str:
    return os.pread(fd, TAIL_BYTES, max(0, os.fstat(fd).st_size - TAIL_BYTES)).decode(errors="replace")


@contextmanager
def _memory(name: str) -> Iterator[int]:
    fd = os.memfd_create(name)
    try:
        yield fd
    finally:
        os.close(fd)


@contextmanager
def _stdin(content: bytes | None) -> Iterator[int]:
    if content is None:
        with Path(os.devnull).open("rb") as nothing:
            yield nothing.fileno()
        return
    with _memory("in") as fd, closing(os.fdopen(os.dup(fd), "wb")) as sink:
        sink.write(content)
        sink.flush()
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
