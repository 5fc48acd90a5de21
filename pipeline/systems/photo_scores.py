"""Scores of generated photos: their agreement with their masks, by an independent segmenter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from tag2mask.models.kernel_distance import kernel_distance
from tag2mask.models.transformation.segmentation_system import SegmentationSystem
from tag2mask.pipeline.evaluation.voc import confusion, scores

# From a batch of real photos with masks to photos (N, 3, S, S) in [-1, 1].
Photos = Callable[[dict[str, Tensor]], Tensor]


@dataclass(frozen=True)
class PhotoScores:
    """The scores of photos by a segmenter.

    Attributes:
        fcn_score: Mean IoU between the masks that the photos were made from and the segmenter's
            masks of the photos (Isola et al., CVPR 2017, section 4.1), 0 to 1. This is the main
            score, because it alone measures whether a photo shows its mask.
        pixel_accuracy: Pixel accuracy of the same comparison, 0 to 1.
        kid: Kernel distance to the real photos in the segmenter's features. It measures the
            look of photos and does not depend on their masks.
    """

    fcn_score: float
    pixel_accuracy: float
    kid: float


def score_photos(
    judge: SegmentationSystem,
    photos: Photos,
    batches: list[dict[str, Tensor]],
    names: tuple[str, ...],
) -> PhotoScores:
    """Scores photos.

    Args:
        judge: A segmenter that was trained neither on these photos nor on the generator's.
        photos: Makes the photos of a batch.
        batches: Real photos with ground truth masks. The kernel distance compares the generated
            photos of the first half with the real photos of the second half, so that no photo
            is compared with itself.
        names: Names of the classes.
    """
    matrix = np.zeros((len(names) + 1, len(names) + 2), np.int64)
    made_features, real_features = [], []
    for batch in batches:
        made = photos(batch)
        for ground_truth, seen in zip(batch["mask"], judge.labels(made), strict=True):
            matrix += confusion(
                ground_truth.numpy().astype(np.uint8), seen.numpy().astype(np.uint8), len(names)
            )
        made_features.append(judge.features(made))
        real_features.append(judge.features(batch["image"]))
    found = scores(matrix, names)
    made, real = standardize(torch.cat(made_features), torch.cat(real_features))
    half = len(real) // 2
    return PhotoScores(
        found.mean_iou, found.pixel_accuracy, kernel_distance(made[:half], real[half:])
    )


def standardize(made: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Standardizes both (N, F) by mean and deviation of the real features.

    A kernel treats all channels alike, whatever their scale.
    """
    mean, deviation = real.mean(dim=0), real.std(dim=0).clamp(min=1e-6)
    return (made - mean) / deviation, (real - mean) / deviation


def keep_photos(batch: dict[str, Tensor]) -> Tensor:
    """The real photos themselves, the upper end of the scale."""
    return batch["image"]


def blur_photos(batch: dict[str, Tensor]) -> Tensor:
    """The real photos after a 3x3 blur, a low end for their look."""
    return gaussian_blur(batch["image"], [3, 3])
