"""Hugging Face data sets on disk, written by hand and by the library itself."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pyarrow as pa
import pytest
from PIL import Image

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.records import IMAGE
from tag2mask.pipeline.sources import open_source
from tests.pipeline.ingestion.test_ingest import jpeg
from tests.pipeline.sources.base_source import TableSourceTests, Tagged, listed, put


def stream(table: pa.Table, rows: int = 2) -> bytes:
    buffer = io.BytesIO()
    with pa.ipc.new_stream(buffer, table.schema) as writer:
        writer.write_table(table, max_chunksize=rows)
    return buffer.getvalue()


class TestHuggingFace(TableSourceTests):
    kind = "huggingface"

    def holder(self, path: str) -> str:
        return "data-00000-of-00001.arrow"

    def lay_out(self, folder: str, images: Tagged) -> None:
        rows = [{"bytes": name.encode(), "path": name} for name in images]
        tags = pa.array(list(map(list, images.values())), pa.list_(pa.string()))
        table = pa.table({"tags": tags, "image": pa.array(rows, IMAGE)})
        put(folder, self.holder(""), stream(table))
        put(folder, "cache-1234.arrow", b"what map and filter leave")
        put(
            folder,
            "state.json",
            json.dumps({"_data_files": [{"filename": self.holder("")}]}).encode(),
        )

    @pytest.mark.parametrize("text", ["{", "{}", '{"_data_files": 3}', '{"_data_files": [{}]}'])
    def test_a_state_at_fault_is_one_sentence(self, folder: str, text: str) -> None:
        self.lay_out(folder, self.images)
        put(folder, "state.json", text.encode())
        with pytest.raises(
            UserError, match=r"cannot read state\.json of .*save the data set again"
        ):
            list(open_source(folder).images())

    def test_files_outside_are_not_opened(self, tmp_path: Path) -> None:
        folder = str(tmp_path / "source")
        self.lay_out(folder, self.images)
        (tmp_path / "outside.arrow").write_bytes(
            (tmp_path / "source" / self.holder("")).read_bytes()
        )
        put(folder, "state.json", b'{"_data_files": [{"filename": "../outside.arrow"}]}')
        with pytest.raises(UserError, match=r"a path with '\.\.'"):
            list(open_source(folder).images())

    def test_a_cut_stream_is_one_sentence(self, tmp_path: Path) -> None:
        self.lay_out(str(tmp_path), self.images)
        file = tmp_path / self.holder("")
        file.write_bytes(file.read_bytes()[:-120])
        with pytest.raises(UserError, match=r"cannot read data-00000-of-00001\.arrow of"):
            list(open_source(str(tmp_path)).images())


@pytest.mark.parametrize("form", ["save_to_disk", "to_parquet"])
def test_what_datasets_writes(tmp_path: Path, form: str) -> None:
    datasets = pytest.importorskip("datasets")
    label = datasets.ClassLabel(names=["cat", "dog"])
    made = datasets.Dataset.from_dict(
        {
            "image": [{"bytes": jpeg(n), "path": f"{n}.jpg"} for n in range(5)],
            "label": [0, 1, 0, 1, 1],
        },
        features=datasets.Features({"image": datasets.Image(), "label": label}),
    )
    if form == "save_to_disk":
        datasets.DatasetDict({"train": made, "test": made.select([0])}).save_to_disk(
            tmp_path / "set"
        )
    else:
        (tmp_path / "set" / "data").mkdir(parents=True)
        made.to_parquet(tmp_path / "set" / "data" / "train-00000-of-00001.parquet")
        made.select([0]).to_parquet(tmp_path / "set" / "data" / "test-00000-of-00001.parquet")
    source = open_source(str(tmp_path / "set"))
    assert source.kind == ("huggingface" if form == "save_to_disk" else "parquet")
    assert [file.split for file in source.images()].count("train") == 5
    found = ingest(source, split="train")
    rows = {row["image"]["path"]: row for row in found.rows()}
    assert {path: found.classes.name(row["tags"][0]) for path, row in rows.items()} == {
        f"{n}.jpg": label.int2str(int(made[n]["label"])) for n in range(5)
    }
    with Image.open(io.BytesIO(rows["3.jpg"]["image"]["bytes"])) as image:
        assert image == made[3]["image"]
    assert listed(source)


@pytest.mark.parametrize("name", ["training", "default"])
def test_splits_of_any_name_are_those_of_the_data_set(tmp_path: Path, name: str) -> None:
    datasets = pytest.importorskip("datasets")
    made = datasets.Dataset.from_dict(
        {"image": [{"bytes": jpeg(1), "path": "1.jpg"}], "tags": [["cat"]]}
    )
    datasets.DatasetDict({name: made, "test": made}).save_to_disk(tmp_path / "set")
    assert {file.split for file in open_source(str(tmp_path / "set")).images()} == {name, "test"}
