"""The page and its photos, served to this machine alone."""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from urllib.parse import parse_qs, urlsplit

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.systems.paint.drawing import LARGEST, PaintModel
from tag2mask.pipeline.systems.paint.page import paint_page

ADDRESS = "127.0.0.1"
NAMES = (ADDRESS, "localhost")
BYTES, TEXT = "application/octet-stream", "text/plain; charset=utf-8"
PATIENCE = 30.0  # seconds that a client may take to send


class PaintServer(ThreadingHTTPServer):
    """Serves a model's page, and photos of the drawings that the page sends.

    Other pages in the same browser can reach a loopback address too, and are kept out. A request
    must name this server as its host, because other names may point here as well (DNS
    rebinding). And it must come from no other page.

    Args:
        model: The system that makes the photos.
        port: The port to listen on; 0 for any free port.

    Raises:
        UserError: If the port is taken.
    """

    daemon_threads = True

    def __init__(self, model: PaintModel, port: int = 0) -> None:
        self.model = model
        self.page, self.policy = paint_page(model)
        try:
            super().__init__((ADDRESS, port), _Handler)
        except (OSError, OverflowError) as error:
            raise UserError(
                f"cannot listen on port {port}: {error}; choose another one by --port"
            ) from error

    def server_bind(self) -> None:
        """Binds without a look-up of the address's name, which may take long."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    @property
    def address(self) -> str:
        """The page's URL."""
        return f"http://{ADDRESS}:{self.server_port}/"

    def is_own(self, host: str | None) -> bool:
        """Whether a host, as a browser names it, is this server."""
        return host in {f"{name}:{self.server_port}" for name in NAMES}


class _Handler(BaseHTTPRequestHandler):
    server: PaintServer
    timeout = PATIENCE

    def do_GET(self) -> None:
        if not self._is_invited():
            return
        if urlsplit(self.path).path != "/":
            self._refuse(HTTPStatus.NOT_FOUND, "there is nothing here but the page at /")
            return
        self._answer(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page)

    def do_POST(self) -> None:
        if not self._is_invited():
            return
        address = urlsplit(self.path)
        if address.path != "/image":
            self._refuse(HTTPStatus.NOT_FOUND, "drawings are sent to /image")
            return
        if self.headers.get("Content-Type") != BYTES:
            # A form of another page cannot have this type without a preflight request.
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"a drawing is sent as {BYTES}")
            return
        length = self._length()
        if length is None:
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "a drawing is sent with its length")
            return
        if length > self.server.model.body_size(LARGEST, LARGEST):
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "the drawing is too large")
            return
        drawing = self.rfile.read(length)
        try:
            height, width, seed = _numbers(address.query, "height", "width", "seed")
            image = self.server.model.image(drawing, height, width, seed)
        except ValueError as error:
            self._answer(HTTPStatus.BAD_REQUEST, TEXT, str(error).encode())
            return
        self._answer(HTTPStatus.OK, "image/png", image)

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing, because a line for every stroke would flood the terminal."""

    def _is_invited(self) -> bool:
        origin = self.headers.get("Origin")
        own = self.server.is_own(self.headers.get("Host"))
        if own and (origin is None or self.server.is_own(origin.removeprefix("http://"))):
            return True
        self._refuse(HTTPStatus.FORBIDDEN, f"this page is at {self.server.address} alone")
        return False

    def _length(self) -> int | None:
        """The number of bytes after the headers, if the headers give it."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None

    def _refuse(self, status: HTTPStatus, sentence: str) -> None:
        """Answers with an error and discards the body."""
        self._answer(status, TEXT, sentence.encode())
        # A connection closed with unread bytes would be reset, and the answer lost.
        if (length := self._length()) and length <= self.server.model.body_size(LARGEST, LARGEST):
            self.rfile.read(length)

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": self.server.policy,
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _numbers(query: str, *names: str) -> list[int]:
    """The whole numbers of a query, 0 for missing ones.

    Raises:
        ValueError: If one is not a whole number from 0 to 2^31.
    """
    found = parse_qs(query)
    numbers = []
    for name in names:
        text = found.get(name, ["0"])[-1]
        if not (text.isascii() and text.isdigit() and len(text) < 11 and int(text) < 2**31):
            raise ValueError(f"{name}={text!r} is no whole number")
        numbers.append(int(text))
    return numbers
