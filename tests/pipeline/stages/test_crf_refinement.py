"""CRF refinement: large images are made smaller for it, and its masks are cleaned."""

import io

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from tag2mask.pipeline.records import decode_map, decode_mask, encode_map
from tag2mask.pipeline.stages.crf_refinement import CrfRefinement, bounded_image
from tag2mask.pipeline.stages.mask_settings import MaskSettings
from tag2mask.pipeline.stages.refine import Refine
from tests.pipeline.toys import image_row, labels

TAGS = [1, 3]


class Noted(CrfRefinement):
    """Gives probabilities with specks and holes, and notes the sizes that it is asked for."""

    def __init__(self, **settings):
        super().__init__("none", **settings)
        self.sizes = []

    def probabilities(self, image, row):
        self.sizes.append(image.shape)
        height, width = image.shape[:2]
        maps = np.full((3, height, width), 0.2, np.float32)
        maps[0] = 0.6
        half = np.s_[height // 4 : 3 * height // 4, width // 4 : 3 * width // 4]
        maps[:, *half] = np.array([0.1, 0.8, 0.1], np.float32)[:, None, None]
        maps[:, height // 2, width // 2] = [0.7, 0.2, 0.1]  # a hole of one pixel
        maps[:, 1, 1] = [0.0, 0.0, 1.0]
        maps[:, 5:7, 1] = np.array([0.0, 0.0, 1.0], np.float32)[:, None]
        return maps


def photograph(width, height):
    stored = io.BytesIO()
    Image.effect_noise((width, height), 60).convert("RGB").save(stored, "JPEG")
    return {**image_row(1, TAGS), "image": {"bytes": stored.getvalue(), "path": "a.jpg"}}


def objects(mask, label):
    return ndimage.label(mask == label, np.ones((3, 3)))[1]


def test_masks_are_cleaned_by_default_and_as_they_are_by_setting():
    row = photograph(120, 80)
    mask = decode_mask(Noted()([row])[0]["mask"]["bytes"])
    assert [objects(mask, label) for label in (0, 1, 3)] == [1, 1, 1]
    assert (mask == 3).sum() == 2, "the largest component of a class stays, however small it is"
    assert mask[40, 60] == 1
    uncleaned = Noted(masks={"min_component": 0, "min_hole": 0})
    mask = decode_mask(uncleaned([row])[0]["mask"]["bytes"])
    assert [objects(mask, label) for label in (0, 1, 3)] == [2, 1, 2]


def test_a_filled_pixel_has_the_confidence_of_its_new_class():
    (row,) = Noted()([photograph(120, 80)])
    ones = 40 * 60
    assert row["confidence"][0] == pytest.approx((0.8 * (ones - 1) + 0.2) / ones, abs=1e-5)


@pytest.mark.parametrize(("width", "height"), [(800, 600), (600, 800), (2000, 500)])
def test_a_large_image_is_labeled_small_and_its_mask_has_its_size(width, height):
    stage = Noted(masks={"max_side": 200})
    (row,) = stage([photograph(width, height)])
    factor = 200 / max(width, height)
    assert stage.sizes == [(round(height * factor), round(width * factor), 3)]
    mask = decode_mask(row["mask"]["bytes"])
    assert mask.shape == (height, width)
    inner = np.s_[height // 4 + 9 : 3 * height // 4 - 9, width // 4 + 9 : 3 * width // 4 - 9]
    assert (mask[inner] == 1).all()
    assert decode_map(row["confidence_map"]["bytes"]).shape == (-(-height // 8), -(-width // 8))


def test_an_image_of_the_bound_is_not_touched():
    image = np.zeros((30, 350, 3), np.uint8)
    assert bounded_image(image, MaskSettings().max_side) is image
    assert bounded_image(image, 349).shape == (30, 349, 3)


@pytest.mark.parametrize("crf", ["none", "irn"])
def test_a_photograph_four_times_as_large_has_the_same_mask(crf):
    """What a camera's image would get: nearly the mask of its smaller copy, enlarged."""
    small = image_row(4, TAGS)
    with Image.open(io.BytesIO(small["image"]["bytes"])) as image:
        large_image = image.resize((image.width * 4, image.height * 4), Image.Resampling.BICUBIC)
    stored = io.BytesIO()
    large_image.save(stored, "PNG")
    large = {**small, "image": {"bytes": stored.getvalue(), "path": "a.png"}}
    mask = labels(4, tuple(TAGS))
    maps = [(mask == tag)[::4, ::4].astype(np.float32) for tag in TAGS]
    for row in (small, large):
        row["scores"] = [encode_map(values) for values in maps]
    stage = Refine(crf=crf, score_power=1.0, masks={"max_side": max(mask.shape)})
    one, other = (decode_mask(row["mask"]["bytes"]) for row in stage([small, large]))
    assert other.shape == (4 * one.shape[0], 4 * one.shape[1])
    assert (np.kron(one, np.ones((4, 4), one.dtype)) == other).mean() > 0.97
    sizes = [decode_map(row["probabilities"][0]).shape for row in stage([small, large])]
    assert sizes[1] == (4 * sizes[0][0], 4 * sizes[0][1])
