"""A real browser without a window, told what to do over the DevTools protocol, through pipes: no port, no package."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--mute-audio"),
)
_PATIENCE_S = 60


class Page:
    """A page in the browser.

    Attributes:
        problems: console messages of errors and warnings, uncaught exceptions.
        requests: addresses that the page asked for, beside its own.
    """

    def __init__(self, send: int, receive: int):
        self._out, self._in = os.fdopen(send, "wb", buffering=0), os.fdopen(receive, "rb")
        self._number, self._session = 0, ""
        self.problems: list[str] = []
        self.requests: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def open(self, address: str, *, width: int = 1440, height: int = 900, dark: bool = False) -> None:
        """Load an address in a window of this size."""
        self.size(width, height)
        self.by_night(dark)
        self._call("Page.navigate", url="about:blank")  # an address that differs in its part after # would not load
        self._call("Page.navigate", url=address)
        self.wait("document.readyState === 'complete'")
        self.settle()

    def by_night(self, dark: bool) -> None:
        """What the user prefers: light or dark; nothing plays by itself."""
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        features.append({"name": "prefers-reduced-motion", "value": "reduce"})
        self._call("Emulation.setEmulatedMedia", features=features)

    def size(self, width: int, height: int) -> None:
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def run(self, script: str) -> Any:
        """The value of an expression; promises are waited for."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise AssertionError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, condition: str, *, seconds: float = _PATIENCE_S) -> None:
        """Until an expression is true."""
        end = time.monotonic() + seconds
        while not self.run(condition):
            if time.monotonic() > end:
                raise AssertionError(f"never true: {condition}")
            time.sleep(0.02)

    def settle(self) -> None:
        """Two frames of drawing, and the time after which the page writes its address."""
        self.run(
            "new Promise((done) => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(done)), 180))"
        )

    def click(self, selector: str) -> None:
        self.run(f"document.querySelector({json.dumps(selector)}).click()")
        self.settle()

    def press(self, key: str) -> None:
        """Press a key in the page."""
        text = {"text": key} if len(key) == 1 else {}
        for kind in ("keyDown", "keyUp"):
            self._call("Input.dispatchKeyEvent", type=kind, key=key, **(text if kind == "keyDown" else {}))
        self.settle()

    def drag(self, start: tuple[float, float], stop: tuple[float, float]) -> None:
        """Drag the mouse from one place to another."""
        mouse = {"button": "left", "buttons": 1, "clickCount": 1}
        for kind, (x, y) in (("mousePressed", start), ("mouseMoved", stop), ("mouseReleased", stop)):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **mouse)
        self.settle()

    def picture(self) -> bytes:
        """The window as PNG."""
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._read())
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise AssertionError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer.get("method", ""), answer.get("params", {}))

    def _read(self) -> bytes:
        parts = []
        while (byte := self._in.read(1)) != b"\0":
            if not byte:
                raise AssertionError("the browser has ended")
            parts.append(byte)
        return b"".join(parts)

    def _note(self, event: str, params: dict[str, Any]) -> None:
        if event == "Runtime.exceptionThrown":
            self.problems.append(str(params["exceptionDetails"]))
        elif event == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(str(params["args"]))
        elif event == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"])
        elif event == "Network.requestWillBeSent":
            address = params["request"]["url"]
            if not address.startswith(("data:", "blob:", "about:")) and params.get("type") != "Document":
                self.requests.append(address)


@contextmanager
def browser(*options: str) -> Iterator[Page]:
    """A page of a Chromium that ends with it.

    Args:
        options: further options of Chromium, e.g. a file as its camera.
    """
    assert CHROMIUM is not None, "no Chromium on PATH"
    their_in, our_out = os.pipe()
    our_in, their_out = os.pipe()
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:

        def pipes() -> None:  # the browser reads from 3 and writes to 4
            high = [os.dup(fd) for fd in (their_in, their_out)]
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        process = subprocess.Popen(
            [CHROMIUM, *_FLAGS, *options, f"--user-data-dir={profile}", "--remote-debugging-pipe"],
            close_fds=False,
            preexec_fn=pipes,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(their_in)
        os.close(their_out)
        try:
            yield Page(our_out, our_in)
        finally:
            process.kill()
            process.wait()
