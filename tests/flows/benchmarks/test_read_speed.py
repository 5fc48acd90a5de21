"""The benchmark of reading: every reader sees every row, and the table says who is who."""

from pathlib import Path

import pytest

from tag2mask.flows.benchmarks.read_speed import (
    FolderPairs,
    Rate,
    forget,
    measure,
    rates_markdown,
    reading,
    write_files,
)
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import decode_mask
from tests.pipeline.published import publish_toys

COUNT = 12


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return publish_toys(tmp_path_factory.mktemp("reading"), COUNT)


def test_the_folder_holds_the_same_bytes(dataset, tmp_path):
    files = write_files(dataset, tmp_path)
    forget(files)
    pairs = FolderPairs(tmp_path)
    assert len(pairs) == COUNT == len(files) // 2
    rows = {row["id"]: row for row in dataset.rows()}
    for number, path in enumerate(pairs.images):
        row = rows[path.stem]
        assert path.read_bytes() == row["image"]["bytes"]
        assert (pairs[number][1].numpy() == decode_mask(row["mask"]["bytes"])).all()


def test_all_readers_are_measured(dataset, tmp_path, monkeypatch):
    monkeypatch.setattr("tag2mask.flows.benchmarks.read_speed.REPEATS", 1)
    lines = reading(dataset.uri, str(tmp_path), workers=0).splitlines()
    assert lines[0].startswith(f"{COUNT} images and masks, 0 workers")
    named = [tuple(cell.strip() for cell in line.split("|")[1:3]) for line in lines[4:]]
    assert named == [
        ("shuffled", "folder"),
        ("shuffled", "MaskDataset"),
        ("shuffled", "MaskStream"),
        ("shuffled", "datasets"),
        ("streamed", "folder"),
        ("streamed", "MaskStream"),
        ("streamed", "datasets"),
    ]


def test_a_reader_that_misses_rows_is_found():
    with pytest.raises(ValueError, match="folder shuffled found 3 of 4"):
        measure({("folder", "shuffled"): lambda: [2, 1]}, {("folder", "shuffled"): []}, 4)


def test_rates_are_compared_in_their_order():
    rates = [
        Rate("folder", "shuffled", 100, 200),
        Rate("folder", "streamed", 400, 400),
        Rate("MaskStream", "streamed", 800, 600),
    ]
    assert "| streamed | MaskStream | 800 (2.00 ×) | 600 (1.50 ×) |" in rates_markdown(rates, 10, 2)


def test_only_local_datasets_are_measured(tmp_path):
    uri = f"memory://{tmp_path.name}"
    publish_toys(uri, 4)
    with pytest.raises(UserError, match="not on a local disk"):
        reading(f"{uri}/dataset", str(Path(tmp_path, "out")))
