"""A label mask as one plane of zeros and ones for each label."""

from __future__ import annotations

import torch
from torch import Tensor


def label_planes(mask: Tensor, classes: int) -> Tensor:
    """Labels to planes, background first.

    Args:
        mask: (N, H, W) int64 labels. Ignored pixels and pixels of unknown classes are zero in
            all planes.
        classes: Number of foreground classes C.

    Returns:
        (N, C + 1, H, W) float32.
    """
    labels = torch.arange(classes + 1, device=mask.device)
    return (mask.unsqueeze(1) == labels.view(1, -1, 1, 1)).float()
