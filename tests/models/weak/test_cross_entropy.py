"""The losses of soft and hard pixel labels against torch's own and against the formula."""

import math

import pytest
import torch
from torch.nn import functional

from tag2mask.models.weak.cross_entropy import IGNORE, pixel_cross_entropy, soft_cross_entropy

LABELS = 4


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


@pytest.fixture
def logits(generator):
    return torch.randn(2, LABELS, 5, 6, generator=generator).requires_grad_()


@pytest.fixture
def labels(generator):
    return torch.randint(0, LABELS, (2, 5, 6), generator=generator)


def one_hot(labels):
    return functional.one_hot(labels, LABELS).movedim(-1, 1).float()


def test_hard_labels_as_torch_has_them(logits, labels):
    labels[0, 1:3] = IGNORE
    ours = pixel_cross_entropy(logits, labels)
    theirs = functional.cross_entropy(logits, labels, ignore_index=IGNORE)
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients)
    assert torch.equal(gradients[0][0, :, 1:3], torch.zeros(LABELS, 2, 6))


def test_soft_labels_as_torch_has_them(logits, generator):
    targets = torch.rand(2, LABELS, 5, 6, generator=generator)
    targets = targets / targets.sum(dim=1, keepdim=True)
    expected = functional.cross_entropy(logits, targets)
    torch.testing.assert_close(soft_cross_entropy(logits, targets), expected)


def test_soft_labels_as_the_paper_has_them(logits, generator):
    """-(1/hw) sum of S log f_c + (1 - S) log f_0, for one image of class 2."""
    saliency = torch.rand(5, 6, generator=generator)
    targets = torch.zeros(1, LABELS, 5, 6)
    targets[0, 2], targets[0, 0] = saliency, 1 - saliency
    total = 0.0
    for place in ((row, column) for row in range(5) for column in range(6)):
        scores = logits[0, :, place[0], place[1]].tolist()
        normalizer = math.log(sum(math.exp(score) for score in scores))
        s = float(saliency[place])
        total -= s * (scores[2] - normalizer) + (1 - s) * (scores[0] - normalizer)
    loss = soft_cross_entropy(logits[:1], targets)
    assert float(loss.detach()) == pytest.approx(total / 30, rel=1e-5)


def test_soft_with_one_hot_labels_is_hard(logits, labels):
    soft = soft_cross_entropy(logits, one_hot(labels))
    torch.testing.assert_close(soft, pixel_cross_entropy(logits, labels))


def test_pixels_without_a_target_are_ignored(logits, labels):
    targets = one_hot(labels)
    targets[:, :, 3:] = 0
    labels[:, 3:] = IGNORE
    soft = soft_cross_entropy(logits, targets)
    torch.testing.assert_close(soft, pixel_cross_entropy(logits, labels))


@pytest.mark.parametrize(
    ("loss", "targets"),
    [
        (pixel_cross_entropy, torch.full((2, 5, 6), IGNORE)),
        (soft_cross_entropy, torch.zeros(2, LABELS, 5, 6)),
    ],
)
def test_nothing_labeled_is_no_loss(logits, loss, targets):
    value = loss(logits, targets)
    assert value == 0
    (gradient,) = torch.autograd.grad(value, logits)
    assert torch.equal(gradient, torch.zeros_like(logits))


@pytest.mark.parametrize("certain", [1e4, -1e4])
def test_certain_logits_stay_finite(labels, certain):
    logits = (certain * one_hot(labels)).requires_grad_()
    for loss in (
        pixel_cross_entropy(logits, labels),
        soft_cross_entropy(logits, one_hot(labels)),
    ):
        assert loss.isfinite()
        assert torch.autograd.grad(loss, logits)[0].isfinite().all()
