"""Properties of every weak loss; a new member is tested as soon as it is registered."""

import pytest
import torch

from tag2mask.models.weak import WEAK_LOSSES, WeakLabels

LABELS = 4


def labels(seed: int = 0, images: int = 2, side: int = 16) -> WeakLabels:
    generator = torch.Generator().manual_seed(seed)
    tags = torch.tensor([[1.0, 0.0, 0.0], [1.0, 0.0, 1.0]])[:images]
    seeds = torch.full((images, side, side), 255)
    seeds[:, 2:5, 2:5] = 1
    seeds[:, -4:] = 0
    rgb = 255 * torch.rand(images, 3, side, side, generator=generator)
    return WeakLabels(tags, seeds, rgb)


def logits(seed: int = 0, side: int = 8) -> torch.Tensor:
    return torch.randn(2, LABELS, side, side, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=sorted(WEAK_LOSSES))
def loss(request):
    return WEAK_LOSSES[request.param]()


class TestWeakLoss:
    def test_a_scalar_with_finite_gradients(self, loss):
        scores = logits().requires_grad_()
        value = loss(scores, labels())
        assert value.shape == ()
        assert value.isfinite()
        (gradient,) = torch.autograd.grad(value, scores)
        assert gradient.isfinite().all()
        assert gradient.abs().max() > 0

    @pytest.mark.parametrize("size", [30.0, 300.0])
    def test_certain_logits_stay_finite(self, loss, size):
        scores = (size * logits().sign()).requires_grad_()
        value = loss(scores, labels())
        assert value.isfinite()
        (gradient,) = torch.autograd.grad(value, scores)
        assert gradient.isfinite().all()

    def test_it_is_the_mean_over_the_images(self, loss):
        both = loss(logits(), labels())
        alone = [
            loss(logits()[index, None], WeakLabels(*(part[index, None] for part in labels())))
            for index in range(2)
        ]
        torch.testing.assert_close(both, (alone[0] + alone[1]) / 2, rtol=1e-4, atol=1e-5)

    def test_a_tag_costs_less_than_a_class_that_is_absent(self, loss):
        base = 0.1 * logits()
        base[:, 0] += 2
        values = {}
        for channel in (1, 2):  # the tag of both images, the class of none
            scores = base.clone()
            scores[:, channel, 1:3, 1:3] += 4
            values[channel] = loss(scores, labels())
        assert values[1] < loss(base, labels()) < values[2]
