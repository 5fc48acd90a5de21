"""A web server on loopback with answers of every kind, for tests of downloads."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread


class Web(ThreadingHTTPServer):
    """Serves ``pages``, and answers under ``/status/<code>``, ``/slow`` and so on.

    Attributes:
        pages: Bodies by path.
        redirects: Targets by path.
        asked: How often each path was asked for.
        most_at_once: The most requests that were open at a time.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pages: dict[str, bytes] = {}
        self.redirects: dict[str, str] = {}
        self.asked: Counter[str] = Counter()
        self.lock = Lock()
        self.open_now = self.most_at_once = 0
        self.stopping = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what the tests are about."""


class Handler(BaseHTTPRequestHandler):
    server: Web
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.asked[self.path] += 1
            self.server.open_now += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.open_now)
        try:
            self.answer()
        finally:
            with self.server.lock:
                self.server.open_now -= 1
            self.close_connection = True

    def answer(self) -> None:
        path = self.path
        kind = path.split("/")[1]
        special = {
            "drip": self.drip,
            "silent": self.silent,
            "endless": self.endless,
            "cut": self.cut,
        }
        if path in self.server.redirects:
            self.head(302, Location=self.server.redirects[path])
        elif kind in special:
            special[kind]()
        elif kind == "status":
            self.head(int(path.split("/")[2]))
        elif kind == "flaky" and self.server.asked[path] == 1:
            self.head(500)
        else:
            time.sleep(0.05 if kind == "busy" else 0)
            data = self.server.pages.get(path.removeprefix("/flaky").removeprefix("/busy"))
            self.head(404 if data is None else 200, length=len(data or b""))
            self.wfile.write(data or b"")

    def drip(self) -> None:
        """A byte now and then: no single wait is long."""
        self.head(200, length=10**6)
        while not self.server.stopping:
            self.wfile.write(b"x")
            time.sleep(0.02)

    def silent(self) -> None:
        while not self.server.stopping:
            time.sleep(0.02)

    def endless(self) -> None:
        self.head(200, length=None)
        while not self.server.stopping:
            self.wfile.write(b"x" * 65536)

    def cut(self) -> None:
        self.head(200, length=1000)
        self.wfile.write(b"x" * 10)

    def head(self, status: int, length: int | None = 0, **headers: str) -> None:
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@contextmanager
def serving() -> Iterator[Web]:
    """A server that runs while the context is open."""
    with Web() as web:
        thread = Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield web
        finally:
            web.stopping = True
            web.shutdown()
            thread.join()
