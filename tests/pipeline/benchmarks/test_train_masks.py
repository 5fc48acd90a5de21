"""Other trainings on masks: their targets and losses, and that they make other models."""

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from tag2mask.models.segmentation.weight_map import weight_map
from tag2mask.pipeline.benchmarks.train_masks import train_reduced, train_unet
from tag2mask.pipeline.engine.local import LocalEngine
from tag2mask.pipeline.labeling.rounds import Round
from tag2mask.pipeline.labeling.run import Run
from tag2mask.pipeline.records import decode_mask
from tag2mask.pipeline.training.augmentation import View
from tag2mask.pipeline.training.losses import hard_loss, reduced_loss, weighted_loss
from tag2mask.pipeline.training.targets import MaskTarget, WeightedMaskTarget
from tests.pipeline.toys import SilentReporter, images_table, round_row, round_table, tiny_recipe


@pytest.fixture(autouse=True)
def _normal_floats():
    yield
    torch.set_flush_denormal(False)


def test_targets_are_the_mask_and_its_weights(tmp_path):
    (row, *_) = images_table(tmp_path, 3).rows()
    row = {**row, "toy": round_row(row)}
    view, rng = View(64, 48, 0, 0, 64, False), np.random.default_rng(0)
    labels, weights = WeightedMaskTarget("toy")(row, view, rng)
    np.testing.assert_array_equal(labels, MaskTarget("toy")(row, view, rng))
    padded = np.full((64, 64), 255, np.uint8)
    padded[:48] = decode_mask(row["toy"]["mask"]["bytes"])
    np.testing.assert_array_equal(weights, weight_map(padded, 255)[2::4, 2::4])


def test_even_weights_are_the_plain_loss():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 3, 4, 4, generator=generator)
    labels = torch.randint(0, 3, (2, 8, 8), generator=generator)
    labels[0, :3] = 255
    weighted = weighted_loss(logits, (labels, torch.full((2, 8, 8), 2.5)))
    plain = hard_loss(logits, labels)
    torch.testing.assert_close(weighted.value, plain.value)
    torch.testing.assert_close(weighted.weight, 2.5 * plain.weight)


def test_weights_count_by_hand():
    logits = torch.randn(1, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    labels, weights = torch.tensor([[[0, 1], [2, 255]]]), torch.tensor([[[1.0, 4.0], [0.0, 9.0]]])
    entropy = cross_entropy(logits, labels, ignore_index=255, reduction="none")[0]
    expected = (entropy[0, 0] + 4 * entropy[0, 1]) / 5
    torch.testing.assert_close(weighted_loss(logits, (labels, weights)).value, expected)


def test_reduced_labels_are_the_nearest_ones():
    logits = torch.randn(1, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    labels = torch.full((1, 8, 8), 2)
    labels[:, 2, 6] = 1  # nearest to the middle of its quarter
    labels[:, 6, 2] = 255
    entropy = cross_entropy(logits, torch.tensor([[[2, 1], [255, 2]]]), ignore_index=255)
    found = reduced_loss(logits, labels)
    torch.testing.assert_close(found.value, entropy)
    assert found.weight == 3


@pytest.mark.parametrize("train", [train_unet, train_reduced])
def test_it_is_trained_once(train, tmp_path):
    recipe = tiny_recipe("segmenter.head=unet", "segmenter.from_tagger=false")
    run = Run(str(tmp_path), recipe, LocalEngine(1), SilentReporter())
    images = images_table(tmp_path, 6)
    toy = round_table(tmp_path, images)
    card = train(run, "unet", images, toy)
    assert card.architecture.head == "unet"
    assert train(run, "unet", images, toy) == card
    assert run.train_segmenter(Round("plain"), images, toy).weights != card.weights
