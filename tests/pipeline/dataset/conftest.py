"""One published dataset for all tests of reading."""

import pytest

from pipeline.table import Table
from tests.pipeline.published import publish_toys

COUNT = 130  # two row groups


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Table:
    return publish_toys(tmp_path_factory.mktemp("dataset"), COUNT, shards=1)


@pytest.fixture(scope="session")
def expected(dataset) -> list[dict]:
    """All rows, as the table reads them."""
    return list(dataset.rows())
