"""A real S3 server on loopback, which can be made to fail for a while."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import fsspec
import pytest

BUCKET = "tag2mask"
_ERROR = b"<Error><Code>InternalError</Code><Message>We are not well.</Message></Error>"


class Server:
    """An S3 server that speaks HTTP.

    Attributes:
        address: Its URL.
        failures: How many requests it has refused.
    """

    def __init__(self) -> None:
        from moto.moto_server.werkzeug_app import (
            DomainDispatcherApplication,
            create_backend_app,
        )
        from werkzeug.serving import WSGIRequestHandler, make_server

        class Quiet(WSGIRequestHandler):
            def log(self, type: str, message: str, *args: object) -> None:
                pass

        self._app = DomainDispatcherApplication(create_backend_app)
        self._ill_until = 0.0
        self.failures = 0
        server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=Quiet)
        self.address = f"http://127.0.0.1:{server.server_port}"
        self.close = server.shutdown
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def fail_for(self, seconds: float) -> None:
        """Answer every request with an error for a while."""
        self._ill_until = time.monotonic() + seconds

    def _answer(self, environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if time.monotonic() < self._ill_until:
            self.failures += 1
            # What is not read would be taken for the next request.
            environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            start("500 Internal Server Error", [("Content-Type", "application/xml")])
            return [_ERROR]
        return self._app(environ, start)


@pytest.fixture(scope="session")
def s3() -> Iterator[Server]:
    """An S3 server for this process and those it starts.

    Nothing but the usual environment variables leads to it, as in a user's shell.
    """
    pytest.importorskip("s3fs")
    server = Server()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": server.address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            # The client's own patience would hide ours.
            "AWS_MAX_ATTEMPTS": "1",
        }.items():
            patch.setitem(os.environ, name, value)
        fsspec.filesystem("s3").mkdir(BUCKET)
        yield server
        fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.close()
