"""Ray's dashboard: off, unless the environment variable ``TAG2MASK_RAY_DASHBOARD`` asks for it."""

from __future__ import annotations

import logging
import os
from importlib import import_module
from typing import Any

from tag2mask.pipeline.errors import UserError

__all__ = ["VARIABLE", "show_address", "wants_dashboard"]

logger = logging.getLogger("tag2mask")

VARIABLE = "TAG2MASK_RAY_DASHBOARD"
VALUES = {"": False, "0": False, "off": False, "no": False, "false": False}
VALUES |= {"1": True, "on": True, "yes": True, "true": True}


def wants_dashboard() -> bool:
    """Whether a Ray that is started on this machine shall have its dashboard.

    Raises:
        UserError: If the variable has an unknown value, or packages of the dashboard are missing.
    """
    value = os.environ.get(VARIABLE, "").strip().lower()
    if value not in VALUES:
        raise UserError(f"unknown value {value!r} of {VARIABLE}; choose one of on, off")
    if VALUES[value]:
        try:
            import_module("ray.dashboard.optional_deps")
        except ImportError as error:
            raise UserError(
                f"Ray's dashboard needs more packages ({error}): pip install 'ray[default]', or "
                f"unset {VARIABLE}"
            ) from error
    return VALUES[value]


def show_address(started: Any) -> None:  # noqa: ANN401 - Ray's context, of two kinds
    """Writes a log line with the dashboard's address, if Ray has one.

    Args:
        started: What ``ray.init`` returned.
    """
    if address := getattr(started, "dashboard_url", None):
        logger.info("Ray's dashboard: http://%s", address)
