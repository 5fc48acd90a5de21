"""Refine: scores become probabilities and masks, with a CRF or without."""

import numpy as np
import pytest

from tag2mask.models.crf import CRF_PRESETS
from tag2mask.pipeline.records import IGNORE, decode_map, decode_mask, encode_map
from tag2mask.pipeline.stages.refine import Refine, seed_probabilities
from tests.pipeline.toys import image_row, labels


def test_probabilities_by_hand():
    scores = np.array([[[1.0, 0.5, 0.0]], [[0.2, 0.5, 0.0]]], np.float32)
    expected = np.array(
        [
            [[0.0, 0.5 / 1.5, 1.0]],  # 1 - the stronger class, over the sum of all three
            [[1.0 / 1.2, 0.5 / 1.5, 0.0]],
            [[0.2 / 1.2, 0.5 / 1.5, 0.0]],
        ]
    )
    np.testing.assert_allclose(seed_probabilities(scores), expected, atol=1e-6)


def test_contrast_takes_from_the_weak():
    scores = np.array([[[0.5]], [[1.0]]], np.float32)
    np.testing.assert_allclose(
        seed_probabilities(scores, 2.0).ravel(), np.array([0.0, 0.25, 1.0]) / 1.25, atol=1e-6
    )
    np.testing.assert_allclose(seed_probabilities(scores[:1], 2.0).ravel(), [0.75, 0.25], atol=1e-6)


@pytest.mark.parametrize("score_power", [0.25, 1.0, 5.0])
def test_probabilities_sum_to_one(score_power):
    scores = np.random.default_rng(0).random((3, 8, 8)).astype(np.float32)
    scores[:, 0, 0] = 0
    scores[:, 0, 1] = 1
    probabilities = seed_probabilities(scores, score_power)
    assert probabilities.dtype == np.float32
    assert probabilities.shape == (4, 8, 8)
    assert probabilities.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=0), 1, atol=1e-6)


def scored(number=4, tags=(1, 3), strength=1.0):
    """A toy image whose scores are its ground truth mask, blurred by the quarter size."""
    row = image_row(number, list(tags))
    mask = labels(number, tags)
    row["scores"] = [encode_map((mask == tag)[::4, ::4] * strength) for tag in tags]
    return row, mask


@pytest.mark.parametrize("crf", ["none", *CRF_PRESETS])
def test_masks_hold_tags_and_background_alone(crf):
    row, mask = scored()
    (refined,) = Refine(crf=crf, score_power=1.0)([row])
    found = decode_mask(refined["mask"]["bytes"])
    assert found.shape == mask.shape
    assert set(np.unique(found).tolist()) <= {0, 1, 3}
    assert refined["classes"] == [1, 3]
    assert (found == mask).mean() > 0.9
    assert refined["error"] is None


def test_the_crf_follows_the_colors():
    row, mask = scored(strength=0.7)
    plain, sharpened = (
        decode_mask(Refine(crf=crf, score_power=1.0)([dict(row)])[0]["mask"]["bytes"])
        for crf in ("none", "irn")
    )
    assert (sharpened == mask).mean() > (plain == mask).mean()


def test_soft_probabilities_are_kept_for_the_next_training():
    row, _ = scored()
    (refined,) = Refine(crf="none", score_power=1.0)([row])
    soft = np.stack([decode_map(data) for data in refined["probabilities"]])
    assert soft.shape == (3, 12, 16), "background and two tags at a quarter of the size"
    np.testing.assert_allclose(soft.sum(axis=0), 1, atol=2 / 255)


def test_uncertain_pixels_are_ignored():
    row, _ = scored(strength=0.6)
    (refined,) = Refine(crf="none", score_power=1.0, ignore_below=0.7)([row])
    found = decode_mask(refined["mask"]["bytes"])
    assert IGNORE in found
    assert refined["classes"] == []


def test_a_row_does_not_depend_on_its_batch():
    stage = Refine(crf="irn", score_power=1.0)
    rows = [scored(number, tags)[0] for number, tags in ((0, [1]), (1, [2, 3]), (2, [3]))]
    assert stage(rows) == [stage([row])[0] for row in rows]


def test_scores_of_nothing_are_background():
    row, _ = scored(strength=0.0)
    (refined,) = Refine(crf="irn", score_power=5.0)([row])
    assert not decode_mask(refined["mask"]["bytes"]).any()
