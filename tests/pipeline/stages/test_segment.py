"""Segment: what a segmenter sees, averaged over views, of background and the tags."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from tag2mask.pipeline.engine.packing import pack, unpack
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records.mask_rows import as_tensor, rgb
from tag2mask.pipeline.stages.segment import Segment, predict_logits
from tag2mask.pipeline.training.model_store import load_model, read_card
from tests.models.randomized import assert_same, random_images
from tests.pipeline.stored_models import stored_model
from tests.pipeline.toys import image_row

SIZE = 56


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return stored_model(tmp_path_factory.mktemp("models"), "segmenter", "deeplab_v1", width=8)


@pytest.fixture(scope="module")
def segmenter(uri):
    return load_model(uri, "segmenter")[0]


def segment(uri, source="initial", scales=(1.0,)):
    return Segment(uri, source=source, size=SIZE, scales=scales, device="cpu")


def mirrored(image):
    return torch.from_numpy(np.ascontiguousarray(image.numpy()[..., ::-1]))


@pytest.mark.parametrize("scales", [(1.0,), (0.5, 1.0), (1.0, 0.75, 1.5)])
def test_views_are_averaged_as_by_hand(segmenter, scales):
    image = random_images(3, 40, 64)
    views = []
    with torch.no_grad():
        for scale in scales:
            extent = (round(40 * scale * SIZE / 64), round(64 * scale * SIZE / 64))
            scaled = interpolate(image[None], extent, mode="bilinear", antialias=True)
            plain = segmenter(scaled)
            flipped = mirrored(segmenter(mirrored(scaled)))
            first = views[0].shape[2:] if views else plain.shape[2:]
            views += [interpolate(logits, first, mode="bilinear") for logits in (plain, flipped)]
    expected = torch.stack(views).mean(dim=0)[0]
    assert_same(predict_logits(segmenter, image, SIZE, scales), expected)


def test_a_mirrored_image_has_mirrored_logits(segmenter):
    image = random_images(3, 40, SIZE)
    logits = predict_logits(segmenter, image, SIZE, (1.0,))
    assert_same(predict_logits(segmenter, mirrored(image), SIZE, (1.0,)), mirrored(logits))


def test_no_scale_is_an_error(segmenter):
    with pytest.raises(ValueError, match="scale"):
        predict_logits(segmenter, random_images(3, 32, 32), SIZE, ())


@pytest.mark.parametrize("tags", [[1], [3], [1, 2], [1, 2, 3]])
def test_logits_are_those_of_background_and_tags(uri, segmenter, tags):
    row = image_row(7, tags)
    (done,) = segment(uri)([row])
    logits = predict_logits(segmenter, as_tensor(rgb(row)), SIZE, (1.0,))
    expected = torch.stack([logits[channel] for channel in [0, *tags]]).numpy()
    assert done["logits"].dtype == np.float32
    np.testing.assert_array_equal(done["logits"], expected)
    # Another process, as that of the CRF, gets the same bits.
    np.testing.assert_array_equal(unpack(pack(done))["logits"], expected)


def test_a_row_does_not_depend_on_its_batch(uri):
    stage = segment(uri, scales=(0.75, 1.0))
    rows = [image_row(number, [1 + number % 3]) for number in range(3)]
    for row, together in zip(rows, stage(rows), strict=True):
        np.testing.assert_array_equal(stage([row])[0]["logits"], together["logits"])


def test_rows_say_where_they_come_from(uri):
    (row,) = segment(uri, source="enhanced")([image_row(0, [1])])
    assert row["source"] == "enhanced"
    assert row["model"] == read_card(uri).weights


def test_a_missing_model_is_said_before_the_first_row(tmp_path):
    with pytest.raises(UserError, match="no model"):
        segment(str(tmp_path / "none"))
