"""Filters agree with the same condition on whole rows, and read no image."""

import pyarrow as pa
import pytest

from tag2mask.pipeline.dataset import MaskDataset, RowFilter
from tag2mask.pipeline.dataset.byte_ranges import Ranges
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.publication.publish import ADDED_COLUMNS as ADDED
from tag2mask.pipeline.publication.publish import dataset_schema
from tests.pipeline.published import last_row
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import CLASSES, images_table


def values(names):
    return {CLASSES.index(name) + 1 for name in names}


def of_tag(row, name, absent):
    """The confidence of a tag, or another value for an image without the tag."""
    found = dict(zip(row["tags"], row["class_confidence"], strict=True))
    return found.get(CLASSES.index(name) + 1, absent)


CASES = {
    "tags": (RowFilter(tags=("dog",)), lambda row: values(["dog"]) & {*row["tags"]}),
    "any tag": (
        RowFilter(tags=("dog", "bird")),
        lambda row: values(["dog", "bird"]) & {*row["tags"]},
    ),
    "classes": (RowFilter(classes=("cat",)), lambda row: values(["cat"]) & {*row["classes"]}),
    "confidence": (RowFilter(confidence=0.7), lambda row: row["object_confidence"] > 0.699),
    "confidence of a class": (
        RowFilter(confidence={"cat": 0.9}),
        lambda row: of_tag(row, "cat", 1.0) > 0.899,
    ),
    "confidence of the other classes": (
        RowFilter(confidence={"cat": 0.9, "*": 0.6}),
        lambda row: (
            of_tag(row, "cat", 1.0) > 0.899
            and min(of_tag(row, name, 1.0) for name in CLASSES[1:]) > 0.599
        ),
    ),
    "class confidence": (
        RowFilter(class_confidence=0.8),
        lambda row: min(row["confidence"], default=1) > 0.79,
    ),
    "round": (RowFilter(rounds=(1,)), lambda row: row["round"] == 1),
    "source": (RowFilter(sources=("human",)), lambda row: row["source"] == "human"),
    "flags": (RowFilter(without=("uncertain",)), lambda row: "uncertain" not in row["flags"]),
    "together": (
        RowFilter(tags=("cat",), confidence=0.6, sources=("powerful", "human")),
        lambda row: values(["cat"]) & {*row["tags"]} and row["object_confidence"] > 0.599,
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
        (RowFilter(confidence={"zebra": 0.5}), "unknown class 'zebra'"),
    ],
)
def test_impossible_filters_are_errors(dataset, where, said):
    with pytest.raises(UserError, match=said):
        MaskDataset(dataset.uri, where=where)


def test_a_dataset_of_version_0_1_is_filtered_by_probabilities(tmp_path):
    images = images_table(tmp_path, 30)
    schema = pa.schema([field for field in dataset_schema(CLASSES) if field.name not in ADDED])
    old = writer(tmp_path, "dataset", schema, metadata=images.metadata, shards=images.shards)
    numbered = {row["id"]: n for n, row in enumerate(images.rows(["id"]))}
    rows = [
        {**row, **last_row(numbered[row["id"]], row), "round": 3, "flags": [], "ignored": 0.0}
        for row in images.rows()
    ]
    rows[4]["tags"] = [1, 2, 3]
    old.stage(rows)
    uri = old.commit().uri
    found = MaskDataset(uri, where=RowFilter(confidence={"dog": 0.8, "*": 0.6})).rows
    wanted = []
    for row in rows:
        shown = dict(zip(row["classes"], row["confidence"], strict=True))
        least = {1: 0.6, 2: 0.8, 3: 0.6}
        if all(shown.get(tag, 0.0) > least[tag] - 1e-6 for tag in row["tags"]):
            wanted.append(row["id"])
    assert sorted(found.columns["id"].to_pylist()) == sorted(wanted)
    assert 0 < len(wanted) < len(rows)
