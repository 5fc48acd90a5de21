"""Walk logits: a random walk between a segmenter's logits and the mask, against the walk alone."""

import numpy as np
import pytest
import torch

from tag2mask.models.saliency.scaling import scaled_to
from tag2mask.models.weak.affinity import random_walk
from tag2mask.pipeline.records.mask_rows import as_tensor, rgb
from tag2mask.pipeline.stages.walk_logits import WalkLogits
from tag2mask.pipeline.training.model_store import load_model
from tests.pipeline.stages.test_relabel import segmented

SETTINGS = {"size": 64, "walk_log2_steps": 3, "device": "cpu"}


def test_probabilities_walk_and_come_back_as_logits(affinity):
    row = segmented(4, [1, 3])
    (done,) = WalkLogits(affinity, **SETTINGS)([row])
    network, _ = load_model(affinity, "affinity")
    with torch.no_grad():
        features = network(scaled_to(as_tensor(rgb(row)), 64))[0]
    expected = random_walk(features, torch.from_numpy(row["logits"]).softmax(dim=0), 3)
    found = torch.from_numpy(done["logits"]).softmax(dim=0)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert {**done, "logits": None} == {**row, "logits": None}


def test_what_no_walk_reaches_is_unlikely_and_not_impossible(affinity):
    row = segmented(4, [1, 3])
    row["logits"][1] = 1000.0
    (done,) = WalkLogits(affinity, **SETTINGS)([row])
    assert done["logits"].dtype == np.float32
    assert done["logits"][[0, 2]] == pytest.approx(np.log(1e-6))
    assert done["logits"][1] == pytest.approx(0, abs=1e-5)


def test_a_row_does_not_depend_on_its_batch(affinity):
    walk = WalkLogits(affinity, **SETTINGS)
    rows = [segmented(number, tags) for number, tags in enumerate([[1], [2, 3], [3]])]
    for together, row in zip(walk(rows), rows, strict=True):
        np.testing.assert_array_equal(together["logits"], walk([row])[0]["logits"])
