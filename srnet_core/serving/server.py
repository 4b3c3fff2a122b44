"""The server of the live page: a few files, and lines of keypoints that other programs send.

It is meant for the browser on the same machine, and guards it against other web sites: it answers only requests that
name this machine as their host (a foreign name could be made to point here), takes lines only with a content type that
a page elsewhere cannot send unasked, serves only files that it listed when it started, and bounds every body.
"""

import json
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from importlib import resources
from pathlib import Path
from typing import Any

import srnet_core
from srnet_core.errors import InputFileMissing
from srnet_core.live.people import LiveLifter, line_of
from srnet_core.serving.local import SILENCE_S, LocalHandler, LocalServer, listen

MOST_BODY_BYTES = 8 << 20
LINES_TYPE = "application/x-ndjson"
_MOST_VIEWERS = 8
_KEPT_EVENTS = 64  # of a viewer who is slower than the poses
# MediaPipe's loader puts functions together from text, which needs 'unsafe-eval'; scripts still come from here only.
_POLICY = (
    "default-src 'none'; script-src 'self' {eval}; style-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob:; connect-src 'self'; worker-src 'self' blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)


@dataclass
class Served:
    """What the server answers with.

    Attributes:
        files: content by path, e.g. {"/model.onnx": b"..."}; a `Path` is read when it is asked for.
        make_lifter: a new live lifter, for the lines that one program sends.
        detector: whether the files hold MediaPipe.
    """

    files: Mapping[str, bytes | Path]
    make_lifter: Callable[[], LiveLifter]
    detector: bool = False
    viewers: set["queue.Queue[bytes]"] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)
    lifter: LiveLifter | None = None


def page_files(model: bytes, about: Mapping[str, Any], bundle: Path | None) -> dict[str, bytes | Path]:
    """The files of the page by path.

    Args:
        model: the network as ONNX for streams.
        about: what the page has to know of it, plain values.
        bundle: folder with onnxruntime-web and MediaPipe, as `examples/live/bundle.sh` makes it.

    Raises:
        InputFileMissing: there is no such folder.
    """
    files: dict[str, bytes | Path] = {"/model.onnx": model}
    for entry in resources.files("srnet_core.serving").joinpath("page").iterdir():
        files[f"/{entry.name}"] = entry.read_bytes()
    files["/"] = files["/index.html"]
    found = set()
    if bundle is not None:
        if not bundle.is_dir():
            raise InputFileMissing("there is no such folder", where=bundle, todo="Make it with examples/live/bundle.sh")
        for path in sorted(bundle.iterdir()):
            if path.is_file() and not path.is_symlink():
                files[f"/bundle/{path.name}"] = path
                found.add(path.name)
    whole = {**about, "bundle": sorted(found), "srnet": srnet_core.__version__}
    files["/about.json"] = json.dumps(whole, allow_nan=False).encode()
    return files


def make_server(served: Served, host: str, port: int) -> LocalServer:
    """A server that listens; call its `serve_forever`.

    Args:
        host: address to listen at, e.g. "127.0.0.1".
        port: 0 for any that is free.

    Raises:
        SrnetError: the port is taken, or the address is not one of this machine.
    """

    class Handler(_Handler):
        content = served
        policy = _POLICY.format(eval="'unsafe-eval'" if served.detector else "'wasm-unsafe-eval'")

    return listen(Handler, host, port)


class _Handler(LocalHandler):
    content: Served
    permissions = "camera=(self), microphone=(), geolocation=()"

    def do_GET(self) -> None:
        """Serve a file of the page, or the poses as they come."""
        if not self.is_for_us():
            return
        path = self.path.partition("?")[0]
        if path == "/events":
            self._events()
            return
        self.answer_file(self.content.files, path)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """Lift the lines of a body, show the answers in the open pages, and send them back."""
        body = self._body() if self.is_for_us() else None
        if body is None:
            return
        if self.path == "/start":
            with self.content.lock:
                self.content.lifter = self.content.make_lifter()
                answers = [self.content.lifter.about()]
        elif self.path == "/lift":
            with self.content.lock:
                lifter = self.content.lifter = self.content.lifter or self.content.make_lifter()
                answers = [answer for line in body.removesuffix(b"\n").split(b"\n") for answer in lifter.answer(line)]
        else:
            self.answer(HTTPStatus.NOT_FOUND, b"there is no such address\n")
            return
        lines = [line_of(answer) for answer in answers]
        for viewer in tuple(self.content.viewers):
            for line in lines:
                _put(viewer, line)
        self.answer(HTTPStatus.OK, b"".join(lines), LINES_TYPE)

    def _body(self) -> bytes | None:
        """The lines of a request; `None` if it was refused."""
        origin = self.headers.get("Origin")
        if origin is not None and origin.partition("://")[2] != self.headers.get("Host"):
            self.refuse(HTTPStatus.FORBIDDEN, "lines from another web site")
            return None
        if self.headers.get_content_type() != LINES_TYPE:
            self.refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"the content type must be {LINES_TYPE}")
            return None
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdigit() and len(length) < 12):
            self.refuse(HTTPStatus.LENGTH_REQUIRED, "the length of the lines must be told")
            return None
        if int(length) > MOST_BODY_BYTES:
            self.refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {MOST_BODY_BYTES >> 20} MiB at once")
            return None
        body: bytes = self.rfile.read(int(length))
        return body

    def _events(self) -> None:
        """Server-sent events: one for each pose of the lines that other programs send."""
        viewer: queue.Queue[bytes] = queue.Queue(_KEPT_EVENTS)
        with self.content.lock:
            if len(self.content.viewers) >= _MOST_VIEWERS:
                self.refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many pages are open")
                return
            self.content.viewers.add(viewer)
        try:
            self.close_connection = True
            self.head(HTTPStatus.OK, "text/event-stream", None)
            while True:
                try:
                    self.wfile.write(b"data: " + viewer.get(timeout=SILENCE_S / 2) + b"\n")
                except queue.Empty:
                    self.wfile.write(b": still here\n\n")
                self.wfile.flush()
        except OSError:  # the page was closed
            return
        finally:
            with self.content.lock:
                self.content.viewers.discard(viewer)


def _put(viewer: "queue.Queue[bytes]", line: bytes) -> None:
    """Add an event; the oldest goes where a viewer is too slow."""
    while True:
        try:
            viewer.put_nowait(line)
            return
        except queue.Full:
            try:
                viewer.get_nowait()
            except queue.Empty:
                continue
