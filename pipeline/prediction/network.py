"""A segmenter's logits at the size of images, one image or several of one size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.segmentation import Segmenter
from tag2mask.pipeline.labeling.recipe import RelabelSettings
from tag2mask.pipeline.records.mask_rows import as_tensor
from tag2mask.pipeline.stages.segment import predict_batch


@torch.no_grad()
def full_size_logits(segmenter: Segmenter, image: np.ndarray, settings: RelabelSettings) -> Tensor:
    """Compute a segmenter's logits at the image's size.

    Args:
        segmenter: A segmenter in evaluation mode.
        image: (H, W, 3) uint8 RGB.
        settings: Size and scales; the CRF is not used.

    Returns:
        (1 + C, H, W) float32 logits of background and all classes, on the segmenter's device.
    """
    return enlarge(batch_logits(segmenter, [image], settings)[0], image.shape[:2])


@torch.no_grad()
def batch_logits(
    segmenter: Segmenter, images: Sequence[np.ndarray], settings: RelabelSettings
) -> list[Tensor]:
    """Compute a segmenter's logits of several images of one size.

    A batch that exceeds the GPU's memory is halved.

    Args:
        segmenter: A segmenter in evaluation mode.
        images: (H, W, 3) uint8 RGB each.
        settings: Size and scales.

    Returns:
        (1 + C, h, w) float32 of each image, at the model's stride, on the segmenter's device.
    """
    device = next(segmenter.parameters()).device
    try:
        pixels = torch.stack([as_tensor(image) for image in images]).to(device)
        return list(predict_batch(segmenter, pixels, settings.size, settings.scales))
    except torch.cuda.OutOfMemoryError:
        if len(images) == 1:
            raise
    # Outside the handler, where the traceback no longer keeps the batch in memory.
    torch.cuda.empty_cache()
    middle = len(images) // 2
    first = batch_logits(segmenter, images[:middle], settings)
    return first + batch_logits(segmenter, images[middle:], settings)


def enlarge(logits: Tensor, size: Sequence[int]) -> Tensor:
    """Logits (K, h, w) at an image's size (H, W), bilinear."""
    return interpolate(logits[None], tuple(size), mode="bilinear")[0]
