"""Walk scores: a random walk between the scores and the mask, against the walk alone."""

import numpy as np
import pytest
import torch

from tag2mask.models.saliency.scaling import scaled_to
from tag2mask.models.weak.affinity import AffinityNet, random_walk
from tag2mask.pipeline.records import decode_map, decode_mask
from tag2mask.pipeline.records.mask_rows import as_tensor, encode_maps, rgb
from tag2mask.pipeline.stages.refine import seed_probabilities
from tag2mask.pipeline.stages.walk_scores import WALKED, RefineWalkedScores, WalkScores
from tag2mask.pipeline.training.model_store import load_model, read_card
from tests.pipeline.toys import image_row

SETTINGS = {"size": 64, "score_power": 1.0, "device": "cpu"}


def scored(number, tags):
    maps = np.random.default_rng(number).random((len(tags), 48, 64), np.float32)
    return {**image_row(number, tags), "scores": encode_maps(maps)}


def test_probabilities_are_those_of_the_walk(affinity):
    row = scored(4, [1, 3])
    (done,) = RefineWalkedScores(crf="none")(WalkScores(affinity, **SETTINGS)([row]))
    network, _ = load_model(affinity, "affinity")
    assert isinstance(network, AffinityNet)
    scores = np.stack([decode_map(data) for data in row["scores"]])
    full = torch.nn.functional.interpolate(
        torch.from_numpy(scores)[None], (48, 64), mode="bilinear", antialias=True
    )[0]
    before = torch.from_numpy(seed_probabilities(full.numpy()))
    with torch.no_grad():
        features = network(scaled_to(as_tensor(rgb(row)), 64))[0]
    grid = random_walk(features, before)
    after = torch.nn.functional.interpolate(grid[None], (48, 64), mode="bilinear")[0].numpy()
    assert after.sum(axis=0) == pytest.approx(np.ones((48, 64)), abs=1e-5)
    expected = np.array([0, 1, 3])[after.argmax(axis=0)]
    np.testing.assert_array_equal(decode_mask(done["mask"]["bytes"]), expected)
    assert len(done["probabilities"]) == 3
    assert WALKED not in done
    assert done["source"] == "affinity"
    assert done["model"] == read_card(affinity).weights


def test_a_row_does_not_depend_on_its_batch(affinity):
    walk, refine = WalkScores(affinity, **SETTINGS), RefineWalkedScores(crf="irn")
    rows = [scored(number, tags) for number, tags in enumerate([[1], [2, 3], [3]])]
    assert refine(walk(rows)) == [refine(walk([row]))[0] for row in rows]
