"""The second generator of StackGAN (Zhang et al., ICCV 2017, section 3.4).

It corrects the enlarged small image, as super-resolution does (VDSR: Kim et al., CVPR 2016). The
paper's generator draws the large image from scratch. A correction begins with the right parts of
the first stage, such as the tags, which were lost in part after some hundred steps otherwise.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn
from torch.nn.functional import interpolate

from tag2mask.models.adversarial import initialize
from tag2mask.models.generation.networks import with_planes

# Largest value of the enlarged image, because tanh would have no slope left at 1.
BRIGHTEST = 0.9


class Refiner(nn.Module):
    """Small images and a condition to large images (figure 2): down, joined, refined, up.

    The paper refines 512 maps at a quarter of the small image's side. Half of the side is used
    here, because a quarter of 16 pixels is too coarse.

    Args:
        told: Length of the condition's vector.
        width: Channels of the finest maps.
        factor: Side of the large images as a multiple of the small.
        size: Side of the large images, in pixels.
        blocks: Residual blocks.
    """

    def __init__(self, told: int, width: int, factor: int, size: int, blocks: int) -> None:
        super().__init__()
        self.side = size
        wide, levels = 2 * width, (factor - 1).bit_length()
        self.down = nn.Sequential(
            nn.Conv2d(3, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, wide, 4, 2, 1, bias=False),
            nn.BatchNorm2d(wide),
            nn.ReLU(),
        )
        self.join = nn.Sequential(*_smooth(wide + told, wide))
        self.refine = nn.Sequential(*(_Residual(wide) for _ in range(blocks)))
        channels = [max(width, wide >> level) for level in range(levels + 2)]
        self.up = nn.ModuleList(
            nn.Sequential(*_smooth(before, after)) for before, after in pairwise(channels)
        )
        self.last = nn.Conv2d(channels[-1], 3, 3, padding=1)
        initialize(self)

    def forward(self, vector: Tensor, small: Tensor) -> Tensor:
        """(N, V) and (N, 3, s, s) to (N, 3, S, S) of any values, to be followed by a tanh."""
        whole = interpolate(small, (self.side, self.side), mode="bicubic")
        x = self.down(small)
        x = self.refine(self.join(with_planes(x, vector[:, :, None, None])))
        for up in self.up:
            # The last step is smaller if the factor is not a power of two.
            side = min(2 * x.shape[-1], self.side)
            x = up(interpolate(x, (side, side), mode="nearest"))
        return whole.clamp(-BRIGHTEST, BRIGHTEST).atanh() + self.last(x)


class _Residual(nn.Module):
    """Two convolutions with a skip connection."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.correct = nn.Sequential(
            *_smooth(width, width),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return (x + self.correct(x)).relu()


def _smooth(before: int, after: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(before, after, 3, padding=1, bias=False)
    return convolution, nn.BatchNorm2d(after), nn.ReLU()
