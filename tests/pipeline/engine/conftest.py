"""Fixtures of all engine tests."""

from __future__ import annotations

import pytest

from tag2mask.pipeline.tables.table import Table
from tests.pipeline.engine.base_engine import COUNT
from tests.pipeline.small_tables import images_table


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Table:
    """An images table that no test changes."""
    return images_table(tmp_path_factory.mktemp("images"), COUNT)
