"""VOC sets that come back from painting programs and label tools, and class names of any kind."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tag2mask.pipeline.correction.correct import take_corrections
from tag2mask.pipeline.correction.review import write_review
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import IGNORE, IMAGES_SCHEMA, decode_mask, encode_mask, palette
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.correction.conftest import COUNT
from tests.pipeline.small_tables import SHARDS, writer
from tests.pipeline.toys import (
    CLASSES,
    SilentReporter,
    image_row,
    round_table,
    tags_of,
    tiny_recipe,
)

COLORS = np.frombuffer(palette(), np.uint8).reshape(256, 3)


@pytest.fixture
def review(dataset: str, tmp_path: Path) -> Path:
    write_review(dataset, tmp_path / "review", COUNT, "voc")
    return tmp_path / "review"


def first_mask(review: Path) -> Path:
    return min((review / "SegmentationClass").glob("*.png"))


def edit(file: Path) -> np.ndarray:
    """A person paints a corner of a mask."""
    mask = decode_mask(file.read_bytes())
    mask[-5:, -9:] = 3
    file.write_bytes(encode_mask(mask))
    return mask


def corrected(dataset: str) -> list[dict]:
    return list(Table.open(f"{dataset.rpartition('/')[0]}/corrections").rows())


def capitals(file: Path) -> None:
    file.rename(file.with_suffix(".PNG"))


def deeper(file: Path) -> None:
    (file.parent / "train").mkdir()
    file.rename(file.parent / "train" / file.name)


@pytest.mark.parametrize("move", [capitals, deeper])
def test_edited_masks_are_found_wherever_they_are(
    dataset: str, review: Path, move: Callable[[Path], None]
) -> None:
    expected = edit(first_mask(review))
    move(first_mask(review))
    taken = take_corrections(dataset, review)
    assert (taken.corrected, taken.unchanged) == (1, COUNT - 1)
    np.testing.assert_array_equal(decode_mask(corrected(dataset)[0]["mask"]["bytes"]), expected)


def as_jpeg(file: Path) -> Path:
    Image.open(file).convert("RGB").save(file.with_suffix(".jpg"))
    file.unlink()
    return file.with_suffix(".jpg")


def jpeg_beside(file: Path) -> Path:
    Image.open(file).convert("RGB").save(file.with_suffix(".jpg"))
    return file.with_suffix(".jpg")


def above(file: Path) -> Path:
    return file.rename(file.parent.parent / file.name)


def copied_aside(file: Path) -> Path:
    (file.parent.parent / "edited").mkdir()
    return Path(shutil.copy(file, file.parent.parent / "edited" / file.name))


@pytest.mark.parametrize("move", [as_jpeg, jpeg_beside, above, copied_aside])
def test_masks_that_cannot_be_taken_are_named(
    dataset: str, review: Path, move: Callable[[Path], Path]
) -> None:
    edit(first_mask(review))
    file = move(first_mask(review))
    with pytest.raises(UserError) as caught:
        take_corrections(dataset, review)
    assert str(caught.value).startswith(f"{file} ")


def test_what_file_managers_leave_is_no_mask(dataset: str, review: Path) -> None:
    (review / "SegmentationClass" / "Thumbs.db").write_bytes(b"x")
    (review / "SegmentationClass" / "._a.jpg").write_bytes(b"x")
    (review / "__MACOSX" / "SegmentationClass").mkdir(parents=True)
    assert take_corrections(dataset, review).unchanged == COUNT


@pytest.mark.parametrize("alpha", [0, 128])
@pytest.mark.parametrize("mode", ["RGBA", "P"])
def test_transparent_pixels_are_refused(dataset: str, review: Path, alpha: int, mode: str) -> None:
    file = first_mask(review)
    mask = decode_mask(file.read_bytes())
    if mode == "RGBA":
        values = np.dstack([COLORS[mask], np.full(mask.shape, 255, np.uint8)])
        values[:10, :60, 3] = alpha
        Image.fromarray(values).save(file)
        share = r"600 of its 3,072 pixels \(19\.5%\) are transparent"
    else:
        Image.open(file).save(file, transparency=bytes([255, alpha, 255, 255]))
        share = r"of its 3,072 pixels .* are transparent"
    with pytest.raises(UserError, match=rf"{file.name} cannot be taken: .*{share}"):
        take_corrections(dataset, review)


def test_opaque_alpha_is_no_obstacle(dataset: str, review: Path) -> None:
    file = first_mask(review)
    mask = decode_mask(file.read_bytes())
    values = np.dstack([COLORS[mask], np.full(mask.shape, 255, np.uint8)])
    Image.fromarray(values).save(file)
    assert take_corrections(dataset, review).unchanged == COUNT


def labels(*names: str, encoding: str = "utf-8") -> bytes:
    lines = [f"{name}:{10 * number},0,0::" for number, name in enumerate(names)]
    return ("# label:color_rgb:parts:actions\n" + "\n".join(lines) + "\n").encode(encoding)


def test_gray_masks_count_the_lines_of_the_label_map(dataset: str, review: Path) -> None:
    (review / "labelmap.txt").write_bytes(labels("ignore", "dog", "background", "bird", "cat"))
    numbers = np.zeros(256, np.uint8)
    numbers[[IGNORE, 2, 0, 3, 1]] = [0, 1, 2, 3, 4]
    for file in (review / "SegmentationClass").glob("*.png"):
        Image.fromarray(numbers[decode_mask(file.read_bytes())]).save(file)
    assert take_corrections(dataset, review).unchanged == COUNT


def test_gray_masks_with_our_own_label_map_keep_the_value_of_ignore(
    dataset: str, review: Path
) -> None:
    for file in (review / "SegmentationClass").glob("*.png"):
        Image.fromarray(decode_mask(file.read_bytes())).save(file)
    assert take_corrections(dataset, review).unchanged == COUNT


def test_gray_masks_without_a_background_are_refused(dataset: str, review: Path) -> None:
    (review / "labelmap.txt").write_bytes(labels(*CLASSES))
    file = first_mask(review)
    Image.fromarray(decode_mask(file.read_bytes())).save(file)
    with pytest.raises(UserError, match=r"labelmap\.txt, which has no background"):
        take_corrections(dataset, review)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: b"\xef\xbb\xbf" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.replace(b"background", b"Background"),
        lambda text: text + b"horse:1,2,3::\n",
        lambda text: text.replace(b"::", b""),
        lambda text: text.replace(b"ignore", b"Ignore").replace(b"cat", b"Cat"),
    ],
    ids=["BOM", "CRLF", "capital", "unused label", "without parts", "other capitals"],
)
def test_label_maps_of_other_tools(
    dataset: str, review: Path, change: Callable[[bytes], bytes]
) -> None:
    file = review / "labelmap.txt"
    file.write_bytes(change(file.read_bytes()))
    assert take_corrections(dataset, review).unchanged == COUNT


@pytest.mark.parametrize("gray", [False, True])
def test_a_label_that_is_no_class_is_refused_where_it_is_used(
    dataset: str, review: Path, gray: bool
) -> None:
    (review / "labelmap.txt").write_bytes(labels("background", *CLASSES, "horse", "ignore"))
    for file in (review / "SegmentationClass").glob("*.png"):
        mask = np.zeros_like(decode_mask(file.read_bytes()))
        mask[3:9, 3:9] = 4
        red = np.dstack([10 * mask, 0 * mask, 0 * mask])
        Image.fromarray(mask if gray else red).save(file)
    with pytest.raises(UserError, match="its label 'horse' is no class of the run"):
        take_corrections(dataset, review)


def test_a_mask_that_shows_nothing_is_asked_about(dataset: str, review: Path) -> None:
    file = first_mask(review)
    file.write_bytes(encode_mask(np.zeros((48, 64), np.uint8)))
    with pytest.raises(UserError, match=f"1 of 6 masks .* show no class.*{file.stem}"):
        take_corrections(dataset, review)
    assert take_corrections(dataset, review, allow_empty=True).corrected == 1


NAMES = (
    "col:on",
    "cat|dog",
    "line\u2028break",
    "#hash",
    "a:1,2,3",
    "ba\\ck\\",
    'quo"te, comma',
    "😀",
)


@pytest.fixture(scope="module")
def oddly_named(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The dataset of a run whose class names hold what formats use as separators."""
    root = tmp_path_factory.mktemp("odd")
    run = Run(str(root), tiny_recipe(), LocalEngine(1), SilentReporter())
    images = writer(root, "images", IMAGES_SCHEMA, metadata={"classes": list(NAMES)}, shards=SHARDS)
    images.stage([image_row(number, tags_of(number)) for number in range(COUNT)])
    table = images.commit()
    return release(run, table, round_table(root, table, "powerful")).uri


@pytest.mark.parametrize("kind", ["voc", "coco"])
def test_a_review_with_odd_class_names_comes_back_as_it_was(
    oddly_named: str, tmp_path: Path, kind: str
) -> None:
    write_review(oddly_named, tmp_path / "out", COUNT, kind)
    assert take_corrections(oddly_named, tmp_path / "out").unchanged == COUNT


def test_sets_that_cannot_show_ignored_pixels_keep_them(dataset: str, review: Path) -> None:
    """CVAT paints what has no label as background, and its label map has no ignored pixels."""
    text = (review / "labelmap.txt").read_text()
    lines = [line for line in text.splitlines(keepends=True) if not line.startswith("ignore")]
    (review / "labelmap.txt").write_text("".join(lines))
    for file in (review / "SegmentationClass").glob("*.png"):
        mask = decode_mask(file.read_bytes())
        mask[mask == IGNORE] = 0
        file.write_bytes(encode_mask(mask))
    before = decode_mask(next(iter(Table.open(dataset).rows(["mask"])))["mask"]["bytes"])
    assert (before == IGNORE).any()
    taken = take_corrections(dataset, review)
    assert (taken.corrected, taken.unchanged, taken.restored) == (0, COUNT, COUNT)
    assert f"ignored pixels stay in {COUNT} masks" in taken.sentence()
    mask = decode_mask(first_mask(review).read_bytes())
    mask[-5:, -9:] = 3
    first_mask(review).write_bytes(encode_mask(mask))
    assert take_corrections(dataset, review).corrected == 1
    assert (decode_mask(corrected(dataset)[0]["mask"]["bytes"]) == IGNORE).any()


def test_ignored_pixels_that_became_background_are_an_edit(dataset: str, review: Path) -> None:
    file = first_mask(review)
    mask = decode_mask(file.read_bytes())
    mask[mask == IGNORE] = 0
    file.write_bytes(encode_mask(mask))
    taken = take_corrections(dataset, review)
    assert (taken.corrected, taken.unchanged, taken.restored) == (1, COUNT - 1, 0)
