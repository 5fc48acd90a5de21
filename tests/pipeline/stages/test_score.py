"""Score: one map for each tag, from a stored tagger or without one."""

import numpy as np
import pytest
import torch

from tag2mask.models.saliency import SCORERS
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import decode_map
from tag2mask.pipeline.records.mask_rows import as_tensor, rgb
from tag2mask.pipeline.stages.score import Score
from tag2mask.pipeline.training.model_store import load_model, read_card
from tests.pipeline.stored_models import stored_model
from tests.pipeline.toys import image_row

SMALL = {"size": 64}
SETTINGS = {name: SMALL for name in SCORERS} | {
    "dcsm": {"canvas": 48, "scales": [1.0]},
    "dcsm_caffe": {"canvas": 48},
    "dcsm_saliency": {"canvas": 48, "scales": [1.0]},
    "background_detection": {},
}


@pytest.fixture(scope="module")
def tagger(tmp_path_factory):
    return stored_model(tmp_path_factory.mktemp("models"), "tagger", "average")


@pytest.mark.parametrize("scorer", SETTINGS)
def test_one_map_for_each_tag_in_their_order(tagger, scorer):
    stage = Score(scorer, tagger, SETTINGS[scorer], device="cpu")
    (row,) = stage([image_row(4, [1, 3])])
    maps = np.stack([decode_map(data) for data in row["scores"]])
    assert maps.shape == (2, 12, 16), "a quarter of 48 x 64"
    assert row["source"] == scorer
    assert row["model"] == read_card(tagger).weights
    # Tags are pixel values from 1, the tagger's channels count from 0.
    model = load_model(tagger, "tagger")[0]
    direct = SCORERS[scorer](model, **SETTINGS[scorer])
    expected = direct(as_tensor(rgb(row)), torch.tensor([0, 2]))
    means = [float(values.mean()) for values in expected]
    assert maps.mean(axis=(1, 2)).tolist() == pytest.approx(means, abs=0.02)


@pytest.mark.parametrize("scorer", SETTINGS)
def test_a_row_does_not_depend_on_its_batch(tagger, scorer):
    stage = Score(scorer, tagger, SETTINGS[scorer], device="cpu")
    rows = [image_row(number, tags) for number, tags in enumerate([[1], [2, 3], [3]])]
    assert stage(rows) == [stage([row])[0] for row in rows]


def test_a_scorer_without_a_tagger():
    (row,) = Score("background_detection", "", {}, device="cpu")([image_row(0, [2])])
    assert row["model"] == ""
    assert len(row["scores"]) == 1


def test_a_missing_tagger_is_said_before_the_first_row(tmp_path):
    with pytest.raises(UserError, match="no model"):
        Score("cam", str(tmp_path / "none"), {})
