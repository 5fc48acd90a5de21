"""YOLO trees: tags from the class numbers of label files, nothing else read."""

from __future__ import annotations

import pytest

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.sources import open_source
from tests.pipeline.sources.base_source import FileSourceTests, Tagged, by_name, listed, put

NAMES = ("cat", "dog", "person")


class TestYolo(FileSourceTests):
    kind = "yolo"

    def lay_out(self, folder: str, images: Tagged) -> None:
        for name, tags in images.items():
            put(folder, f"images/train/{name}", name.encode())
            lines = [f"{NAMES.index(tag)} 0.5 0.5 0.1 0.1" for tag in (*tags, *tags)]
            label = f"labels/train/{name.removesuffix('.jpg')}.txt"
            put(folder, label, "\n".join(lines).encode())
        put(folder, "data.yaml", b"train: images/train\nnames:\n  0: cat\n  1: dog\n  2: person\n")

    def test_splits_are_folders_in_both_orders(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        put(folder, "images/val/d.jpg", b"d")
        put(folder, "labels/val/d.txt", b"2 0.1 0.1 0.2 0.1 0.2 0.2\n")
        found = listed(open_source(folder))
        assert found["images/val/d.jpg"].split == "val"
        assert found["images/val/d.jpg"].tags == ("person",)
        assert found["images/train/a.jpg"].split == "train"

    def test_folders_of_splits_outside(self, folder: str) -> None:
        put(folder, "train/images/a.jpg", b"a")
        put(folder, "train/labels/a.txt", b"1 0 0 1 1\n")
        put(folder, "valid/images/b.jpg", b"b")
        put(folder, "valid/labels/none.txt", b"")
        put(folder, "data.yaml", b"names: [cat, dog]\n")
        found = listed(open_source(folder))
        assert (found["train/images/a.jpg"].split, found["train/images/a.jpg"].tags) == (
            "train",
            ("dog",),
        )
        assert (found["valid/images/b.jpg"].split, found["valid/images/b.jpg"].tags) == (
            "valid",
            (),
        )

    @pytest.mark.parametrize("place", ["classes.txt", "labels/classes.txt"])
    def test_flat_folders_with_a_list_of_classes(self, folder: str, place: str) -> None:
        put(folder, "images/a.jpg", b"a")
        put(folder, "labels/a.txt", b"1 0 0 1 1\n")
        put(folder, place, b"cat\ndog\n")
        assert by_name(open_source(folder)) == {"a.jpg": ("dog",)}

    @pytest.mark.parametrize(
        ("line", "cause"),
        [(b"7 0 0 1 1", "the class 7, which has no name"), (b"dog 0 0", "'dog', no class number")],
    )
    def test_labels_at_fault_are_a_problem_of_their_image(
        self, folder: str, line: bytes, cause: str
    ) -> None:
        self.lay_out(folder, self.images)
        put(folder, "labels/train/a.txt", line)
        found = listed(open_source(folder))["images/train/a.jpg"]
        assert cause in (found.problem or "")
        assert "labels/train/a.txt" in (found.problem or "")

    def test_labels_without_an_image_are_a_problem(self, folder: str) -> None:
        self.lay_out(folder, self.images)
        put(folder, "labels/train/gone.txt", b"0 0 0 1 1\n")
        put(folder, "labels/train/empty.txt", b"")
        found = listed(open_source(folder))
        assert "labels/train/gone.txt describes it" in (found["images/train/gone"].problem or "")
        assert found["images/train/gone"].tags == ("cat",)
        assert len(found) == len(self.images) + 1

    def test_classes_without_names_are_refused(self, folder: str) -> None:
        put(folder, "images/a.jpg", b"a")
        put(folder, "labels/a.txt", b"1 0 0 1 1\n")
        with pytest.raises(UserError, match=r"looks like a YOLO data set .* add data\.yaml"):
            list(open_source(folder).images())
