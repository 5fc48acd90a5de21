"""The package's log lines in Prefect's UI, beside the flow run that wrote them."""

from __future__ import annotations

import logging

from prefect.logging.handlers import APILogHandler
from prefect.settings import PREFECT_API_URL

from tag2mask.flows.console import LOGGER
from tag2mask.flows.progress import build_reporter
from tag2mask.pipeline.progress import Reporter


def flow_reporter() -> Reporter:
    """The reporter of a flow run, whose lines reach the server's UI, too."""
    reporter = build_reporter()
    send_logs_to_server()
    return reporter


def send_logs_to_server() -> None:
    """Sends the log to a Prefect server as well; a run without one has nobody to read it.

    Lines that are written outside of a flow run stay on the console, see the default of
    ``PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW`` in :mod:`tag2mask.flows.environment`.
    """
    logger = logging.getLogger(LOGGER)
    sends = any(isinstance(handler, APILogHandler) for handler in logger.handlers)
    if PREFECT_API_URL.value() and not sends:
        logger.addHandler(APILogHandler())
