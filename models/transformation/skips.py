"""Skips: the upsampling of a decoder's features, and their join with the encoder's features."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor, nn

from tag2mask.models.segmentation.base import conv_bn_relu
from tag2mask.models.segmentation.unpooling import switches_of, unpool


class Upsampling(Protocol):
    """Makes the layer that doubles the side of features."""

    def __call__(self, inputs: int, outputs: int, *, bias: bool) -> nn.Module:
        """(N, inputs, H, W) to (N, outputs, 2H, 2W)."""
        ...


def transposed_conv(inputs: int, outputs: int, *, bias: bool) -> nn.Module:
    """A transposed 4x4 convolution of stride 2, as in pix2pix and most others."""
    return nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1, bias=bias)


def upsample_conv(inputs: int, outputs: int, *, bias: bool) -> nn.Module:
    """Bilinear resizing, then a 3x3 convolution, which begins without a grid.

    A transposed convolution treats the pixels of a cell separately. Before it has learnt to make
    them fit, its images have a checkerboard pattern (Odena et al., Distill 2016).
    """
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=bias),
    )


UPSAMPLINGS: dict[str, Upsampling] = {"transposed": transposed_conv, "resized": upsample_conv}


class Skip(nn.Module):
    """No skip: features are upsampled without the encoder's finer level.

    Args:
        coarse: Channels of the coarse features.
        fine: Channels of the encoder's features at the finer level.
        double: Makes the layer that upsamples.

    Attributes:
        outputs: Channels of the joined features.
    """

    def __init__(self, coarse: int, fine: int, double: Upsampling = transposed_conv) -> None:
        super().__init__()
        self.outputs = fine
        self.up = nn.Sequential(
            double(coarse, fine, bias=False),
            nn.BatchNorm2d(fine),
            nn.ReLU(),
        )

    def forward(
        self, x: Tensor, fine: Tensor, noise: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """Features of the finer level.

        Args:
            x: (N, coarse, h, w).
            fine: (N, fine, 2h, 2w), features of the encoder.
            noise: Applied to the upsampled features, before they are joined with the encoder's.

        Returns:
            (N, outputs, 2h, 2w).
        """
        grown = self.grow(x, fine)
        return self.join(grown if noise is None else noise(grown), fine)

    def grow(self, x: Tensor, fine: Tensor) -> Tensor:
        """(N, coarse, h, w) to the size and the channels of the finer level."""
        del fine
        return self.up(x)

    def join(self, x: Tensor, fine: Tensor) -> Tensor:
        """The upsampled features joined with the encoder's, (N, outputs, 2h, 2w)."""
        del fine
        return x


class Add(Skip):
    """The sum of the upsampled and the encoder's features (FCN; Long et al., CVPR 2015)."""

    def join(self, x: Tensor, fine: Tensor) -> Tensor:
        """See :meth:`Skip.join`."""
        return x + fine


class Concatenate(Skip):
    """The upsampled and the encoder's features together (U-Net; Ronneberger et al., MICCAI 2015).

    Args:
        coarse: See :class:`Skip`.
        fine: See :class:`Skip`.
        double: See :class:`Skip`.
    """

    def __init__(self, coarse: int, fine: int, double: Upsampling = transposed_conv) -> None:
        super().__init__(coarse, fine, double)
        self.outputs = 2 * fine

    def join(self, x: Tensor, fine: Tensor) -> Tensor:
        """See :meth:`Skip.join`."""
        return torch.cat([x, fine], dim=1)


class Switches(Skip):
    """Values at the places of the 2x2 cells' maxima (SegNet; Badrinarayanan et al., PAMI 2017).

    Args:
        coarse: See :class:`Skip`.
        fine: See :class:`Skip`.
        double: See :class:`Skip`; not used, because values are placed at a cell's maximum.
    """

    def __init__(self, coarse: int, fine: int, double: Upsampling = transposed_conv) -> None:
        super().__init__(coarse, fine, double)
        self.up = conv_bn_relu(coarse, fine)
        self.smooth = conv_bn_relu(fine, fine)

    def grow(self, x: Tensor, fine: Tensor) -> Tensor:
        """See :meth:`Skip.grow`; every value goes to the place of its cell's maximum."""
        return unpool(self.up(x), switches_of(fine), fine)

    def join(self, x: Tensor, fine: Tensor) -> Tensor:
        """Fills the zeros between the values; see :meth:`Skip.join`."""
        del fine
        return self.smooth(x)


SKIPS: dict[str, type[Skip]] = {
    "none": Skip,
    "add": Add,
    "concatenate": Concatenate,
    "switches": Switches,
}
