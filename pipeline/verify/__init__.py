"""Checking a published dataset: every file, every row, every mask."""

from pipeline.verify.check import verify
from pipeline.verify.fault import Fault

__all__ = ["Fault", "verify"]
