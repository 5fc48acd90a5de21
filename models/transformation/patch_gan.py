"""PatchGAN (Isola et al., CVPR 2017, section 3.2.2): a discriminator of patches."""

from __future__ import annotations

from torch import Tensor, nn

from tag2mask.models.adversarial import SLOPE, initialize

KERNEL = 4
STEADY = 2  # number of last convolutions, which keep the stride


class PatchGan(nn.Module):
    """Logits of patches, real or generated, each of a square of :meth:`receptive_field` pixels.

    Args:
        inputs: Channels of condition and image together.
        width: Channels of the first level; they double up to 8 times.
        layers: Convolutions of stride 2: 1 to 5 for patches of 16, 34, 70, 142, 286 pixels.
    """

    def __init__(self, inputs: int, width: int, layers: int) -> None:
        super().__init__()
        channels, chain = inputs, list[nn.Module]()
        for level in range(layers + 1):
            outputs = width * min(2**level, 8)
            stride = 2 if level < layers else 1
            # The first level gets pixels and is not normalized; the others are.
            chain.append(nn.Conv2d(channels, outputs, KERNEL, stride, 1, bias=level == 0))
            chain.extend([nn.BatchNorm2d(outputs)] if level else [])
            chain.append(nn.LeakyReLU(SLOPE))
            channels = outputs
        self.chain = nn.Sequential(*chain, nn.Conv2d(channels, 1, KERNEL, padding=1))
        initialize(self)

    @staticmethod
    def receptive_field(layers: int) -> int:
        """The side of one logit's patch, in pixels."""
        side = 1 + STEADY * (KERNEL - 1)
        for _ in range(layers):
            side = 2 * side + KERNEL - 2
        return side

    @staticmethod
    def smallest(layers: int) -> int:
        """The side of the smallest image that gives a logit, in pixels."""
        return (STEADY + 1) * 2**layers

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to logits (N, 1, h, w)."""
        return self.chain(x)
