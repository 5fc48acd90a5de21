"""Skips: how a decoder grows its features to a finer level, and what of that level it sees."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from models.segmentation.base import conv_bn_relu
from models.segmentation.unpooling import switches_of, unpool


class Skip(nn.Module):
    """No skip: features grow by an up-convolution that sees nothing of the finer level.

    Args:
        coarse: Channels of the features that come in.
        fine: Channels of the encoder's features at the finer level.

    Attributes:
        outputs: Channels of the joined features.
    """

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.outputs = fine
        self.up = nn.Sequential(
            nn.ConvTranspose2d(coarse, fine, 4, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(fine),
            nn.ReLU(),
        )

    def forward(
        self, x: Tensor, fine: Tensor, noise: Callable[[Tensor], Tensor] | None = None
    ) -> Tensor:
        """Features of the finer level.

        Args:
            x: (N, coarse, h, w).
            fine: (N, fine, 2h, 2w), of the encoder.
            noise: For the grown features, before they meet the encoder's.

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
        """The grown features with those of the encoder: (N, outputs, 2h, 2w)."""
        del fine
        return x


class Add(Skip):
    """The sum of the grown and the encoder's features (FCN; Long et al., CVPR 2015)."""

    def join(self, x: Tensor, fine: Tensor) -> Tensor:
        """See :meth:`Skip.join`."""
        return x + fine


class Concatenate(Skip):
    """Both side by side (U-Net; Ronneberger et al., MICCAI 2015).

    Args:
        coarse: See :class:`Skip`.
        fine: See :class:`Skip`.
    """

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__(coarse, fine)
        self.outputs = 2 * fine

    def join(self, x: Tensor, fine: Tensor) -> Tensor:
        """See :meth:`Skip.join`."""
        return torch.cat([x, fine], dim=1)


class Switches(Skip):
    """Only where the maxima of 2x2 cells were (SegNet; Badrinarayanan et al., PAMI 2017).

    Args:
        coarse: See :class:`Skip`.
        fine: See :class:`Skip`.
    """

    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__(coarse, fine)
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
