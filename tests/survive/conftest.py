"""A folder of its own in the object store for every test."""

from __future__ import annotations

import pytest

from tests.object_store import BUCKET, Server

__all__ = ["BUCKET", "Server"]


@pytest.fixture
def bucket(s3: Server, request: pytest.FixtureRequest) -> str:
    """A fresh place in the bucket: ``s3://…``."""
    return f"s3://{BUCKET}/{request.node.name}"
