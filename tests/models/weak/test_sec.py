"""The three parts of SEC by hand."""

import numpy as np
import pytest
import torch
from torch.nn.functional import nll_loss

from tag2mask.models.weak.sec import PLACES, constrain_loss, expand_loss, rank_pooled, seed_loss
from tests.models.weak.test_base import labels, logits


@pytest.fixture
def probabilities():
    return logits(side=16).softmax(dim=1)


def test_seeds_are_a_cross_entropy_on_labeled_pixels(probabilities):
    known = labels().seeds
    expected = torch.stack(
        [nll_loss(probabilities[i, None].log(), known[i, None], ignore_index=255) for i in range(2)]
    ).mean()
    torch.testing.assert_close(seed_loss(probabilities, known), expected)


def test_no_seed_is_no_loss(probabilities):
    assert seed_loss(probabilities, torch.full((2, 16, 16), 255)) == 0


def test_rank_pooling_lies_between_the_maximum_and_the_mean(probabilities):
    torch.testing.assert_close(rank_pooled(probabilities, 0.0), probabilities.amax(dim=(2, 3)))
    torch.testing.assert_close(rank_pooled(probabilities, 1.0), probabilities.mean(dim=(2, 3)))


def test_rank_pooling_is_the_papers_sum_on_its_own_grid():
    values = torch.rand(1, 1, 41, 41, generator=torch.Generator().manual_seed(0))
    ordered = np.sort(values.numpy().ravel())[::-1]
    weights = 0.996 ** np.arange(PLACES)
    expected = (ordered * weights).sum() / weights.sum()
    assert rank_pooled(values, 0.996).item() == pytest.approx(expected, rel=1e-5)


def test_expansion_wants_tags_and_no_other_class(probabilities):
    tags = labels().tags
    base = expand_loss(probabilities, tags)
    scores = probabilities.log()
    for channel, better in ((1, True), (2, False)):
        changed = scores.clone()
        changed[:, channel] += 2
        assert (expand_loss(changed.softmax(dim=1), tags) < base) == better


def test_constraint_is_the_divergence_from_the_refinement(probabilities):
    other = logits(seed=1, side=16).softmax(dim=1)
    expected = (other * (other / probabilities).log()).sum(dim=1).mean()
    torch.testing.assert_close(constrain_loss(probabilities, other), expected, rtol=1e-3, atol=0)
    assert constrain_loss(probabilities, probabilities).abs() < 1e-6
