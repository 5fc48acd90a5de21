"""The package's log lines and progress in Prefect's UI, beside the flow run that they are of."""

from __future__ import annotations

import logging

from prefect.logging.handlers import APILogHandler
from prefect.runtime import flow_run
from prefect.settings import PREFECT_API_URL

from tag2mask.flows.artifacts import key_of
from tag2mask.flows.console import LOGGER
from tag2mask.flows.progress import build_reporter
from tag2mask.flows.server_progress import ServerReporter
from tag2mask.pipeline.progress import Reporter


def flow_reporter() -> Reporter:
    """The reporter of a flow run; where a server is configured, its UI gets everything, too."""
    reporter = build_reporter()
    send_logs_to_server()
    if not PREFECT_API_URL.value():
        return reporter
    out = str(flow_run.parameters.get("out", ""))
    return ServerReporter(reporter, lambda step: key_of(f"progress-{step}", out))


def send_logs_to_server() -> None:
    """Sends the log to a Prefect server as well; a run without one has nobody to read it.

    Lines that are written outside of a flow run stay on the console, see the default of
    ``PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW`` in :mod:`tag2mask.flows.environment`.
    """
    logger = logging.getLogger(LOGGER)
    sends = any(isinstance(handler, APILogHandler) for handler in logger.handlers)
    if PREFECT_API_URL.value() and not sends:
        logger.addHandler(APILogHandler())
