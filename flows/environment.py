"""Environment of the orchestrators, set before Prefect and Ray are imported.

Usage reporting is off unless a user has switched it on. Prefect logs nothing by itself: the command
line prints errors in a sentence, and progress has its own reporter.
"""

from __future__ import annotations

import os

DEFAULTS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
    # Its background services log at exit under names of their own.
    "PREFECT_LOGGING_ROOT_LEVEL": "ERROR",
    "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
    # The embedded server starts slowly on a machine that is busy; 20 s are not enough.
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
}


def set_defaults() -> None:
    """Sets the variables that are not set yet."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
