"""Predictions smoothed by segments: the prior is in them, and edges are those of segments."""

import numpy as np
import pytest
from torch.nn.functional import interpolate

from tag2mask.models.regions.smoothing import segment_means
from tag2mask.models.regions.tree import region_tree
from tag2mask.models.weak.mil import with_image_prior
from tag2mask.pipeline.benchmarks.stages.segment_smoothing import (
    RelabelOnTree,
    RelabelSuperpixels,
    SegmentWithPrior,
)
from tag2mask.pipeline.records import decode_mask
from tag2mask.pipeline.records.mask_rows import as_tensor, rgb
from tag2mask.pipeline.stages.segment import Segment, predict_logits
from tag2mask.pipeline.training.model_store import load_model
from tests.pipeline.stages.test_segment import SIZE, uri  # noqa: F401  (a fixture)
from tests.pipeline.toys import image_row

SETTINGS = {"source": "x", "size": SIZE, "scales": (1.0,), "device": "cpu"}


def test_prior_then_segments(uri):  # noqa: F811
    row = image_row(7, [1, 3])
    (done,) = RelabelSuperpixels(crf="irn")(SegmentWithPrior(uri, **SETTINGS)([row]))
    segmenter, _ = load_model(uri, "segmenter")
    logits = predict_logits(segmenter, as_tensor(rgb(row)), SIZE, (1.0,))
    allowed = with_image_prior(logits[None])[:, [0, 1, 3]]
    full = interpolate(allowed, (48, 64), mode="bilinear")[0].softmax(dim=0).numpy()
    expected = np.array([0, 1, 3])[segment_means(rgb(row), full).argmax(axis=0)]
    np.testing.assert_array_equal(decode_mask(done["mask"]["bytes"]), expected)


@pytest.mark.parametrize("stage", [RelabelSuperpixels, RelabelOnTree])
def test_a_segment_has_one_label(uri, stage):  # noqa: F811
    toys = [image_row(number, [1 + number % 3]) for number in range(3)]
    rows, relabel = Segment(uri, **SETTINGS)(toys), stage(crf="irn")
    done = relabel(rows)
    assert done == [relabel([row])[0] for row in rows]
    for row in done:
        mask, segments = decode_mask(row["mask"]["bytes"]), region_tree(rgb(row)).superpixels
        assert set(mask.flat) <= {0, *row["tags"]}
        assert all(len(np.unique(mask[segments == one])) == 1 for one in np.unique(segments))
