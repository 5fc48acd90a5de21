"""Prefect servers on this machine for as long as they are needed, if none is configured.

Prefect embeds a server of its own into a single flow run. It has no scheduler, so ``serve`` starts
a whole one.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.settings import (
    PREFECT_API_URL,
    PREFECT_SERVER_ALLOW_EPHEMERAL_MODE,
    temporary_settings,
)

from tag2mask.pipeline.engine.child_processes import terminal_signals_blocked
from tag2mask.pipeline.errors import UserError

HOST = "127.0.0.1"
PORT = 4200
START_SECONDS = 180.0


def embed_server() -> None:
    """Starts the server that Prefect embeds, unless it runs, or another one is configured.

    Prefect would start it by itself, within reach of the terminal's signals: Ctrl-C would end it
    before the flow, which then waits for a server that is gone.
    """
    if PREFECT_API_URL.value() or not PREFECT_SERVER_ALLOW_EPHEMERAL_MODE.value():
        return
    from prefect.server.api.server import SubprocessASGIServer  # takes seconds to import

    with terminal_signals_blocked():
        SubprocessASGIServer().start()


@contextmanager
def prefect_api() -> Iterator[str]:
    """The address of the API: that of ``PREFECT_API_URL``, or of a server started here.

    Raises:
        UserError: If the server does not answer.
    """
    configured = PREFECT_API_URL.value()
    if configured:
        if not _answers(configured):
            raise UserError(
                f"no Prefect server answers at {configured}: start it, or unset PREFECT_API_URL "
                "and one is started here"
            )
        yield configured
        return
    port = _free_port()
    url = f"http://{HOST}:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", HOST]
    environment = {**os.environ, "PREFECT_API_URL": url}
    with subprocess.Popen(
        [*command, "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # out of reach of the terminal's signals
    ) as server:
        try:
            _wait_for(url, server)
            with temporary_settings({PREFECT_API_URL: url}):
                yield url
        finally:
            server.terminate()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _wait_for(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while not _answers(url):
        if server.poll() is not None or time.monotonic() > end:
            raise UserError(
                "the Prefect server could not be started: start one by `prefect server start` "
                "and set PREFECT_API_URL to its address"
            )
        time.sleep(0.5)


def _free_port() -> int:
    """Prefect's own port if it is free, else any."""
    for port in (PORT, 0):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise UserError(f"no port is free on {HOST}")
