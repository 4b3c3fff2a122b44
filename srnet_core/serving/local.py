"""Servers for the browser on the same machine, guarded against other web sites.

They answer only requests that name this machine as their host (a foreign name could be made to point here), let a page
load nothing from elsewhere, close connections that are silent, and answer so many requests at the same time at most.
"""

import ipaddress
import threading
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from srnet_core.errors import SrnetError

SILENCE_S = 30.0  # after which a connection is closed
_MOST_REQUESTS = 64  # at the same time
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".svg": "image/svg+xml",
}


class LocalServer(ThreadingHTTPServer):
    """A server that answers each request in a thread; use `listen` to make one."""

    daemon_threads = True
    block_on_close = False
    _free: threading.BoundedSemaphore

    def __init__(self, *arguments: Any):
        self._free = threading.BoundedSemaphore(_MOST_REQUESTS)
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, unless too many are being answered."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """See `ThreadingMixIn`."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is no error."""


class LocalHandler(BaseHTTPRequestHandler):
    """Answers requests; a subclass adds `do_GET` and the like, which begin with `is_for_us`.

    Attributes:
        names: host names of this machine, beside plain addresses.
        policy: content security policy of every answer.
        permissions: of a page, as the header Permissions-Policy says them.
    """

    names: frozenset[str] = frozenset({"localhost"})
    policy = "default-src 'none'"
    permissions = "camera=(), microphone=(), geolocation=()"
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "srnet", ""
    timeout = SILENCE_S

    def is_for_us(self) -> bool:
        """Whether the request names this machine as its host; any other name may belong to somebody else."""
        if _is_local(self.headers.get("Host", ""), self.names):
            return True
        self.answer(HTTPStatus.MISDIRECTED_REQUEST, b"this server answers only to the names of its own machine\n")
        return False

    def answer_file(self, files: Mapping[str, bytes | Path], path: str) -> None:
        """Answer with a file that was listed when the server started, or that there is none."""
        content = files.get(path)
        if content is None:
            self.answer(HTTPStatus.NOT_FOUND, b"there is no such file\n")
            return
        try:
            body = content.read_bytes() if isinstance(content, Path) else content
        except OSError:
            self.answer(HTTPStatus.NOT_FOUND, b"the file is gone\n")
            return
        name = "index.html" if path == "/" else path
        self.answer(HTTPStatus.OK, body, _TYPES.get(Path(name).suffix, "application/octet-stream"))

    def refuse(self, status: HTTPStatus, why: str) -> None:
        """Answer a request whose body is not read."""
        self.close_connection = True
        self.answer(status, f"{why}\n".encode())

    def answer(self, status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8") -> None:
        """Answer with a body."""
        self.head(status, kind, len(body))
        if self.command != "HEAD":
            self.wfile.write(body)

    def head(self, status: HTTPStatus, kind: str, length: int | None) -> None:
        """Begin an answer; without a length its end is that of the connection."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in {
            "Content-Security-Policy": self.policy,
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Embedder-Policy": "require-corp",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": self.permissions,
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *values: Any) -> None:
        """Requests are not logged."""


def listen(handler: type[LocalHandler], host: str, port: int) -> LocalServer:
    """A server that listens; call its `serve_forever`.

    Args:
        handler: answers its requests; the host is one of its names from now on.
        host: address to listen at, e.g. "127.0.0.1".
        port: 0 for any that is free.

    Raises:
        SrnetError: the port is taken, or the address is not one of this machine.
    """
    handler.names = frozenset({"localhost", host.lower()})
    try:
        return LocalServer((host, port), handler)
    except OSError as error:
        raise SrnetError(
            f"cannot listen there: {error.strerror or error}", where=f"{host}:{port}", todo="Give another --port"
        ) from None


def _is_local(host: str, names: frozenset[str]) -> bool:
    """Whether a Host header is one of the names, or a plain address, which no other site can have."""
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    name = name.strip("[]").lower()
    if name in names:
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
