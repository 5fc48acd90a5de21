"""The adversarial losses (Goodfellow et al., NeurIPS 2014) on logits, and the first weights."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import softplus

SPREAD = 0.02  # standard deviation of the first weights (Radford et al., 2015, section 4)
SLOPE = 0.2  # slope of the leaky rectifiers for negative values


def discriminator_loss(real: Tensor, fake: Tensor, certainty: float = 1.0) -> Tensor:
    """The cross entropy of real and generated data, the mean of both sides.

    Args:
        real: Logits on real data, of any shape.
        fake: Logits on generated data, of any shape.
        certainty: The target on real data; 0.9 is one-sided label smoothing (Goodfellow,
            2016, section 4.2).

    Returns:
        A scalar.
    """
    smoothed = certainty * softplus(-real) + (1 - certainty) * softplus(real)
    return (smoothed.mean() + softplus(fake).mean()) / 2


def generator_loss(fake: Tensor) -> Tensor:
    """The non-saturating loss -log D(G(z)) (section 3), which has a slope at any D(G(z)).

    Args:
        fake: Logits on generated data, of any shape.

    Returns:
        A scalar.
    """
    return softplus(-fake).mean()


def initialize(network: nn.Module) -> None:
    """Draws the first weights as DCGAN does: from a narrow normal distribution, biases of zero.

    Args:
        network: The network with the convolutions, linear layers and batch normalizations.
    """
    for module in network.modules():
        if isinstance(module, nn.modules.conv._ConvNd | nn.Linear):
            nn.init.normal_(module.weight, std=SPREAD)
        elif isinstance(module, nn.modules.batchnorm._BatchNorm) and module.affine:
            nn.init.normal_(module.weight, mean=1.0, std=SPREAD)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
