"""Region classifiers on generated images: what they learn from, and that they are made once."""

import numpy as np
import pytest
import torch

from tag2mask.pipeline.benchmarks.train_regions import make_examples, predict_regions, train_regions
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import decode_mask, encode_mask
from tag2mask.pipeline.synthetic.images import CLASSES, render
from tag2mask.pipeline.training.model_store import read_card
from tests.pipeline.toys import SilentReporter, images_table, png, round_table, tiny_recipe

COUNT = 6


@pytest.fixture(autouse=True)
def _normal_floats():
    yield
    torch.set_flush_denormal(False)


def test_examples_overlap_with_the_objects():
    sample = render(0, 0)
    row = {
        "image": {"bytes": png(np.array(sample.image)), "path": "0.png"},
        "ground_truth": {"mask": {"bytes": encode_mask(sample.mask)}},
    }
    labels = len(CLASSES) + 1
    image, masks, shares = make_examples(row, 128, labels, np.random.default_rng(0))
    assert image.shape[1:] == masks.shape[1:]
    assert shares.shape == (len(masks), labels)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)
    assert shares.min() >= 0
    (value,) = np.unique(sample.mask)[1:]
    best = shares[:, value].argmax()
    assert shares[best, value] == 1, "the object itself is among them"
    assert (shares[:, 0] > 0.7).any(), "and so is background"
    again = make_examples(row, 128, labels, np.random.default_rng(0))
    np.testing.assert_array_equal(again[1], masks)


@pytest.mark.parametrize("descriptor", ["o2p", "spp"])
def test_made_once_and_predicts_labels(descriptor, tmp_path):
    recipe = tiny_recipe("relabel.size=64", "tagger.training.steps=2")
    run = Run(str(tmp_path), recipe, LocalEngine(1), SilentReporter())
    images = images_table(tmp_path, COUNT)
    run.train_tagger(images)
    ground_truth = round_table(tmp_path, images)
    card = train_regions(run, descriptor, images, ground_truth, descriptor)
    assert card.architecture.head == descriptor
    assert card.training["images"] == COUNT
    assert train_regions(run, descriptor, images, ground_truth, descriptor) == card
    table = predict_regions(run, images, "predicted", run.model_uri(descriptor))
    for row in table.rows():
        assert row["error"] is None
        assert set(decode_mask(row["mask"]["bytes"]).flat) <= {0, 1, 2, 3}
        assert row["model"] == read_card(run.model_uri(descriptor)).weights
