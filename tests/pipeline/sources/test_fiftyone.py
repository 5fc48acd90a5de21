"""FiftyOne's labels.json with images in data/."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources import open_source
from tests.pipeline.sources.base_source import FileSourceTests, Tagged, by_name, listed, put


class TestFiftyOne(FileSourceTests):
    kind = "fiftyone"

    def lay_out(self, folder: str, images: Tagged) -> None:
        classes = sorted({tag for tags in images.values() for tag in tags})
        labels = {
            name.removesuffix(".jpg"): [
                {"label": classes.index(tag), "bounding_box": [0, 0, 1, 1]} for tag in tags
            ]
            for name, tags in images.items()
        }
        for name in images:
            put(folder, f"data/{name}", name.encode())
        put(folder, "labels.json", json.dumps({"classes": classes, "labels": labels}).encode())

    @pytest.mark.parametrize(
        ("label", "tags"),
        [(1, ("dog",)), ("dog", ("dog",)), (None, ()), (["cat", 1], ("cat", "dog"))],
    )
    def test_labels_in_all_spellings(
        self, tmp_path: Path, label: object, tags: tuple[str, ...]
    ) -> None:
        put(str(tmp_path), "data/a.jpg", b"a")
        document = {"classes": ["cat", "dog"], "labels": {"a": label}}
        put(str(tmp_path), "labels.json", json.dumps(document).encode())
        assert by_name(open_source(str(tmp_path))) == {"a.jpg": tags}

    def test_nothing_is_lost(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        put(folder, "data/more.jpg", b"m")
        put(folder, "labels.json", b'{"classes": ["cat"], "labels": {"a": 0, "b": 7, "gone": 0}}')
        found = listed(open_source(folder))
        assert "no number of the 1 classes" in (found["data/b.jpg"].problem or "")
        assert found["data/gone"].problem == "no such file in data/"
        assert found["data/more.jpg"].tags == ()
        assert len(found) == len(self.images) + 2

    @pytest.mark.parametrize("text", ["{", "[]", '{"labels": 3}', "{}"])
    def test_labels_at_fault_are_one_sentence(self, folder: str, text: str) -> None:
        self.lay_out(folder, self.images)
        put(folder, "labels.json", text.encode())
        with pytest.raises(UserError, match=r"labels\.json of .* cannot be read"):
            list(open_source(folder).images())
