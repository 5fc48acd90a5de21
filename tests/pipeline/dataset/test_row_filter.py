"""Filters agree with the same condition on whole rows, and read no image."""

import pytest

from tag2mask.pipeline.dataset import MaskDataset, RowFilter
from tag2mask.pipeline.dataset.byte_ranges import Ranges
from tag2mask.pipeline.errors import UserError
from tests.pipeline.toys import CLASSES


def values(names):
    return {CLASSES.index(name) + 1 for name in names}


CASES = {
    "tags": (RowFilter(tags=("dog",)), lambda row: values(["dog"]) & {*row["tags"]}),
    "any tag": (
        RowFilter(tags=("dog", "bird")),
        lambda row: values(["dog", "bird"]) & {*row["tags"]},
    ),
    "classes": (RowFilter(classes=("cat",)), lambda row: values(["cat"]) & {*row["classes"]}),
    "confidence": (RowFilter(confidence=0.7), lambda row: row["mask_confidence"] > 0.69),
    "class confidence": (
        RowFilter(class_confidence=0.8),
        lambda row: min(row["confidence"], default=1) > 0.79,
    ),
    "round": (RowFilter(rounds=(1,)), lambda row: row["round"] == 1),
    "source": (RowFilter(sources=("human",)), lambda row: row["source"] == "human"),
    "flags": (RowFilter(without=("uncertain",)), lambda row: "uncertain" not in row["flags"]),
    "together": (
        RowFilter(tags=("cat",), confidence=0.6, sources=("powerful", "human")),
        lambda row: values(["cat"]) & {*row["tags"]} and row["mask_confidence"] > 0.59,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_wanted_rows_alone_are_there(dataset, expected, name):
    where, condition = CASES[name]
    wanted = [row["id"] for row in expected if condition(row)]
    assert 0 < len(wanted) <= len(expected)
    found = MaskDataset(dataset.uri, where=where)
    assert found.rows.columns["id"].to_pylist() == wanted
    assert found[len(wanted) - 1]["id"] == wanted[-1]


def test_images_are_not_read(dataset, monkeypatch):
    images = sum(
        len(row["image"]["bytes"]) + len(row["mask"]["bytes"])
        for row in dataset.rows(["image", "mask"])
    )
    read = []
    original = Ranges.read

    def counted(self, name, start, stop):
        read.append(stop - start)
        return original(self, name, start, stop)

    monkeypatch.setattr(Ranges, "read", counted)
    samples = MaskDataset(dataset.uri, where=RowFilter(confidence=0.9, tags=("dog",)))
    assert sum(read) < images / 20
    opened = len(read)
    samples[0]
    assert len(read) == opened + 2
    assert sum(read[opened:]) < 2 * images / dataset.manifest.rows


@pytest.mark.parametrize(
    ("where", "said"),
    [
        (RowFilter(tags=("zebra",)), "unknown class 'zebra'"),
        (RowFilter(without=("ugly",)), "unknown quality flag 'ugly'"),
        (RowFilter(rounds=(9,)), "no row of .* passes the filter"),
    ],
)
def test_impossible_filters_are_errors(dataset, where, said):
    with pytest.raises(UserError, match=said):
        MaskDataset(dataset.uri, where=where)
