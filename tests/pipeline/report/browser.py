"""A headless Chromium that tests drive through its DevTools pipe, without another package."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)

# The browser reads from descriptor 3 and writes to descriptor 4, which may be taken by each
# other's pipe: both move out of the way first.
LAUNCHER = """
import os, sys
for given, far in zip(sys.argv[1:3], (100, 101)):
    os.dup2(int(given), far)
os.dup2(100, 3)
os.dup2(101, 4)
os.closerange(5, 102)
os.execv(sys.argv[3], sys.argv[3:])
"""


def executable() -> str | None:
    """The browser of this machine, if it has one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """One page of a browser; see :func:`chromium`.

    Attributes:
        requests: The addresses that pages have asked for, data URIs left out.
        complaints: What pages wrote to the console and the exceptions that they threw.
    """

    def __init__(self, read_end: int, write_end: int) -> None:
        self._read_end, self._write_end = read_end, write_end
        self._numbers = count(1)
        self._buffer = b""
        self._session: str | None = None
        self._loaded: set[str] = set()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self._call(f"{domain}.enable")
        self._call("Page.setLifecycleEventsEnabled", enabled=True)

    def open(self, address: str, width: int = 1280, height: int = 900, dark: bool = False) -> None:
        """Load a page and wait until it is there."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        # Another address with the same page and "#…" would not load anything.
        for page in ("about:blank", address):
            loader = self._call("Page.navigate", url=page)["loaderId"]
            while loader not in self._loaded:
                self._receive()

    def evaluate(self, script: str) -> Any:
        """The JSON value of an expression in the page."""
        answer = self._call("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            raise ValueError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def drag(self, *places: tuple[float, float]) -> None:
        """Press the mouse at the first place of the window, in pixels, and move it to others."""
        kinds = ("mousePressed", *["mouseMoved"] * (len(places) - 1), "mouseReleased")
        for kind, (x, y) in zip(kinds, (*places, places[-1]), strict=True):
            self._call(
                "Input.dispatchMouseEvent",
                type=kind,
                x=x,
                y=y,
                button="left",
                buttons=0 if kind == "mouseReleased" else 1,
                clickCount=1,
            )

    def screenshot(self) -> bytes:
        """A screenshot of the window as a PNG."""
        return base64.b64decode(self._call("Page.captureScreenshot", format="png")["data"])

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write_end, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != number:
            pass
        if "error" in answer:
            raise ValueError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            chunk = os.read(self._read_end, 1 << 20)
            if not chunk:
                raise EOFError("the browser has closed its pipe")
            self._buffer += chunk
        text, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, event: str, found: dict[str, Any]) -> None:
        if event == "Page.lifecycleEvent" and found["name"] == "load":
            self._loaded.add(found["loaderId"])
        elif event == "Network.requestWillBeSent":
            if not found["request"]["url"].startswith("data:"):
                self.requests.append(found["request"]["url"])
        elif event in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.complaints.append(json.dumps(found))


@contextmanager
def chromium(binary: str) -> Iterator[Browser]:
    """Start a browser with a profile of its own, and end it afterwards."""
    to_browser, our_write = os.pipe()
    our_read, from_browser = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", LAUNCHER, str(to_browser), str(from_browser), binary),
                *OPTIONS,
                f"--user-data-dir={profile}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(to_browser, from_browser),
            start_new_session=True,
        )
        os.close(to_browser)
        os.close(from_browser)
        try:
            yield Browser(our_read, our_write)
        finally:
            os.close(our_write)  # upon which the browser ends by itself
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(our_read)
