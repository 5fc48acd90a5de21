"""The table of methods, its chart, and how well the order of the published one is kept."""

import io

import pytest
from PIL import Image

from tag2mask.pipeline.benchmarks.method_chart import method_chart
from tag2mask.pipeline.benchmarks.method_table import (
    MethodRow,
    load_methods,
    methods_markdown,
    order_agreement,
    save_methods,
)
from tag2mask.pipeline.tables.storage import Folder


def row(name, miou, published=None, supervision="tags", mark=""):
    return MethodRow(
        name=name,
        supervision=supervision,
        miou=miou,
        published=published,
        mark=mark,
        seconds=0.25,
        parameters=2_500_000,
    )


ROWS = [
    row("pspnet", 0.7, 82.6, "masks"),
    row("deeplab_v2", 0.71, 79.7, "masks", "‡"),
    row("mil_fcn", 0.2, 24.9),
    row("sec", 0.5, 51.7),
    row("stc", 0.6, 51.2),
    row("new", 0.9),
]


def test_the_table_as_it_is_printed():
    lines = methods_markdown(ROWS).splitlines()
    assert lines[2] == "| pspnet | masks | 70.0 | 82.6 | 0.25 | 2.5 |"
    assert lines[3] == "| deeplab_v2 | masks | 71.0 | 79.7‡ | 0.25 | 2.5 |"
    assert lines[7] == "| new | tags | 90.0 | – | 0.25 | 2.5 |"
    assert lines[-1].endswith("order: 0.50")


def test_the_order_of_weak_methods_alone_counts():
    assert order_agreement(ROWS) == pytest.approx(0.5)
    assert order_agreement(ROWS[:4]) is None


def test_rows_survive_the_file(tmp_path):
    folder = Folder(str(tmp_path))
    assert load_methods(folder) == []
    save_methods(folder, ROWS)
    assert load_methods(folder) == ROWS


def test_the_chart_grows_with_the_methods():
    small, large = (
        Image.open(io.BytesIO(method_chart(rows, "6 classes"))) for rows in (ROWS[:2], ROWS)
    )
    assert small.format == "PNG"
    assert large.height > small.height
    assert large.width == small.width
