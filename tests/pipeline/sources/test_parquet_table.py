"""Parquet: images as bytes or by their addresses, tags as texts or class numbers."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.ingest import ingest
from tag2mask.pipeline.records import IMAGE
from tag2mask.pipeline.sources import Source, UnreadableError, open_source
from tag2mask.pipeline.sources.columns import ColumnsError, choose_columns
from tag2mask.pipeline.sources.parquet_table import ParquetSource
from tag2mask.pipeline.sources.rows import readable_path
from tests.pipeline.ingestion.test_ingest import jpeg
from tests.pipeline.sources.base_source import TableSourceTests, Tagged, by_name, listed, put

CLASS_LABEL = {"_type": "ClassLabel", "names": ["cat", "dog", "person"]}


def features(**columns: object) -> dict[bytes, bytes]:
    return {b"huggingface": json.dumps({"info": {"features": columns}}).encode()}


def parquet(table: pa.Table, rows: int = 2) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=rows)
    return buffer.getvalue()


def images(tagged: Tagged) -> pa.Array:
    rows = [{"bytes": name.encode(), "path": f"pictures/{name}"} for name in tagged]
    return pa.array(rows, IMAGE)


class TestParquet(TableSourceTests):
    kind = "parquet"

    def holder(self, path: str) -> str:
        return "data/train-00000-of-00001.parquet"

    def lay_out(self, folder: str, tagged: Tagged) -> None:
        masks = pa.array([{"bytes": b"a mask", "path": None}] * len(tagged), IMAGE)
        tags = pa.array(list(map(list, tagged.values())), pa.list_(pa.string()))
        table = pa.table({"mask": masks, "image": images(tagged), "tags": tags})
        put(folder, self.holder(""), parquet(table))

    def test_class_numbers_have_the_names_of_hugging_face(self, folder: str) -> None:
        numbers = pa.array([[0], [1, 2], [-1], [7], None], pa.list_(pa.int64()))
        for spelling in (
            {"_type": "Sequence", "feature": CLASS_LABEL},
            {"_type": "List", "feature": CLASS_LABEL},
            [CLASS_LABEL],
        ):
            table = pa.table({"jpg": [b"1", b"2", b"3", b"4", b"5"], "labels": numbers})
            table = table.replace_schema_metadata(features(labels=spelling))
            put(folder, "x.parquet", parquet(table))
            tags = [file.tags for file in open_source(folder).images()]
            assert tags == [("cat",), ("dog", "person"), (), ("7",), ()]

    def test_one_number_for_each_image(self, folder: str) -> None:
        table = pa.table({"image": [b"1", b"2"], "label": [2, 0]})
        put(
            folder, "x.parquet", parquet(table.replace_schema_metadata(features(label=CLASS_LABEL)))
        )
        assert [file.tags for file in open_source(folder).images()] == [("person",), ("cat",)]

    def test_splits_by_file_or_column(self, folder: str) -> None:
        one = pa.table({"image": [b"1"], "tags": ["cat|dog"]})
        put(folder, "data/validation-00000-of-00001.parquet", parquet(one))
        put(folder, "test/0000.parquet", parquet(one))
        put(folder, "0.parquet", parquet(one.append_column("split", [["dev"]])))
        put(folder, "1.parquet", parquet(one))
        found = [(file.split, file.tags) for file in open_source(folder).images()]
        assert found == [(s, ("cat", "dog")) for s in ("dev", None, "validation", "test")]

    def test_paths_are_read_inside_the_source_alone(self, tmp_path: Path) -> None:
        (tmp_path / "secret.jpg").write_bytes(b"secret")
        folder = tmp_path / "source"
        names = ["a/1.jpg", "../secret.jpg", str(tmp_path / "secret.jpg"), "gone.jpg", None]
        names += [f"file://{tmp_path}/secret.jpg", "memory://x", "http://127.0.0.1:9/x.jpg"]
        put(str(folder), "a/1.jpg", b"1")
        table = pa.table({"file": names, "tags": [["cat"]] * len(names)})
        put(str(folder), "list.parquet", parquet(table))
        source = open_source(str(folder))
        causes = []
        for file in source.images():
            try:
                causes.append(source.read(file.address).decode())
            except UnreadableError as error:
                causes.append(str(error))
        for cause, expected in zip(
            causes,
            [
                "1",
                "'..'",
                "absolute",
                "no such file",
                "without an image",
                "kind 'file'",
                "kind 'memory'",
                "private network",
            ],
            strict=True,
        ):
            assert expected in cause

    def test_the_struct_of_a_set_that_embeds_nothing_names_paths(self, folder: str) -> None:
        rows = [{"bytes": None, "path": "p/1.jpg"}, {"bytes": None, "path": "/home/x/1.jpg"}]
        put(folder, "p/1.jpg", b"1")
        put(
            folder,
            "x.parquet",
            parquet(pa.table({"image": pa.array(rows, IMAGE), "tags": ["a", "b"]})),
        )
        source = open_source(folder)
        first, second = source.images()
        assert source.read(first.address) == b"1"
        with pytest.raises(UnreadableError, match="absolute"):
            source.read(second.address)
        assert (first.path, second.path) == ("p/1.jpg", "1.jpg")

    def test_a_single_file_is_a_source(self, tmp_path: Path) -> None:
        self.lay_out(str(tmp_path), self.images)
        (tmp_path / "data" / "other.jpg").write_bytes(b"x")
        source = open_source(str(tmp_path / "data" / "train-00000-of-00001.parquet"))
        assert by_name(source) == self.images

    def test_a_group_too_large_to_be_read_whole_says_so(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.lay_out(str(tmp_path), self.images)
        monkeypatch.setattr("tag2mask.pipeline.sources.parquet_table.MAX_GROUP_BYTES", 10)
        source = open_source(str(tmp_path))
        with pytest.raises(UnreadableError, match="write the file with smaller ones"):
            source.read(next(source.images()).address)

    @pytest.mark.parametrize(
        ("columns", "sentence"),
        [
            ({"image": [b"1"]}, "no column tags or .* only image"),
            ({"tags": ["cat"], "mask": [b"1"]}, "no column image or .* only tags .*, mask"),
            ({"tags": [0.5], "image": [b"1"]}, r"no column tags or .* tags \(double\)"),
        ],
    )
    def test_a_table_at_fault_is_one_sentence(
        self, folder: str, columns: dict[str, Any], sentence: str
    ) -> None:
        put(folder, "x.parquet", parquet(pa.table(columns)))
        with pytest.raises(UserError, match=rf"cannot read x\.parquet of .*: {sentence}"):
            list(open_source(folder).images())

    def test_what_is_no_parquet_is_one_sentence(self, folder: str) -> None:
        put(folder, "x.parquet", b"<html>404</html>")
        with pytest.raises(UserError, match=r"cannot read x\.parquet of"):
            list(open_source(folder).images())

    def test_a_group_is_read_for_many_images_at_once(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        table = pa.table({"image": [jpeg(n) for n in range(40)], "tags": ["cat"] * 40})
        put(str(tmp_path), "x.parquet", parquet(table, rows=10))
        loads: list[int] = []
        load = ParquetSource.load

        def counted(source: ParquetSource, file: str, group: int) -> pa.ChunkedArray:
            loads.append(group)
            return load(source, file, group)

        monkeypatch.setattr(ParquetSource, "load", counted)
        source: Source = open_source(str(tmp_path))
        found = ingest(source)
        assert found.counts.kept == 40
        assert sorted(set(loads)) == [0, 1, 2, 3]
        assert len(loads) <= 20  # how threads take turns decides; 40 would be one for each


def test_our_own_dataset_is_a_source(tmp_path: Path) -> None:
    names = ["background", "cat", "dog"]
    label = {"_type": "Sequence", "feature": {"_type": "ClassLabel", "names": names}}
    table = pa.table(
        {
            "image": images({"a.jpg": ()}),
            "tags": pa.array([[1, 2]], pa.list_(pa.int64())),
            "mask": images({"a.png": ()}),
        }
    )
    table = table.replace_schema_metadata(features(tags=label, image={"_type": "Image"}))
    put(str(tmp_path), "data/train-00000-of-00001.parquet", parquet(table))
    assert listed(open_source(str(tmp_path)))["pictures/a.jpg"].tags == ("cat", "dog")


def test_columns_are_chosen_by_name_and_type() -> None:
    schema = pa.schema({"image": pa.int64(), "img": pa.large_binary(), "class": pa.int8()})
    chosen = choose_columns(schema)
    assert (chosen.image, chosen.embedded, chosen.tags) == ("img", True, "class")
    coded = pa.schema({"url": pa.string(), "tags": pa.dictionary(pa.int8(), pa.string())})
    assert choose_columns(coded).embedded is False
    with pytest.raises(ColumnsError, match="only nothing at all"):
        choose_columns(pa.schema([]))


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("https://example.org/a/b.jpg?size=1#top", "example.org/a/b.jpg"),
        ("http://me:secret@10.0.0.1:8000/a/b.jpg", "10.0.0.1/a/b.jpg"),
        ("a/b.jpg", "a/b.jpg"),
        ("/home/me/b.jpg", "b.jpg"),
        (r"C:\pictures\b.jpg", "b.jpg"),
        ("../../b.jpg", "b.jpg"),
        ("https://example.org/../b.jpg", "b.jpg"),
        ("..", ""),
        ("", ""),
    ],
)
def test_paths_of_tables_are_relative(name: str, path: str) -> None:
    assert readable_path(name) == path
