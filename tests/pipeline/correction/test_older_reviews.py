"""A review that comes back after the run has labeled again: untouched masks stay untouched."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tag2mask.pipeline.correction.correct import take_corrections
from tag2mask.pipeline.correction.review import write_review
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.labeling.release import release
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import decode_mask, encode_mask
from tag2mask.pipeline.tables.table import Table
from tests.pipeline.correction.conftest import COUNT, with_ignored_border
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import SilentReporter, tiny_recipe


def label_again(dataset: str) -> None:
    """A later training gives all masks other borders."""
    root = dataset.rpartition("/")[0]
    images = Table.open(f"{root}/images")
    rows = []
    for row in images.rows():
        found = with_ignored_border(row)
        mask = np.roll(decode_mask(found["mask"]["bytes"]), 5, axis=0)
        rows.append({**found, "mask": {"bytes": encode_mask(mask), "path": None}})
    rounds = writer(root, "later", metadata=images.metadata)
    rounds.stage(rows)
    run = Run(root, tiny_recipe(), LocalEngine(1), SilentReporter())
    release(run, images, rounds.commit())


def masks_of(uri: str) -> dict[str, np.ndarray]:
    return {
        row["id"]: decode_mask(row["mask"]["bytes"]) for row in Table.open(uri).rows(["id", "mask"])
    }


@pytest.mark.parametrize("kind", ["voc", "coco"])
@pytest.mark.parametrize("shapes", ["polygon", "rle"])
def test_untouched_masks_of_an_earlier_version_are_unchanged(
    dataset: str, tmp_path: Path, kind: str, shapes: str
) -> None:
    before = masks_of(dataset)
    write_review(dataset, tmp_path / "review", COUNT, kind, shapes)
    label_again(dataset)
    after = masks_of(dataset)
    assert not any(np.array_equal(before[row_id], after[row_id]) for row_id in before)
    taken = take_corrections(dataset, tmp_path / "review")
    assert (taken.corrected, taken.unchanged) == (0, COUNT)
    # Whoever vouches for them has seen the masks of the review, not the later ones.
    taken = take_corrections(dataset, tmp_path / "review", confirm=True)
    assert (taken.corrected, taken.confirmed) == (0, COUNT)
    for row_id, mask in masks_of(taken.uri).items():
        np.testing.assert_array_equal(mask, before[row_id])


def test_an_edited_mask_of_an_earlier_version_is_a_correction(dataset: str, tmp_path: Path) -> None:
    write_review(dataset, tmp_path / "review", COUNT, "voc")
    label_again(dataset)
    file = min((tmp_path / "review" / "SegmentationClass").glob("*.png"))
    mask = decode_mask(file.read_bytes())
    mask[-5:, -9:] = 3
    file.write_bytes(encode_mask(mask))
    taken = take_corrections(dataset, tmp_path / "review")
    assert (taken.corrected, taken.unchanged) == (1, COUNT - 1)


def test_unknown_shapes(dataset: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown shapes 'dots': choose one of polygon, rle"):
        write_review(dataset, tmp_path / "review", COUNT, "coco", "dots")
