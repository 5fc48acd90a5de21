"""Relabel: what a segmenter sees, averaged over views, among the tags of the picture."""

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from pipeline.errors import UserError
from pipeline.records import IGNORE, decode_mask
from pipeline.stages.labels import as_tensor, rgb
from pipeline.stages.relabel import Relabel, predict_logits
from pipeline.training.model_store import load_model, read_card
from tests.models.randomised import assert_same, random_images
from tests.pipeline.stored_models import stored_model
from tests.pipeline.toys import image_row

SIZE = 56


@pytest.fixture(scope="module")
def uri(tmp_path_factory):
    return stored_model(tmp_path_factory.mktemp("models"), "segmenter", "deeplab_v1", width=8)


@pytest.fixture(scope="module")
def segmenter(uri):
    return load_model(uri, "segmenter")[0]


def relabel(uri, **changes):
    settings = {"source": "initial", "size": SIZE, "scales": (1.0,), "crf": "none"}
    return Relabel(uri, **{**settings, **changes}, device="cpu")


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


def test_a_mirrored_picture_has_mirrored_logits(segmenter):
    image = random_images(3, 40, SIZE)
    logits = predict_logits(segmenter, image, SIZE, (1.0,))
    assert_same(predict_logits(segmenter, mirrored(image), SIZE, (1.0,)), mirrored(logits))


def test_no_scale_is_an_error(segmenter):
    with pytest.raises(ValueError, match="scale"):
        predict_logits(segmenter, random_images(3, 32, 32), SIZE, ())


@pytest.mark.parametrize("tags", [[1], [3], [1, 2], [1, 2, 3]])
def test_probabilities_are_those_of_background_and_tags(uri, segmenter, tags):
    row = image_row(7, tags)
    (labelled,) = relabel(uri)([row])
    logits = predict_logits(segmenter, as_tensor(rgb(row)), SIZE, (1.0,))
    allowed = torch.stack([logits[channel] for channel in [0, *tags]])
    full = interpolate(allowed[None], (48, 64), mode="bilinear")[0]
    probabilities = full.softmax(dim=0).numpy()
    expected = np.array([0, *tags])[probabilities.argmax(axis=0)]
    np.testing.assert_array_equal(decode_mask(labelled["mask"]["bytes"]), expected)
    assert labelled["mask_confidence"] == pytest.approx(float(probabilities.max(axis=0).mean()))


@pytest.mark.parametrize("crf", ["none", "irn"])
def test_masks_hold_tags_background_and_ignore_alone(uri, crf):
    stage = relabel(uri, crf=crf, ignore_below=0.6)
    seen = set()
    for number in range(6):
        tags = [[1], [2], [3], [1, 3]][number % 4]
        (row,) = stage([image_row(number, tags)])
        values = set(np.unique(decode_mask(row["mask"]["bytes"])).tolist())
        assert values <= {0, IGNORE, *tags}
        seen |= values
    assert seen > {0}


def test_a_row_does_not_depend_on_its_batch(uri):
    stage = relabel(uri, crf="irn", scales=(0.75, 1.0))
    rows = [image_row(number, [1 + number % 3]) for number in range(3)]
    assert stage(rows) == [stage([row])[0] for row in rows]


def test_rows_say_where_they_come_from(uri):
    (row,) = relabel(uri, source="enhanced")([image_row(0, [1])])
    assert row["source"] == "enhanced"
    assert row["model"] == read_card(uri).weights


def test_a_missing_model_is_said_before_the_first_row(tmp_path):
    with pytest.raises(UserError, match="no model"):
        relabel(str(tmp_path / "none"))
