"""A registry on loopback that knows one image: what `docker save` says of it, served by the registry's own protocol."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import docker


class Registry:
    """A running registry: `address` is what stands before the image's name. One that stalls says half, and no more."""

    def __init__(self, server: ThreadingHTTPServer, digest: str, *, stalls: bool) -> None:
        self._server = server
        self.stalls, self.stalled, self.closed = stalls, threading.Event(), threading.Event()
        self.address = f"127.0.0.1:{server.server_port}"
        self.digest = digest

    def close(self) -> None:
        """Die: nothing listens any more."""
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def registry(api: docker.APIClient, image: str, *, stalls: bool = False) -> Iterator[Registry]:
    """Serve a local image under every name and tag."""
    blobs, digest = _saved(api, image)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    found = Registry(server, digest, stalls=stalls)
    server.blobs, server.found = blobs, found  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        found.close()


def _saved(api: docker.APIClient, image: str) -> tuple[dict[str, bytes], str]:
    """Return the blobs of an image by digest, and the digest of its manifest."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(api.get_image(image)))) as tar:
        files = {one.name: tar.extractfile(one).read() for one in tar.getmembers() if one.isfile()}  # type: ignore[union-attr]
    blobs = {f"sha256:{name.removeprefix('blobs/sha256/')}": files[name] for name in files if name.startswith("blobs/")}
    digest: str = json.loads(files["index.json"])["manifests"][0]["digest"]
    return blobs, digest


class _Handler(BaseHTTPRequestHandler):
    server: Any

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        found: Registry = self.server.found
        kind, _, wanted = self.path.removeprefix("/v2/").rpartition("/")
        is_manifest = kind.endswith("manifests")
        digest = found.digest if is_manifest and not wanted.startswith("sha256:") else wanted
        blob = b"{}" if self.path == "/v2/" else self.server.blobs.get(digest)
        self.send_response(404 if blob is None else 200)
        media = json.loads(blob)["mediaType"] if is_manifest and blob else "application/octet-stream"
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(blob or b"")))
        self.send_header("Docker-Content-Digest", digest)
        self.end_headers()
        if body and found.stalls and is_manifest:
            self.wfile.write((blob or b"")[: len(blob or b"") // 2])
            found.stalled.set()
            found.closed.wait()
        elif body:
            self.wfile.write(blob or b"")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as http.server declares it
        """Say nothing."""
