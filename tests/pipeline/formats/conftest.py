"""The dataset of awkward masks that the tests of exports share."""

import pytest

from tag2mask.pipeline.tables.table import Table
from tests.pipeline.formats.masks import dataset


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return dataset(tmp_path_factory.mktemp("export"))
