"""From dirty sources to rows: classes, counts, duplicates, errors."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.ingestion.counts import IngestCounts
from tag2mask.pipeline.ingestion.ingest import Ingest, image_row, ingest
from tag2mask.pipeline.ingestion.near_duplicates import NearDuplicateSettings
from tag2mask.pipeline.records import IMAGES_SCHEMA, Row
from tag2mask.pipeline.sources import Downloads, TaggedFile, UnreadableError, open_source
from tag2mask.pipeline.synthetic.images import render


def jpeg(seed: int, mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (12, 18, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, format="JPEG")
    return buffer.getvalue()


class Listed:
    """A source from a list of files and a dictionary of their bytes."""

    kind: ClassVar[str] = "listed"
    looked_for: ClassVar[str] = "nothing"
    uri = "listed://"
    readers = 2
    notes = ()

    def __init__(self, files: list[TaggedFile], data: dict[str, bytes]) -> None:
        self.files = files
        self.data = data
        self.read_paths: list[str] = []

    @classmethod
    def open(cls, uri: str, downloads: Downloads) -> None:
        return None

    def images(self) -> Iterator[TaggedFile]:
        yield from self.files

    def read(self, path: str) -> bytes:
        self.read_paths.append(path)
        if path not in self.data:
            raise UnreadableError("no such file")
        return self.data[path]


def source(**tags: str) -> Listed:
    """Files ``a="cat|dog"`` with different images."""
    files = [TaggedFile(name, tuple(filter(None, text.split("|")))) for name, text in tags.items()]
    return Listed(files, {name: jpeg(n) for n, name in enumerate(tags)})


def rows(found: Ingest) -> dict[str, Row]:
    """The rows by their image's path, or by their error."""
    return {row["error"] or row["image"]["path"]: row for row in found.rows()}


def assert_balanced(counts: IngestCounts) -> None:
    parts = (counts.other_split, counts.other_tags, counts.duplicates, counts.dropped)
    assert counts.images == sum(parts) + counts.errors + counts.kept


def test_rows_fit_the_schema_of_the_images_table() -> None:
    found = ingest(source(a="cat", b="dog|cat"))
    table = pa.Table.from_pylist(list(found.rows()), schema=IMAGES_SCHEMA)
    assert table.num_rows == 2
    assert table.to_pylist() == list(found.rows())
    row = rows(found)["b"]
    assert row["id"] == hashlib.sha256(jpeg(1)).hexdigest()
    assert row["image"]["bytes"] == jpeg(1)
    assert (row["height"], row["width"], row["tags"]) == (12, 18, [1, 2])


def test_classes_are_the_sorted_tags_or_those_given_in_their_order() -> None:
    images = source(a="cat", b="dog|ant")
    assert ingest(images).classes.names == ("ant", "cat", "dog")
    found = ingest(images, ["dog", "cat"])
    assert found.classes.names == ("dog", "cat")
    assert rows(found)["b"]["tags"] == [1]


def test_other_tags_are_dropped_and_images_without_a_tag_skipped() -> None:
    images = source(a="cat|tree", b="tree|car", c="cat", d="")
    found = ingest(images, ["cat"])
    assert set(rows(found)) == {"a", "c"}
    assert found.counts == IngestCounts(
        images=4,
        other_split=0,
        other_tags=2,
        tags_dropped=3,
        duplicates=0,
        errors=0,
        kept=2,
    )
    assert_balanced(found.counts)
    sentence = "4 images: 2 kept, 2 skipped without a wanted tag, and 3 tags dropped"
    assert found.counts.sentence() == sentence
    assert set(images.read_paths) == {"a", "c"}  # the others cost nothing


def test_images_with_only_other_tags_are_negatives() -> None:
    names = {f"n{number}": "car" for number in range(7)}
    images = source(a="cat|tree", c="cat", d="cat|car", e="", **names)
    images.data["n0"] = images.data["c"]  # has a wanted tag elsewhere
    found = ingest(images, ["cat"], negatives=5.0)
    tags = {path: row["tags"] for path, row in rows(found).items()}
    assert tags == {"a": [1], "c": [1], "d": [1], **{f"n{number}": [] for number in range(1, 7)}}
    assert (found.counts.kept, found.counts.other_tags, found.counts.negatives) == (3, 8, 6)
    assert_balanced(found.counts)
    assert "8 skipped without a wanted tag (6 of them used as background)" in (
        found.counts.sentence()
    )
    assert [image.id for image in found.images] == sorted(image.id for image in found.images)


def test_negatives_are_a_draw_that_does_not_depend_on_the_order() -> None:
    images = source(a="cat", b="cat", **{f"n{number}": "car" for number in range(9)})
    found = ingest(images, ["cat"], negatives=1.5)
    assert found.counts.negatives == 3
    images.files.reverse()
    assert ingest(images, ["cat"], negatives=1.5).images == found.images
    assert ingest(images, ["cat"], negatives=0.0).counts.negatives == 0


def test_a_negative_that_cannot_be_read_is_none() -> None:
    images = source(a="cat", b="car", c="car")
    images.data["b"] = b""
    found = ingest(images, ["cat"], negatives=2.0)
    assert set(rows(found)) == {"a", "c"}
    assert_balanced(found.counts)


def test_same_bytes_are_one_row_with_all_tags() -> None:
    images = source(c="cat", a="dog", b="dog|ant", d="cat")
    images.data["b"] = images.data["c"]
    images.data["d"] = images.data["c"]
    images.files.append(TaggedFile("a", ("cat",)))  # and the same file named twice
    found = ingest(images)
    assert {path: row["tags"] for path, row in rows(found).items()} == {"a": [2, 3], "b": [1, 2, 3]}
    assert (found.counts.duplicates, found.counts.kept) == (3, 2)
    assert_balanced(found.counts)


def test_the_first_path_names_an_image_with_several_paths() -> None:
    images = source(b="cat", a="dog")
    images.data["a"] = images.data["b"]
    images.files = [replace(file, place=f"{ord(file.path):x}") for file in images.files]
    images.files[0] = replace(images.files[0], place="0")
    images.data |= {"0": jpeg(0), "61": jpeg(0)}
    [image] = ingest(images).images
    assert (image.path, image.address) == ("a", "61")
    assert set(images.read_paths) == {"0", "61"}


def near_duplicate_source() -> Listed:
    """An image, its smaller copy ``b`` and another image."""
    images = source(a="cat", b="dog", c="cat")
    big = render(0, 0).image.resize((600, 480))
    for name, image in (("a", big), ("b", big.resize((200, 160))), ("c", render(1, 0).image)):
        buffer = io.BytesIO()
        image.save(buffer, format="JPEG", quality=80)
        images.data[name] = buffer.getvalue()
    images.files.append(TaggedFile("broken", ("cat",)))
    images.data["broken"] = b"no image"
    return images


def test_near_duplicates_are_reported_with_the_kept_image() -> None:
    found = ingest(near_duplicate_source(), near_duplicates=NearDuplicateSettings(distance=4))
    decoded = rows(found)
    assert decoded["b"]["near_duplicate_of"] == decoded["a"]["id"]
    assert decoded["a"]["near_duplicate_of"] is decoded["c"]["near_duplicate_of"] is None
    assert (found.counts.near_duplicates, found.counts.dropped) == (1, 0)
    counts = found.counts.after_decoding(1)
    assert counts.sentence() == "4 images: 3 kept (1 near-duplicates of others), 1 unreadable"
    assert_balanced(counts)


def test_near_duplicates_are_skipped_by_choice_and_reported() -> None:
    settings = NearDuplicateSettings(distance=4, drop=True)
    found = ingest(near_duplicate_source(), near_duplicates=settings)
    decoded = rows(found)
    assert set(decoded) == {"a", "b: near-duplicate of a", "broken: not an image", "c"}
    assert decoded["b: near-duplicate of a"]["near_duplicate_of"] == decoded["a"]["id"]
    counts = found.counts.after_decoding(2)
    assert (counts.kept, counts.dropped, counts.errors) == (2, 1, 1)
    sentence = "4 images: 2 kept, 1 skipped as near-duplicates, 1 unreadable"
    assert counts.sentence() == sentence
    assert_balanced(counts)


def test_near_duplicates_are_not_looked_for_by_default() -> None:
    assert ingest(near_duplicate_source()).counts.near_duplicates == 0


def test_the_order_of_the_listing_changes_nothing() -> None:
    images = source(**{f"p{n}": ("cat", "dog", "cat|ant")[n % 3] for n in range(20)})
    images.data["p7"] = images.data["p12"]
    images.data["p3"] = b"broken"
    first = ingest(images)
    expected = list(first.rows())
    assert [row["id"] for row in expected] == sorted(row["id"] for row in expected)
    random.Random(0).shuffle(images.files)
    again = ingest(images)
    assert again.counts == first.counts
    assert list(again.rows()) == expected


def test_unreadable_files_are_rows_that_name_file_and_cause() -> None:
    images = source(ok="cat", empty="cat", void="dog", text="dog", half="cat", gone="cat")
    images.data |= {"empty": b"", "void": b"", "text": b"hello", "half": jpeg(9)[:300]}
    del images.data["gone"]
    images.files.append(TaggedFile("../up", ("cat",), problem="a path with '..'"))
    images.files.append(TaggedFile("torn", problem="its annotation is no XML"))
    found = ingest(images)
    decoded = rows(found)
    assert set(decoded) == {
        "ok",
        "empty: empty file",
        "void: empty file",
        "text: not an image",
        "half: truncated file",
        "gone: no such file",
        "../up: a path with '..'",
        "torn: its annotation is no XML",
    }
    bad = [row for row in decoded.values() if row["error"]]
    assert all(row["image"] is row["height"] is row["width"] is None for row in bad)
    assert decoded["text: not an image"]["id"] == hashlib.sha256(b"hello").hexdigest()
    assert decoded["gone: no such file"]["id"] == hashlib.sha256(b"gone").hexdigest()
    assert decoded["void: empty file"]["tags"] == [found.classes.index("dog")]
    pa.Table.from_pylist(list(decoded.values()), schema=IMAGES_SCHEMA)

    assert found.counts.errors == 5  # those that decoding has yet to find are not in it
    counts = found.counts.after_decoding(len(bad))
    assert (counts.errors, counts.kept) == (7, 1)
    assert counts.sentence() == "8 images: 1 kept, 7 unreadable"
    assert_balanced(counts)


def test_a_file_that_changes_meanwhile_is_an_error() -> None:
    images = source(a="cat", b="cat")
    found = ingest(images)
    images.data["a"] = jpeg(77)
    assert set(rows(found)) == {"a: the file changed during the ingestion", "b"}


def test_rows_can_be_made_in_another_process() -> None:
    found = ingest(source(a="cat", b="dog"))
    expected = list(found.rows())
    again, image = pickle.loads(pickle.dumps((found.source, found.images[0])))
    assert image_row(again, image) == expected[0]


def split_source() -> Listed:
    images = source(a="cat", b="dog", c="cat", d="ant")
    names = {"a": "train", "b": "train", "c": "dev", "d": None}
    images.files = [TaggedFile(f.path, f.tags, names[f.path]) for f in images.files]
    return images


def test_a_split_takes_its_own_rows_and_no_tag_of_another() -> None:
    images = split_source()
    images.data["c"] = images.data["b"]  # the same image in dev, with another tag
    found = ingest(images, split="train")
    assert found.classes.names == ("cat", "dog")
    assert {path: row["tags"] for path, row in rows(found).items()} == {"a": [1], "b": [2]}
    assert (found.counts.other_split, found.counts.kept) == (2, 2)
    assert_balanced(found.counts)
    assert ingest(images).counts.other_split == 0


def test_a_source_without_splits_is_taken_whole() -> None:
    assert ingest(source(a="cat"), split="train").counts.kept == 1


@pytest.mark.parametrize(
    ("classes", "split", "sentence"),
    [
        (["cta"], None, "no image of listed:// has the tag 'cta': did you mean 'cat'?"),
        (["xylophone"], None, "has the tag 'xylophone': the tags are ant, cat, dog"),
        (["ant"], "train", "listed://, split 'train', has the tag 'ant': did you mean 'cat'?"),
        (["cat", "cat"], None, "class names must be different"),
        ([], None, "there are 0 class names: give 1 to 254"),
        (None, "trian", "is in the split 'trian': choose one of dev, train"),
    ],
)
def test_wrong_wishes_are_one_sentence(
    classes: list[str] | None, split: str | None, sentence: str
) -> None:
    with pytest.raises(UserError) as caught:
        ingest(split_source(), classes, split)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sources_with_nothing_to_label_are_refused() -> None:
    with pytest.raises(UserError, match="is empty"):
        ingest(Listed([], {}))
    with pytest.raises(UserError, match="has a tag: there is nothing to label"):
        ingest(source(a="", b=""))
    with pytest.raises(UserError, match=r"none of the 1 files .* the first is a: no such file"):
        ingest(Listed([TaggedFile("a", ("cat",))], {}))
    with pytest.raises(UserError, match=r"'background' of .* rename it"):
        ingest(source(a="background", b="cat"))
    with pytest.raises(UserError, match="300 class names: give 1 to 254; choose the classes"):
        ingest(source(a="|".join(f"tag{n}" for n in range(300))))


def test_a_class_called_background_can_be_passed_over() -> None:
    assert ingest(source(a="background", b="cat"), ["cat"]).counts.kept == 1


def test_a_dirty_folder_from_end_to_end(tmp_path: Path) -> None:
    for tag, name, data in (
        ("cat", "1.jpg", jpeg(1)),
        ("cat", "gray.jpg", jpeg(2, "L")),
        ("cat", "page.jpg", b"<html>404</html>"),
        ("dog", "1.jpg", jpeg(3)),
        ("dog", "same-as-cat.jpg", jpeg(1)),
        ("dog", os.fsdecode(b"k\xfcche.jpg"), jpeg(4)),
        ("fox", "1.jpg", jpeg(5)),
    ):
        (tmp_path / tag).mkdir(exist_ok=True)
        (tmp_path / tag / name).write_bytes(data)
    (tmp_path / "cat" / "leaves.jpg").symlink_to("/etc/hostname")
    found = ingest(open_source(str(tmp_path)), ["cat", "dog"])
    decoded = rows(found)
    assert set(decoded) == {
        "cat/1.jpg",
        "cat/gray.jpg",
        "dog/1.jpg",
        "dog/k\\udcfcche.jpg",
        "cat/page.jpg: not an image",
        "cat/leaves.jpg: a link that leaves the source",
    }
    assert decoded["cat/1.jpg"]["tags"] == [1, 2]
    with Image.open(io.BytesIO(decoded["cat/gray.jpg"]["image"]["bytes"])) as image:
        assert image.mode == "RGB"
    pa.Table.from_pylist(list(decoded.values()), schema=IMAGES_SCHEMA)


def of_splits(*splits: str | None) -> Listed:
    names = [f"{number}.jpg" for number in range(len(splits))]
    files = [TaggedFile(name, ("cat",), split) for name, split in zip(names, splits, strict=True)]
    return Listed(files, {name: jpeg(number) for number, name in enumerate(names)})


@pytest.mark.parametrize(
    ("split", "name"), [("train", "training"), ("train", "Training"), ("val", "valid")]
)
def test_a_split_under_another_name_is_taken_and_said(split: str, name: str) -> None:
    found = ingest(of_splits(name, "test"), split=split)
    assert (found.counts.kept, found.counts.other_split) == (1, 1)
    assert found.notes == (f"the split {split} is called {name} in the source",)


@pytest.mark.parametrize("splits", [("default",), ("default", "test"), ("val", "dev")])
def test_a_split_that_is_not_there_says_how_to_reach_another(splits: tuple[str, ...]) -> None:
    with pytest.raises(UserError, match=rf"--set split={min(splits)}, .* --set split=null"):
        ingest(of_splits(*splits), split="train")
    assert ingest(of_splits(*splits), split=splits[0]).counts.kept == 1
    assert ingest(of_splits(*splits)).counts.kept == len(splits)


def test_problems_without_a_split_are_of_any_split() -> None:
    listed = of_splits("train", "val")
    listed.files.append(TaggedFile("cut.tar", problem="cut"))
    found = ingest(listed, split="train")
    assert (found.counts.errors, found.counts.kept, found.counts.other_split) == (1, 1, 1)


def test_files_that_are_no_images_are_named_and_not_counted() -> None:
    listed = of_splits(None, None)
    listed.files += [TaggedFile(f"cat/{n}.txt", ("cat",), skipped=True) for n in range(7)]
    found = ingest(listed)
    assert found.counts.images == found.counts.kept == 2
    (note,) = found.notes
    assert note.startswith(
        "skipped 7 files whose names are not those of images: cat/0.txt, cat/1.txt"
    )
    assert note.endswith("cat/4.txt and 2 more")
