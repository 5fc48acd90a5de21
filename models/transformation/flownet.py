"""FlowNet (Dosovitskiy et al., ICCV 2015): flow from two frames, refined level by level."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, leaky_relu

from tag2mask.models.adversarial import SLOPE, initialize
from tag2mask.models.transformation.correlation import correlation
from tag2mask.models.transformation.encoder_decoder import Encoder, padded
from tag2mask.models.transformation.skips import SKIPS

REDIRECTED = 32  # channels in which the first frame bypasses the correlation
SIAMESE = 2  # levels before the correlation


class Refinement(nn.Module):
    """The decoder of figure 3: every level gets the encoder's features and the coarser flow.

    Args:
        widths: Channels of the encoder's levels, from fine to coarse.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.skips, self.flows = nn.ModuleList(), nn.ModuleList()
        *finer, channels = widths
        self.flows.append(nn.Conv2d(channels, 2, 3, padding=1))
        for fine in reversed(finer):
            skip = SKIPS["concatenate"](channels, fine)
            channels = skip.outputs + 2
            self.skips.append(skip)
            self.flows.append(nn.Conv2d(channels, 2, 3, padding=1))
        initialize(self)

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """Flows (N, 2, h, w) of every level, from coarse to fine, all in one unit."""
        *finer, x = features
        flows = [self.flows[0](x)]
        for skip, predict, fine in zip(self.skips, self.flows[1:], reversed(finer), strict=True):
            coarse = interpolate(flows[-1], fine.shape[-2:], mode="bilinear", align_corners=False)
            x = torch.cat([skip(x, fine), coarse], dim=1)
            flows.append(coarse + predict(x))
        return flows


class FlowNetSimple(nn.Module):
    """Both frames as one image of six channels (FlowNetS).

    Args:
        widths: Channels of the levels, from fine to coarse.
    """

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.encoder = Encoder(6, widths)
        self.refinement = Refinement(widths)

    def forward(self, first: Tensor, second: Tensor) -> list[Tensor]:
        """Flows of every level, from coarse to fine; the last one at half the side.

        Args:
            first: (N, 3, H, W) RGB in [-1, 1].
            second: (N, 3, H, W) RGB in [-1, 1].
        """
        frames = padded(torch.cat([first, second], dim=1), self.encoder.stride)
        return self.refinement(self.encoder(frames))


class FlowNetCorrelation(nn.Module):
    """Each frame by itself, then their correlation, then the simple network (FlowNetC).

    Args:
        widths: Channels of the levels, from fine to coarse, more than two.
        reach: Largest displacement that is compared, in pixels of the frames.
    """

    def __init__(self, widths: Sequence[int], reach: int) -> None:
        super().__init__()
        self.alone = Encoder(3, widths[:SIAMESE])
        self.reach = -(-reach // self.alone.stride)
        # Products of features are comparable only if the features are.
        self.comparable = nn.BatchNorm2d(widths[SIAMESE - 1])
        self.redirect = nn.Sequential(
            nn.Conv2d(widths[SIAMESE - 1], REDIRECTED, 1), nn.LeakyReLU(SLOPE)
        )
        compared = (2 * self.reach + 1) ** 2
        self.together = Encoder(compared + REDIRECTED, widths[SIAMESE:])
        self.refinement = Refinement(widths)
        self.stride = self.alone.stride * self.together.stride
        initialize(self)

    def forward(self, first: Tensor, second: Tensor) -> list[Tensor]:
        """See :meth:`FlowNetSimple.forward`."""
        here = self.alone(padded(first, self.stride))
        there = self.alone(padded(second, self.stride))
        features = self.comparable(here[-1]), self.comparable(there[-1])
        alike = leaky_relu(correlation(*features, self.reach), SLOPE)
        both = torch.cat([self.redirect(features[0]), alike], dim=1)
        return self.refinement([*here, *self.together(both)])
