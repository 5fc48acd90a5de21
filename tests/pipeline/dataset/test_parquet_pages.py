"""Values found through the page index, against Arrow's own reader."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tag2mask.pipeline.dataset.parquet_pages import locate_pages
from tag2mask.pipeline.records import IMAGE
from tag2mask.pipeline.tables.parquet import write_parquet

SCHEMA = pa.schema([("id", pa.string()), ("image", IMAGE)])


def images(count):
    random = np.random.default_rng(0)
    return [random.bytes(int(size)) for size in random.integers(0, 3000, count)]


def stored(data, schema=SCHEMA, sizes=(70, 40)):
    rows = [{"id": str(n), "image": {"bytes": value, "path": "x"}} for n, value in enumerate(data)]
    table, buffer = pa.Table.from_pylist(rows, schema=schema), io.BytesIO()
    write_parquet(
        buffer, schema, [table.slice(*group) for group in zip((0, sizes[0]), sizes, strict=True)]
    )
    return buffer.getvalue()


def reader(raw, log=None):
    def read(start, stop):
        if log is not None:
            log.append((start, stop))
        return raw[start:stop]

    return read


def test_every_value_is_found():
    data = images(110)
    raw = stored(data)
    groups = locate_pages(reader(raw), len(raw), ["image.bytes"])
    found = [
        bytes(groups[group]["image.bytes"].values(reader(raw), row, row)[0])
        for group, count in enumerate((70, 40))
        for row in range(count)
    ]
    expected = pq.read_table(io.BytesIO(raw))["image"].combine_chunks().field("bytes").to_pylist()
    assert found == expected == data


@pytest.mark.parametrize(("first", "last"), [(0, 69), (3, 3), (17, 40), (68, 69)])
def test_rows_side_by_side_are_one_read(first, last):
    data = images(110)
    raw = stored(data)
    pages = locate_pages(reader(raw), len(raw), ["image.bytes"])[0]["image.bytes"]
    log = []
    assert pages.values(reader(raw, log), first, last) == data[first : last + 1]
    assert len(log) == 1


def test_a_large_image_is_read_alone():
    data = [bytes([n]) * 2000 for n in range(110)]
    raw = stored(data)
    pages = locate_pages(reader(raw), len(raw), ["image.bytes"])[0]["image.bytes"]
    log = []
    pages.values(reader(raw, log), 5, 5)
    ((start, stop),) = log
    assert stop - start < 2100


def foreign(**options):
    table = pa.Table.from_pylist(
        [{"id": "a", "image": {"bytes": b"x" * 50, "path": None}}], schema=SCHEMA
    )
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"compression": "none", "use_dictionary": False}, "no page index"),
        ({"write_page_index": True, "compression": "zstd"}, "compressed or encoded"),
        ({"write_page_index": True, "compression": "none"}, "compressed or encoded"),
    ],
)
def test_files_without_plain_indexed_pages_are_refused(options, said):
    raw = foreign(**options)
    with pytest.raises(ValueError, match=said):
        locate_pages(reader(raw), len(raw), ["image.bytes"])


def test_pages_of_another_version_are_refused():
    plain = {"compression": "none", "use_dictionary": False}
    raw = foreign(write_page_index=True, data_page_version="2.0", **plain)
    pages = locate_pages(reader(raw), len(raw), ["image.bytes"])[0]["image.bytes"]
    with pytest.raises(ValueError, match="not of version 1"):
        pages.values(reader(raw), 0, 0)


def test_nulls_are_refused_not_shifted():
    data = images(110)
    data[3] = None
    raw = stored(data)
    pages = locate_pages(reader(raw), len(raw), ["image.bytes"])[0]["image.bytes"]
    page = int(np.searchsorted(pages.rows, 3, side="right")) - 1
    with pytest.raises(ValueError, match=r"holds \d+ images for \d+ rows"):
        pages.values(reader(raw), int(pages.rows[page]), int(pages.rows[page + 1]) - 1)


def test_other_files_and_columns_are_named():
    raw = stored(images(110))
    with pytest.raises(ValueError, match=r"no column mask\.bytes"):
        locate_pages(reader(raw), len(raw), ["mask.bytes"])
    with pytest.raises(ValueError, match="not a Parquet file"):
        locate_pages(reader(bytes(100)), 100, ["image.bytes"])
