"""Unpooling by switches (Zeiler & Fergus, ECCV 2014, section 2.1): maxima back in their places."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import max_pool2d, max_unpool2d

from tag2mask.models.backbones.base import Backbone

STAGES = ("c5", "c4", "c3", "c2")


def switches_of(features: Tensor) -> Tensor:
    """The places of the maxima of 2x2 cells, (N, C, ceil(h / 2), ceil(w / 2)) flat indices."""
    _, switches = max_pool2d(features, 2, 2, ceil_mode=True, return_indices=True)
    return switches


def unpool(x: Tensor, switches: Tensor, like: Tensor) -> Tensor:
    """Puts values at the places of the maxima, and zeros elsewhere.

    Args:
        x: (N, C, ceil(h / 2), ceil(w / 2)).
        switches: Indices of the same shape, from :func:`switches_of`.
        like: Any tensor (..., h, w) of the wanted size.
    """
    return max_unpool2d(x, switches, [2, 2], output_size=like.shape[-2:])


class UnpoolingDecoder(nn.Module):
    """Mirrors a backbone: a block to the channels of the next finer stage, unpooling, a block.

    The switches are those of a 2x2 maximum over the finer stage's features. On VGG-16 this is the
    pool of the encoder itself. Backbones with strided convolutions have no such pools, and get
    switches in this way.

    Args:
        backbone: The encoder.
        block: Makes a block of layers from input and output channels.
    """

    def __init__(self, backbone: Backbone, block: Callable[[int, int], nn.Module]) -> None:
        super().__init__()
        self.narrow = nn.ModuleDict()
        self.smooth = nn.ModuleDict()
        self.shrinks = {}
        for coarse, fine in pairwise(STAGES):
            self.narrow[fine] = block(backbone.channels[coarse], backbone.channels[fine])
            self.smooth[fine] = block(backbone.channels[fine], backbone.channels[fine])
            self.shrinks[fine] = backbone.strides[coarse] > backbone.strides[fine]

    def forward(self, x: Tensor, features: Mapping[str, Tensor]) -> Tensor:
        """(N, channels of c5, ...) to (N, channels of c2, ...) at the stride of c2."""
        for _, fine in pairwise(STAGES):
            x = self.narrow[fine](x)
            if self.shrinks[fine]:
                x = unpool(x, switches_of(features[fine]), features[fine])
            x = self.smooth[fine](x)
        return x
