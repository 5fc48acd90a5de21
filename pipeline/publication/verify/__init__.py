"""Checking a published dataset: every file, every row, every mask."""

from tag2mask.pipeline.publication.verify.check import verify
from tag2mask.pipeline.publication.verify.issue import Issue

__all__ = ["Issue", "verify"]
