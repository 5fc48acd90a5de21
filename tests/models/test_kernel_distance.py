"""The kernel distance against torchmetrics, and where it is zero."""

import pytest
import torch
from torchmetrics.image.kid import poly_mmd

from tag2mask.models.kernel_distance import kernel_distance


def features(count, shift=0.0, seed=0):
    return torch.randn(count, 12, generator=torch.Generator().manual_seed(seed)) + shift


def test_against_torchmetrics():
    ours, theirs = features(40), features(40, shift=0.5, seed=1)
    expected = float(poly_mmd(ours.double(), theirs.double()))
    assert kernel_distance(ours, theirs) == pytest.approx(expected, rel=1e-9)


def test_draws_of_one_distribution_are_at_zero_on_average():
    found = [kernel_distance(features(60, seed=s), features(80, seed=100 + s)) for s in range(40)]
    mean = sum(found) / len(found)
    apart = kernel_distance(features(60), features(80, shift=0.5, seed=1))
    assert min(found) < 0 < apart
    assert abs(mean) < 0.05 * apart


@pytest.mark.parametrize("theirs", [torch.zeros(1, 12), torch.zeros(5, 11)])
def test_features_that_cannot_be_compared(theirs):
    with pytest.raises(ValueError, match="cannot be compared"):
        kernel_distance(features(5), theirs)
