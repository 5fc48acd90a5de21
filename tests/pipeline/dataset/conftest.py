"""One published dataset for all tests of reading."""

import multiprocessing

import pytest

from tag2mask.pipeline.tables.table import Table
from tests.pipeline.published import publish_toys

COUNT = 130  # two row groups


@pytest.fixture(scope="session")
def dataset(tmp_path_factory) -> Table:
    return publish_toys(tmp_path_factory.mktemp("dataset"), COUNT, shards=1)


@pytest.fixture(scope="session")
def expected(dataset) -> list[dict]:
    """All rows, as the table reads them."""
    return list(dataset.rows())


@pytest.fixture(autouse=True, scope="module")
def _workers_of_a_clean_process():
    """Processes forked after a Prefect flow ran here exit with 1: fork them elsewhere."""
    before = multiprocessing.get_start_method(allow_none=True)
    multiprocessing.set_forkserver_preload(["tag2mask.pipeline.dataset"])
    multiprocessing.set_start_method("forkserver", force=True)
    yield
    multiprocessing.set_start_method(before, force=True)
