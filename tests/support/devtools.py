"""A headless Chromium that a test looks at pages with, spoken to by its DevTools protocol; nothing but the standard
library is needed."""

import base64
import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BROWSER = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
_QUIET = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--mute-audio"),
    *("--remote-debugging-port=0", "--remote-allow-origins=*", "--hide-scrollbars"),
)
_PATIENCE_S = 60


class Tab:
    """One page. `requests` are the addresses that it asked for, `errors` what it complained of.

    Args:
        address: of the tab's web socket.
    """

    def __init__(self, address: str):
        host, _, path = address.removeprefix("ws://").partition("/")
        name, _, port = host.partition(":")
        self._socket = socket.create_connection((name, int(port)), timeout=_PATIENCE_S)
        key = base64.b64encode(os.urandom(16)).decode()
        self._socket.sendall(
            f"GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        self._read = self._socket.makefile("rb")
        while self._read.readline().strip():
            pass
        self._number = 0
        self.requests: list[str] = []
        self.errors: list[str] = []
        for domain in ("Network", "Runtime", "Log", "Page"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its result."""
        self._number += 1
        self._send(json.dumps({"id": self._number, "method": method, "params": parameters}).encode())
        while True:
            message = json.loads(self._receive())
            if message.get("id") == self._number:
                if "error" in message:
                    raise RuntimeError(message["error"]["message"])
                return message["result"]
            self._note(message)

    def go(self, address: str) -> None:
        """Open a page and wait until it is loaded."""
        self.call("Page.navigate", url=address)
        self.until("document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """What a JavaScript expression gives, promises awaited."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(str(result["exceptionDetails"].get("exception", result["exceptionDetails"])))
        return result["result"].get("value")

    def until(self, condition: str, seconds: float = _PATIENCE_S) -> None:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(RuntimeError):  # e.g. of a page that is being left
                if self.value(f"Boolean({condition})"):
                    return
            time.sleep(0.05)
        raise AssertionError(f"not within {seconds:.0f} s: {condition}; errors: {self.errors}")

    def picture(self) -> bytes:
        """The page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])

    def _note(self, message: dict[str, Any]) -> None:
        values = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif message.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(values["exceptionDetails"])[:300])
        elif message.get("method") == "Log.entryAdded" and values["entry"]["level"] == "error":
            self.errors.append(values["entry"]["text"][:300])

    def _send(self, content: bytes) -> None:
        size = len(content)
        head = b"\x81" + (
            bytes([0x80 | size])
            if size < 126
            else bytes([0x80 | 126]) + struct.pack(">H", size)
            if size < 1 << 16
            else bytes([0x80 | 127]) + struct.pack(">Q", size)
        )
        self._socket.sendall(head + bytes(4) + content)  # masked with zeros

    def _receive(self) -> bytes:
        content = b""
        while True:
            first, second = self._read.read(2)
            size = second & 127
            if size == 126:
                (size,) = struct.unpack(">H", self._read.read(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", self._read.read(8))
            part = self._read.read(size)
            if first & 15 in (0, 1):
                content += part
                if first & 128:
                    return content


@contextlib.contextmanager
def open_tab(profile: Path, *options: str) -> Iterator[Tab]:
    """A tab of a browser of its own, which ends with it.

    Args:
        profile: an empty folder.
        options: further options of Chromium.
    """
    assert BROWSER is not None
    command = [BROWSER, *_QUIET, f"--user-data-dir={profile}", *options, "about:blank"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        port_file, end = profile / "DevToolsActivePort", time.monotonic() + _PATIENCE_S
        while not (port_file.is_file() and len(port_file.read_text().split()) >= 2):
            assert time.monotonic() < end and process.poll() is None, "Chromium does not start"
            time.sleep(0.05)
        port = port_file.read_text().split()[0]
        while True:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/json", timeout=_PATIENCE_S) as answer:
                pages = [tab for tab in json.load(answer) if tab["type"] == "page"]
            if pages:
                break
            assert time.monotonic() < end, "Chromium shows no page"
            time.sleep(0.05)
        yield Tab(pages[0]["webSocketDebuggerUrl"])
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
