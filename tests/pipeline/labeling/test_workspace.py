"""A workspace without a recipe: it makes a table once and finds it again."""

import dataclasses

import pyarrow as pa
import pytest

from tag2mask.pipeline.engine.base import StageSpec
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.workspace import TableSpec, Workspace, base_key
from tag2mask.pipeline.tables.scan import Scan
from tests.pipeline.small_tables import SHARDS, images_table
from tests.pipeline.toys import SilentReporter

COUNT = 7
SCHEMA = pa.schema([("id", pa.string()), ("double", pa.int64()), ("error", pa.string())])
SPEC = TableSpec(name="tables/doubled", schema=SCHEMA, key="k" * 64, shards=SHARDS)


class DoubleWidth:
    """Adds twice the width; rows of some widths fail."""

    calls = 0

    def __init__(self, bad=()):
        self.bad = set(bad)

    def __call__(self, rows):
        type(self).calls += len(rows)
        if any(row["width"] in self.bad for row in rows):
            raise ValueError("too wide")
        return [{**row, "double": 2 * row["width"]} for row in rows]


@pytest.fixture
def space(tmp_path):
    return Workspace(str(tmp_path / "run"), LocalEngine(1), SilentReporter())


@pytest.fixture
def source(tmp_path):
    return Scan(images_table(tmp_path, COUNT), columns=["width"])


def test_a_table_is_made_once(space, source):
    table = space.make_table(SPEC, source, [StageSpec(DoubleWidth)])
    assert table.uri == space.table_uri("tables/doubled")
    assert table.manifest.kind == SPEC.kind == "doubled"
    assert sorted(row["double"] for row in table.rows()) == [2 * (20 + n) for n in range(COUNT)]
    calls = DoubleWidth.calls
    assert space.make_table(SPEC, source, [StageSpec(DoubleWidth)]).manifest == table.manifest
    assert DoubleWidth.calls == calls
    other = dataclasses.replace(SPEC, key="l" * 64)
    space.make_table(other, source, [StageSpec(DoubleWidth)])
    assert DoubleWidth.calls == calls + COUNT


def test_rows_that_fail_are_reported(space, source):
    stage = StageSpec(DoubleWidth, {"bad": [20, 21]})
    table = space.make_table(SPEC, source, [stage])
    assert sum(bool(row["error"]) for row in table.rows()) == 2
    assert space.reporter.said[-1].startswith(f"doubled: 2 of {COUNT} failed, most often because")


def test_a_table_whose_rows_all_fail_is_removed(space, source):
    stage = StageSpec(DoubleWidth, {"bad": range(20, 20 + COUNT)})
    with pytest.raises(UserError, match=rf"'doubled' failed on all of {COUNT} images.*too wide"):
        space.make_table(SPEC, source, [stage])
    assert "manifest.json" not in space.folder.folder("tables/doubled").sizes()


def test_the_key_of_a_base(space, source):
    table = space.make_table(SPEC, source, [StageSpec(DoubleWidth)])
    assert base_key(None) == {}
    assert base_key(table) == {"base": SPEC.key}
