"""Hugging Face's imagefolder: metadata.csv and metadata.jsonl."""

from __future__ import annotations

import json

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources import open_source
from tests.pipeline.sources.base_source import FileSourceTests, Tagged, by_name, listed, put


class TestImageFolder(FileSourceTests):
    kind = "imagefolder"

    def lay_out(self, folder: str, images: Tagged) -> None:
        lines = []
        for name, tags in images.items():
            put(folder, f"train/images/{name}", name.encode())
            put(folder, f"train/masks/{name}", b"a mask")
            line = {"file_name": f"images/{name}", "mask_file_name": f"masks/{name}"}
            lines.append(json.dumps({**line, "tags": tags}))
        put(folder, "train/metadata.jsonl", "\n".join(lines).encode())

    def test_the_folder_is_the_split(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        put(folder, "test/x.jpg", b"x")
        put(folder, "test/metadata.csv", b"file_name,label\nx.jpg,cat\n")
        found = listed(open_source(folder))
        assert found["test/x.jpg"].split == "test"
        assert found["train/images/a.jpg"].split == "train"

    @pytest.mark.parametrize(
        ("text", "tags"),
        [
            ("file_name,label\na.jpg,cat\n", ("cat",)),
            ("file_name,text,tags\na.jpg,hello,cat|dog\n", ("cat", "dog")),
            ("file_name,labels\na.jpg,cat;dog\n", ("cat", "dog")),
        ],
    )
    def test_lists_in_csv(self, folder: str, text: str, tags: tuple[str, ...]) -> None:
        put(folder, "a.jpg", b"a")
        put(folder, "metadata.csv", text.encode())
        assert by_name(open_source(folder)) == {"a.jpg": tags}

    @pytest.mark.parametrize(
        ("value", "tags"), [(3, ("3",)), (None, ()), ("cat|dog", ("cat", "dog")), (["x"], ("x",))]
    )
    def test_values_in_json(self, folder: str, value: object, tags: tuple[str, ...]) -> None:
        put(folder, "a.jpg", b"a")
        put(folder, "metadata.jsonl", json.dumps({"file_name": "a.jpg", "label": value}).encode())
        assert by_name(open_source(folder)) == {"a.jpg": tags}

    def test_a_file_that_is_not_there_is_a_problem(self, folder: str) -> None:
        put(folder, "metadata.csv", b"file_name,label\ngone.jpg,cat\n../out.jpg,cat\n")
        problems = {path: file.problem or "" for path, file in listed(open_source(folder)).items()}
        assert "no such file" in problems["gone.jpg"]
        assert "'..'" in problems["../out.jpg"]

    @pytest.mark.parametrize(
        ("name", "text", "sentence"),
        [
            ("metadata.csv", "file_name,text\na.jpg,hello\n", "no column tags or labels .* text"),
            ("metadata.csv", "image,label\na.jpg,cat\n", "no column 'file_name'"),
            ("metadata.jsonl", '{"file_name": "a.jpg"', "line 1 of metadata.jsonl .* is no JSON"),
            ("metadata.jsonl", "[1]", "line 1 of metadata.jsonl .* is no JSON object"),
            ("metadata.jsonl", '{"label": "cat"}', "row 1 of metadata.jsonl .* names no file_name"),
        ],
    )
    def test_a_list_at_fault_says_where(
        self, folder: str, name: str, text: str, sentence: str
    ) -> None:
        put(folder, "a.jpg", b"a")
        put(folder, name, text.encode())
        with pytest.raises(UserError, match=sentence):
            list(open_source(folder).images())
