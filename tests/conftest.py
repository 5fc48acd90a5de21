"""The settings of every test: no telemetry, one thread for each process, a logger as imported."""

import logging
import os

import pytest

# Set before any test imports what reads them; torch, NumPy and Ray look once, on import.
os.environ["DO_NOT_TRACK"] = "1"  # Prefect's client, Hugging Face
os.environ["PREFECT_SERVER_ANALYTICS_ENABLED"] = "false"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ.setdefault("OMP_NUM_THREADS", "1")

from tests.object_store import s3  # noqa: F401 - one store for all tests


@pytest.fixture(autouse=True)
def _logger_as_imported():
    """A command that a test runs, or a library's logging, changes nothing for the next test."""
    logger = logging.getLogger("tag2mask")
    logger.handlers[:] = []
    logger.setLevel(logging.NOTSET)
    logger.propagate, logger.disabled = True, False
    return logger
