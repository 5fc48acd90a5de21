"""The encoder-decoder of most transformations: an image in, an image out.

Its layers are those of pix2pix's generator (Isola et al., CVPR 2017, section 6.1): 4x4
convolutions that halve or double the side, with batch normalization in between and leaky
rectifiers on the way down. Another layer can do the doubling. A
:class:`~tag2mask.models.transformation.skips.Skip` connects the way down with the way up. With
``concatenate`` the network is a U-Net, with ``switches`` a SegNet.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from torch.utils.checkpoint import checkpoint

from tag2mask.models.adversarial import SLOPE, initialize
from tag2mask.models.transformation.skips import SKIPS, Upsampling, transposed_conv


def widths_of(width: int, levels: int) -> tuple[int, ...]:
    """Channels of the levels from fine to coarse: doubled each time, to 8 times at most."""
    return tuple(width * min(2**level, 8) for level in range(levels))


def levels_of(side: int) -> int:
    """The number of halvings of a side until one pixel is left, at least one."""
    return max(1, side.bit_length() - 1)


def padded(x: Tensor, multiple: int) -> Tensor:
    """Repeats the last row and column until both sides are multiples.

    Args:
        x: (N, C, H, W).
        multiple: The sides become multiples of this number of pixels.
    """
    height, width = x.shape[-2:]
    return pad(x, (0, -width % multiple, 0, -height % multiple), mode="replicate")


def dropped(x: Tensor, share: float, rng: torch.Generator) -> Tensor:
    """Dropout whose noise is drawn by a generator: a share of the values becomes zero."""
    kept = torch.rand(x.shape, generator=rng, device=x.device) >= share
    return x * kept / (1 - share)


class Encoder(nn.Module):
    """Halves the side level by level.

    The first level is not normalized, as in DCGAN. Nor is the last, because batch normalization
    over one pixel of one image would remove everything.

    Args:
        inputs: Channels of the image.
        widths: Channels of the levels, from fine to coarse.
    """

    def __init__(self, inputs: int, widths: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.levels = nn.ModuleList()
        for level, (before, after) in enumerate(pairwise((inputs, *widths))):
            layers: list[nn.Module] = [nn.Conv2d(before, after, 4, stride=2, padding=1)]
            if 0 < level < len(widths) - 1:
                layers.append(nn.BatchNorm2d(after))
            self.levels.append(nn.Sequential(*layers, nn.LeakyReLU(SLOPE)))
        initialize(self)

    @property
    def stride(self) -> int:
        """Stride of the coarsest level, in pixels; sides must be multiples of it."""
        return 2 ** len(self.widths)

    def forward(self, x: Tensor, recompute: bool = False) -> list[Tensor]:
        """The features of every level, from fine to coarse.

        Args:
            x: (N, inputs, H, W).
            recompute: Keep the levels' outputs alone for the backward pass, and compute the rest
                again when it is needed. This saves memory and costs time. Running statistics of
                batch normalization then count every batch twice.

        Returns:
            (N, width, H / 2, W / 2) of the first level, half of that of the second, and so on.
        """
        features = []
        for level in self.levels:
            if recompute and torch.is_grad_enabled():
                x = checkpoint(level, x, use_reentrant=False, preserve_rng_state=False)
            else:
                x = level(x)
            features.append(x)
        return features


class Decoder(nn.Module):
    """Doubles the side level by level, with skip connections.

    Args:
        widths: Channels of the encoder's levels, from fine to coarse.
        outputs: Channels of the image.
        skip: One of :data:`~tag2mask.models.transformation.skips.SKIPS`.
        double: Makes the layers that double the side.
        noisy: Number of levels, from the coarsest, that drop features when there is noise.
        dropout: Share of the features that are dropped.
    """

    def __init__(
        self,
        widths: Sequence[int],
        outputs: int,
        skip: str = "concatenate",
        *,
        double: Upsampling = transposed_conv,
        noisy: int = 3,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.noisy = noisy
        self.dropout = dropout
        self.skips = nn.ModuleList()
        *finer, channels = widths
        for fine in reversed(finer):
            joint = SKIPS[skip](channels, fine, double)
            self.skips.append(joint)
            channels = joint.outputs
        self.last = double(channels, outputs, bias=True)
        initialize(self)

    def forward(self, features: Sequence[Tensor], rng: torch.Generator | None = None) -> Tensor:
        """The image, before any squashing.

        Args:
            features: Features of the encoder, from fine to coarse.
            rng: Draws the noise; without it nothing is dropped.

        Returns:
            (N, outputs, H, W).
        """
        *finer, x = features
        noise = None if rng is None else partial(dropped, share=self.dropout, rng=rng)
        for level, (skip, fine) in enumerate(zip(self.skips, reversed(finer), strict=True)):
            x = skip(x, fine, noise if level < self.noisy else None)
        return self.last(x)


class EncoderDecoder(nn.Module):
    """An encoder and a decoder, for images of any size.

    Args:
        inputs: Channels of the input.
        outputs: Channels of the output.
        widths: Channels of the levels, from fine to coarse.
        skip: One of :data:`~tag2mask.models.transformation.skips.SKIPS`.
        double: Makes the layers that double the side.
        dropout: Share of features that the noise drops.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        widths: Sequence[int],
        skip: str = "concatenate",
        *,
        double: Upsampling = transposed_conv,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        self.encoder = Encoder(inputs, widths)
        self.decoder = Decoder(widths, outputs, skip, double=double, dropout=dropout)

    def forward(self, x: Tensor, rng: torch.Generator | None = None) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H, W), before any squashing.

        Args:
            x: The input.
            rng: Draws the noise; without it there is none.
        """
        height, width = x.shape[-2:]
        features = self.encoder(padded(x, self.encoder.stride))
        return self.decoder(features, rng)[..., :height, :width]
