"""The two losses of the game against their definitions."""

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from tag2mask.models.adversarial import discriminator_loss, generator_loss, initialize


def test_losses_are_cross_entropies():
    real, fake = torch.randn(2, 4, 1, 3, 3)
    for certainty in (1.0, 0.9):
        expected = (
            binary_cross_entropy_with_logits(real, torch.full_like(real, certainty))
            + binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
        ) / 2
        torch.testing.assert_close(discriminator_loss(real, fake, certainty), expected)
    expected = binary_cross_entropy_with_logits(fake, torch.ones_like(fake))
    torch.testing.assert_close(generator_loss(fake), expected)


def test_the_generator_has_a_slope_where_the_discriminator_is_sure():
    sure = torch.tensor([-20.0], requires_grad=True)
    generator_loss(sure).backward()
    torch.testing.assert_close(sure.grad, torch.tensor([-1.0]))


def test_first_weights_are_narrow_and_biases_zero():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(8, 64, 5), nn.BatchNorm2d(64), nn.ConvTranspose2d(64, 8, 4))
    initialize(network)
    for layer in (network[0], network[2]):
        assert 0.015 < layer.weight.std() < 0.025
        assert not layer.bias.any()
    assert abs(network[1].weight.mean() - 1) < 0.01
