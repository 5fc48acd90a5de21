"""Style swap: every patch of the content's features becomes the style's most similar one."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import conv2d, fold, unfold

from tag2mask.models.transformation.decoded_style import DecodedStyle

PATCH = 3  # side of the patches


class PatchSwap(DecodedStyle):
    """Chen & Schmidt (2016), "Fast patch-based style transfer of arbitrary style"."""

    def restyle(self, content: Tensor, style: Tensor) -> Tensor:
        """See :meth:`DecodedStyle.restyle`; by :func:`swap_patches`."""
        styles = style.expand(len(content), -1, -1, -1)
        return torch.cat(
            [swap_patches(content[i : i + 1], styles[i : i + 1]) for i in range(len(content))]
        )


def nearest_patches(content: Tensor, style: Tensor, side: int = PATCH) -> Tensor:
    """The most similar patches of the style, by normalized cross-correlation (equation 1).

    The content's patches are not normalized, because that does not change the nearest patch.

    Args:
        content: (1, C, h, w).
        style: (1, C, h', w').
        side: Side of the patches, in pixels of the features.

    Returns:
        (h - side + 1, w - side + 1) int64 numbers of the style's patches, row by row.
    """
    patches = unfold(style, side)[0].T
    filters = torch.nn.functional.normalize(patches, dim=1)
    scores = conv2d(content, filters.view(-1, content.shape[1], side, side))
    return scores[0].argmax(dim=0)


def swap_patches(content: Tensor, style: Tensor) -> Tensor:
    """Replaces every patch of the content, and averages overlapping patches (section 3.1).

    Args:
        content: (1, C, h, w) features.
        style: (1, C, h', w') features.

    Returns:
        (1, C, h, w).
    """
    # Images of a few pixels have even smaller features.
    side = min(PATCH, *content.shape[2:], *style.shape[2:])
    nearest = nearest_patches(content, style, side).flatten()
    chosen = unfold(style, side)[..., nearest]
    height, width = content.shape[2:]
    return fold(chosen, (height, width), side) / fold(
        torch.ones_like(chosen), (height, width), side
    )
