"""A real S3 server on loopback."""

from __future__ import annotations

import os
from collections.abc import Iterator

import fsspec
import pytest

BUCKET = "tag2mask"


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of an S3 server that speaks HTTP, for this process and those it starts.

    Nothing but the usual environment variables leads to it, as in a user's shell.
    """
    server = pytest.importorskip("moto.server").ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            patch.setitem(os.environ, name, value)
        fsspec.filesystem("s3").mkdir(BUCKET)
        yield address
        fsspec.get_filesystem_class("s3").clear_instance_cache()
    server.stop()


@pytest.fixture
def bucket(s3_server: str, request: pytest.FixtureRequest) -> str:
    """A fresh place in the bucket: ``s3://…``."""
    return f"s3://{BUCKET}/{request.node.name}"
