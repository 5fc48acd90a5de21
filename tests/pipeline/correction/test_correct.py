"""Correct: from a review through a label tool back into the run, or one clear sentence."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.correction.correct import take_corrections
from tag2mask.pipeline.correction.corrections import open_corrections
from tag2mask.pipeline.correction.review import write_review
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import decode_mask, encode_mask
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.toys import SilentReporter, images_table, round_table, tiny_recipe

COUNT = 6


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("finished")
    run = Run(str(root), tiny_recipe(), LocalEngine(1), SilentReporter())
    images = images_table(root, COUNT)
    release(run, images, round_table(root, images, "powerful"))
    return root


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def reviewed(run: Path, tmp_path: Path) -> Path:
    write_review(f"{run}/dataset", tmp_path / "review", COUNT, "voc")
    return tmp_path / "review"


def masks_of(folder: Path) -> list[Path]:
    return sorted((folder / "SegmentationClass").glob("*.png"))


def paint(file: Path, value: int) -> np.ndarray:
    """A person paints a corner of a mask."""
    mask = decode_mask(file.read_bytes())
    mask[-5:, -9:] = value
    file.write_bytes(encode_mask(mask))
    return mask


def corrections(run: Path) -> dict[str, dict]:
    table = open_corrections(f"{run}/corrections", Table.open(f"{run}/images"))
    return {row["id"]: row for row in table.rows()} if table else {}


def test_changed_masks_alone_are_taken(run: Path, reviewed: Path) -> None:
    file = masks_of(reviewed)[2]
    expected = paint(file, 255)
    taken = take_corrections(f"{run}/dataset", reviewed, editor="me")
    assert (taken.corrected, taken.confirmed, taken.unchanged) == (1, 0, COUNT - 1)
    ((row_id, row),) = corrections(run).items()
    assert row_id[:12] == file.stem[-12:]
    np.testing.assert_array_equal(decode_mask(row["mask"]["bytes"]), expected)
    assert (row["source"], row["verdict"], row["editor"]) == ("human", "corrected", "me")
    assert row["time"].endswith("+00:00")


def test_nothing_changed_is_nothing_written(run: Path, reviewed: Path) -> None:
    assert take_corrections(f"{run}/dataset", reviewed).unchanged == COUNT
    assert not (run / "corrections").exists()


@pytest.mark.parametrize("kind", ["voc", "coco"])
def test_a_review_comes_back_without_a_change(run: Path, tmp_path: Path, kind: str) -> None:
    write_review(f"{run}/dataset", tmp_path / "out", COUNT, kind)
    taken = take_corrections(f"{run}/dataset", tmp_path / "out", confirm=True)
    assert (taken.corrected, taken.confirmed, taken.added_tags) == (0, COUNT, 0)
    published = {row["id"]: row for row in Table.open(f"{run}/dataset").rows(["id", "mask"])}
    for row_id, row in corrections(run).items():
        assert row["verdict"] == "confirmed"
        np.testing.assert_array_equal(
            decode_mask(row["mask"]["bytes"]), decode_mask(published[row_id]["mask"]["bytes"])
        )


def test_a_class_that_no_tag_names_becomes_a_tag(run: Path, reviewed: Path) -> None:
    tags = {row["id"][:12]: row["tags"] for row in Table.open(f"{run}/images").rows()}
    file = next(path for path in masks_of(reviewed) if tags[path.stem[-12:]] == [1])
    paint(file, 3)
    assert take_corrections(f"{run}/dataset", reviewed).added_tags == 1
    (row,) = corrections(run).values()
    assert row["tags"] == row["classes"] == [1, 3]


def test_newer_corrections_count_and_older_reviews_take_nothing_back(
    run: Path, reviewed: Path, tmp_path: Path
) -> None:
    shutil.copytree(reviewed, tmp_path / "older")
    first, second = masks_of(reviewed)[:2]
    paint(first, 3)
    paint(second, 255)
    take_corrections(f"{run}/dataset", reviewed)
    expected = paint(first, 255)
    again = take_corrections(f"{run}/dataset", reviewed)
    assert (again.corrected, again.unchanged) == (1, COUNT - 1)
    # The review as it was sent out, vouched for by someone who has not seen the corrections.
    older = take_corrections(f"{run}/dataset", tmp_path / "older", confirm=True)
    assert (older.corrected, older.confirmed, older.unchanged) == (0, COUNT - 2, 2)
    found = corrections(run)
    assert len(found) == COUNT
    row = next(row for row_id, row in found.items() if row_id[:12] == first.stem[-12:])
    np.testing.assert_array_equal(decode_mask(row["mask"]["bytes"]), expected)
    with pytest.raises(UserError, match="nothing to review"):
        write_review(f"{run}/dataset", tmp_path / "next", COUNT, "voc")


def small(file: Path) -> None:
    Image.open(file).resize((9, 9)).save(file)


def renamed(file: Path) -> None:
    file.rename(file.with_name("mine.png"))


def foreign(file: Path) -> None:
    file.rename(file.with_name("image-0123456789ab.png"))


def twice(file: Path) -> None:
    shutil.copy(file, file.with_name(f"copy-{file.stem[-12:]}.png"))


def broken(file: Path) -> None:
    file.write_bytes(b"no image")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (small, r"at 9x9 pixels, and the image has 64x48"),
        (renamed, r"mine\.png holds 'mine', whose name does not end"),
        (foreign, r"image-0123456789ab\.png.* is no image of the run"),
        (twice, r"is the image of .* too \(.*\.png\): leave one"),
        (broken, r"cannot be taken"),
    ],
)
def test_one_bad_mask_leaves_all_as_it_was(
    run: Path, reviewed: Path, damage: object, sentence: str
) -> None:
    for file in masks_of(reviewed)[1:]:
        paint(file, 0)
    damage(masks_of(reviewed)[0])  # type: ignore[operator]
    with pytest.raises(UserError, match=sentence) as caught:
        take_corrections(f"{run}/dataset", reviewed)
    assert ".png" in str(caught.value)
    assert not (run / "corrections").exists()


def test_a_dataset_without_a_run(run: Path, reviewed: Path) -> None:
    shutil.rmtree(run / "images")
    with pytest.raises(UserError, match="not in the folder of a run"):
        take_corrections(f"{run}/dataset", reviewed)


def test_a_folder_without_a_mask(run: Path, tmp_path: Path) -> None:
    (tmp_path / "empty/SegmentationClass").mkdir(parents=True)
    with pytest.raises(UserError, match="no mask in the folder"):
        take_corrections(f"{run}/dataset", tmp_path / "empty")
