"""Relabel: logits become probabilities and masks, among the tags of the image."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from tag2mask.pipeline.records import IGNORE, decode_mask
from tag2mask.pipeline.stages.relabel import Relabel
from tests.pipeline.toys import image_row

UNCLEANED = {"min_component": 0, "min_hole": 0}


def segmented(number, tags):
    """A row as a segmenter leaves it."""
    noise = np.random.default_rng(number).normal(size=(1 + len(tags), 6, 8))
    return {**image_row(number, tags), "logits": 2 * noise.astype(np.float32)}


@pytest.mark.parametrize("tags", [[1], [3], [1, 2], [1, 2, 3]])
def test_probabilities_are_those_of_the_logits(tags):
    row = segmented(7, tags)
    (labeled,) = Relabel(crf="none", masks=UNCLEANED)([row])
    full = interpolate(torch.from_numpy(row["logits"])[None], (48, 64), mode="bilinear")[0]
    probabilities = full.softmax(dim=0).numpy()
    expected = np.array([0, *tags])[probabilities.argmax(axis=0)]
    np.testing.assert_array_equal(decode_mask(labeled["mask"]["bytes"]), expected)
    assert labeled["mask_confidence"] == pytest.approx(float(probabilities.max(axis=0).mean()))
    assert "logits" not in labeled


@pytest.mark.parametrize("crf", ["none", "irn"])
def test_masks_hold_tags_background_and_ignore_alone(crf):
    stage = Relabel(crf=crf, ignore_below=0.6)
    seen = set()
    for number in range(6):
        tags = [[1], [2], [3], [1, 3]][number % 4]
        (row,) = stage([segmented(number, tags)])
        values = set(np.unique(decode_mask(row["mask"]["bytes"])).tolist())
        assert values <= {0, IGNORE, *tags}
        seen |= values
    assert seen > {0}


def test_a_row_does_not_depend_on_its_batch():
    stage = Relabel(crf="irn")
    rows = [segmented(number, [1 + number % 3]) for number in range(3)]
    assert stage(rows) == [stage([row])[0] for row in rows]
