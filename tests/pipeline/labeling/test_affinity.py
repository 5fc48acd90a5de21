"""The step between seeds and segmenter: made once, and worth its time on a toy."""

import numpy as np
import pytest
import torch

from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.labeling.affinity import train_affinity, walk_along_affinities
from tag2mask.pipeline.labeling.rounds import Round
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import decode_map, decode_mask, encode_map, encode_mask
from tag2mask.pipeline.stages.refine import seed_probabilities
from tag2mask.pipeline.training.losses import pairs_loss
from tag2mask.pipeline.training.model_store import read_card
from tests.pipeline.small_tables import writer
from tests.pipeline.toys import (
    SilentReporter,
    images_table,
    labels,
    round_row,
    round_table,
    tiny_recipe,
)

COUNT = 12
TRAINING = (
    '{"steps": 60, "batch": 4, "crop": 64, "learning_rate": 5e-3, "head_lr_multiplier": 1, '
    '"warmup": 1}'
)


@pytest.fixture(autouse=True)
def _normal_floats():
    yield
    torch.set_flush_denormal(False)


def run_at(root, steps=TRAINING, *changes) -> Run:
    recipe = tiny_recipe(
        "affinity={}",
        f"affinity.training={steps}",
        "affinity.size=64",
        "segmenter.from_tagger=false",
        "seeds.crf=none",
        "seeds.score_power=1",
        *changes,
    )
    return Run(str(root), recipe, LocalEngine(1), SilentReporter())


def test_shares_of_a_batch_join_exactly():
    generator = torch.Generator().manual_seed(0)
    features = torch.rand(4, 5, 6, 7, generator=generator)
    masks = torch.randint(0, 3, (4, 12, 14), generator=generator)
    whole = pairs_loss(features, masks)
    shares = [pairs_loss(features[part], masks[part]) for part in (slice(0, 1), slice(1, 4))]
    joined = sum(share.value * share.weight for share in shares) / 4
    torch.testing.assert_close(whole.value, joined)


def test_walks_follow_the_seeds_and_are_made_once(tmp_path):
    quick = TRAINING.replace("60", "2")
    run, images = run_at(tmp_path, quick), images_table(tmp_path, COUNT)
    changes = {"scores": [encode_map(np.full((12, 16), 0.5))]}
    seed = round_table(tmp_path, images, "seed", changes)
    card = train_affinity(run, images, seed)
    assert card.architecture.kind == "affinity"
    table = walk_along_affinities(run, images, seed)
    tags = {row["id"]: row["tags"] for row in images.rows(["id", "tags"])}
    for row in table.rows():
        if row["error"]:  # two tags and one map
            continue
        assert set(decode_mask(row["mask"]["bytes"]).flat) <= {0, *tags[row["id"]]}
        assert row["source"] == "affinity"
        assert row["model"] == card.weights
        assert len(row["probabilities"]) == 2
    again = run_at(tmp_path, quick)
    assert train_affinity(again, images, seed) == read_card(run.model_uri("affinity"))
    assert walk_along_affinities(again, images, seed).fingerprint == table.fingerprint
    other = run_at(tmp_path, quick, "affinity.confident=0.5")
    assert train_affinity(other, images, seed).key != card.key


def test_rounds_walk_as_the_recipe_says(tmp_path):
    """They say in their keys which affinities they followed, and how far."""
    quick = TRAINING.replace("60", "1")
    learnt = f"segmenter.training={TRAINING}"
    changes = (learnt, "relabel.crf=none", "relabel.size=64")
    walking = run_at(tmp_path, quick, *changes)
    images = images_table(tmp_path, COUNT)
    seed = round_table(tmp_path, images, "seed")
    train_affinity(walking, images, seed)
    walking.train_segmenter(Round("initial"), images, seed)
    staying = run_at(tmp_path, quick, *changes, "affinity.round_walk_log2_steps=0")
    assert [len(run.walk_stages()) for run in (walking, staying)] == [1, 0]
    walked, stayed, again = (
        (table.manifest.key, [row["mask_confidence"] for row in table.rows()])
        for table in (run.relabel(Round("initial"), images) for run in (walking, staying, walking))
    )
    assert walked == again
    assert walked[0] != stayed[0]
    assert not np.allclose(walked[1], stayed[1], atol=0.01)


def half_seen(row):
    """Scores of the left half of an object alone, and a mask that is sure of what they show."""
    (tag,) = row["tags"]
    mask = labels(int(row["image"]["path"].split(".")[0]), row["tags"])
    _, columns = np.nonzero(mask == tag)
    seen = (mask == tag) & (np.arange(mask.shape[1]) < columns.mean())
    unsure = (mask == tag) & ~seen
    return {
        **round_row(row),
        "mask": {"bytes": encode_mask(mask), "path": row["image"]["path"]},
        "scores": [encode_map(np.where(seen, 1.0, 0.3))],
        "confidence_map": {"bytes": encode_map(np.where(unsure, 0.3, 0.9)), "path": None},
    }


def iou(mask, ground_truth):
    return (mask & ground_truth).sum() / (mask | ground_truth).sum()


@pytest.mark.slow
def test_a_walk_finds_the_other_half(tmp_path):
    """Objects of one color, of which the seeds see the left half."""
    steps = TRAINING.replace('"crop": 64', '"crop": 128')
    run, images = run_at(tmp_path, steps, "affinity.size=128"), images_table(tmp_path, COUNT)
    rows = [row for row in images.rows() if len(row["tags"]) == 1]
    seeds = writer(tmp_path, "seed", metadata=images.metadata)
    seeds.stage([half_seen(row) for row in rows])
    seed = seeds.commit()
    train_affinity(run, images, seed)
    walked = {row["id"]: row for row in walk_along_affinities(run, images, seed).rows()}
    before, after = [], []
    for row, scored in ((row, half_seen(row)) for row in rows):
        ground_truth = labels(int(row["image"]["path"].split(".")[0]), row["tags"]) > 0
        scores = np.stack([decode_map(data) for data in scored["scores"]])
        before.append(iou(seed_probabilities(scores).argmax(axis=0) > 0, ground_truth))
        after.append(iou(decode_mask(walked[row["id"]]["mask"]["bytes"]) > 0, ground_truth))
    assert np.mean(before) < 0.6
    assert np.mean(after) > np.mean(before) + 0.15
