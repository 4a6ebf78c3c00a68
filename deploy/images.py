"""Small images made on the spot from the machine's static busybox: no registry is needed."""

from __future__ import annotations

import http.client
import io
import json
import shutil
import socket
import subprocess
import tarfile
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlencode

_PASSWD = b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n"
_GROUP = b"root:x:0:\nnogroup:x:65534:\n"


SERVE = ("sh", "-c", "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done")
"""A command that runs until it is told to stop, and then stops at once with exit code 0."""


class ImageFailed(Exception):
    """The engine did not take the image; holds its words."""


def make_image(
    host: str,
    reference: str,
    *,
    command: Sequence[str] = SERVE,
    changes: Sequence[str] = (),
    files: Mapping[str, bytes] | None = None,
) -> str:
    """Make a busybox image called `reference` on the engine at `host` (unix://…); return its id.

    `changes` are Dockerfile lines: LABEL, ENV, EXPOSE, VOLUME, HEALTHCHECK, USER, WORKDIR, ENTRYPOINT, STOPSIGNAL.
    `files` are more files by absolute path. Raises ImageFailed.
    """
    repository, _, tag = reference.rpartition(":") if ":" in reference.rpartition("/")[2] else (reference, "", "latest")
    lines = [f"CMD {json.dumps(list(command))}", *changes]
    query = urlencode({"fromSrc": "-", "repo": repository, "tag": tag, "changes": lines}, doseq=True)
    answer = _request(host, "POST", f"/images/create?{query}", _tar(files or {}))
    status = json.loads(answer.splitlines()[-1])
    if "error" in status:
        raise ImageFailed(status["error"])
    return str(status["status"])


def _tar(files: Mapping[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        _add_folders(tar)
        _add_busybox(tar)
        for path, content in {"etc/passwd": _PASSWD, "etc/group": _GROUP, **files}.items():
            _add_file(tar, path.lstrip("/"), content, 0o644)
    return archive.getvalue()


def _add_folders(tar: tarfile.TarFile) -> None:
    for path in ("bin", "etc", "root", "tmp", "usr", "usr/bin", "usr/sbin", "sbin"):
        folder = tarfile.TarInfo(path)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o1777 if path == "tmp" else 0o755
        tar.addfile(folder)


def _add_busybox(tar: tarfile.TarFile) -> None:
    binary, applets = _busybox()
    _add_file(tar, "bin/busybox", binary, 0o755)
    for applet in applets:
        link = tarfile.TarInfo(f"bin/{applet}")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        tar.addfile(link)


def _add_file(tar: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


@cache
def _busybox() -> tuple[bytes, tuple[str, ...]]:
    path = shutil.which("busybox", path="/bin:/usr/bin")
    if path is None:
        raise ImageFailed("busybox is missing: install busybox-static")
    applets = subprocess.run([path, "--list"], check=True, capture_output=True, text=True).stdout.split()
    with open(path, "rb") as binary:  # noqa: PTH123 - which() gives a str
        return binary.read(), tuple(applet for applet in applets if applet != "busybox")


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=60)
        self._path = path

    def connect(self) -> None:
        self.sock: Any = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _request(host: str, method: str, path: str, body: bytes) -> str:
    connection = _UnixConnection(host.removeprefix("unix://"))
    try:
        connection.request(method, path, body, {"Content-Type": "application/x-tar"})
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    if response.status >= 300:
        raise ImageFailed(text)
    return text
