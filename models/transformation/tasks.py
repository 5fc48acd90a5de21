"""The tasks of UberNet, all derived from one image with its mask.

Each task defines its number of channels, its loss and its display. Ignored pixels are in no loss.
A task without any other pixel has no loss.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    max_pool2d,
    softplus,
)
from torchvision.utils import draw_bounding_boxes

from tag2mask.models.system import Batch
from tag2mask.models.transformation.boxes import Boxes, centeredness, decode, distances, overlap
from tag2mask.models.transformation.colors import label_colors
from tag2mask.models.transformation.edges import edges
from tag2mask.models.weak.cross_entropy import IGNORE

SURE = 0.3  # lowest score of a box for display


class Task(ABC):
    """One task of UberNet.

    Args:
        classes: Number of foreground classes C.
        size: Side of the images in training, in pixels.

    Attributes:
        weight: Default weight of the loss. Boxes and thin lines, which have few pixels, weigh
            more than the rest.
    """

    weight: ClassVar[float] = 1.0

    def __init__(self, classes: int, size: int) -> None:
        self.classes = classes
        self.size = size

    @property
    @abstractmethod
    def channels(self) -> int:
        """The number of channels of the decoder's output."""

    @abstractmethod
    def loss(self, output: Tensor, batch: Batch) -> Tensor | None:
        """A scalar, or None if the batch has no label for the task.

        Args:
            output: (N, channels, H, W), the decoder's output.
            batch: See :class:`tag2mask.models.system.System`.
        """

    @abstractmethod
    def colors(self, output: Tensor, images: Tensor) -> Tensor:
        """The decoder's output for display, on images or alone: (N, 3, H, W) RGB in [-1, 1]."""


class Segmentation(Task):
    """The class of every pixel."""

    @property
    def channels(self) -> int:
        """Background and the classes."""
        return self.classes + 1

    def loss(self, output: Tensor, batch: Batch) -> Tensor | None:
        """The cross entropy."""
        mask = batch["mask"]
        return cross_entropy(output, mask, ignore_index=IGNORE) if _known(mask).any() else None

    def colors(self, output: Tensor, images: Tensor) -> Tensor:
        """The labels in the colors of the classes."""
        del images
        return label_colors(output.argmax(dim=1))


class Boundary(Task):
    """The boundaries of each class (semantic boundaries; Hariharan et al., ICCV 2011)."""

    weight = 3.0

    @property
    def channels(self) -> int:
        """The classes."""
        return self.classes

    def loss(self, output: Tensor, batch: Batch) -> Tensor | None:
        """The cross entropy, balanced because boundaries are rare (HED; Xie & Tu, ICCV 2015)."""
        mask = batch["mask"]
        labels = torch.arange(1, self.classes + 1, device=mask.device).view(1, -1, 1, 1)
        planes = (mask.unsqueeze(1) == labels).float()
        eroded = -max_pool2d(-planes, 3, stride=1, padding=1)
        known = _known(mask).unsqueeze(1).expand_as(planes)
        return _balanced(output[known], (max_pool2d(planes, 3, 1, 1) - eroded)[known])

    def colors(self, output: Tensor, images: Tensor) -> Tensor:
        """The boundaries of the most probable class, dark on white."""
        del images
        return _ink(output.sigmoid().amax(dim=1, keepdim=True))


class Saliency(Task):
    """Objects of any class."""

    @property
    def channels(self) -> int:
        """One plane."""
        return 1

    def loss(self, output: Tensor, batch: Batch) -> Tensor | None:
        """The cross entropy."""
        known = _known(batch["mask"])
        if not known.any():
            return None
        logits, shown = output.squeeze(1)[known], (batch["mask"] > 0)[known]
        return binary_cross_entropy_with_logits(logits, shown.float())

    def colors(self, output: Tensor, images: Tensor) -> Tensor:
        """The saliency, white on black."""
        del images
        return (2 * output.sigmoid() - 1).expand(-1, 3, -1, -1)


class Detection(Task):
    """Boxes of objects: a pixel's centrality for each class, and its distance to the sides."""

    weight = 2.0

    @property
    def channels(self) -> int:
        """The classes and four sides."""
        return self.classes + 4

    def loss(self, output: Tensor, batch: Batch) -> Tensor | None:
        """The cross entropy of the centers and the overlap of the boxes (UnitBox, 2016)."""
        mask = batch["mask"]
        known = _known(mask)
        if not known.any():
            return None
        sides = distances(mask)
        labels = torch.arange(1, self.classes + 1, device=mask.device).view(1, -1, 1, 1)
        central = centeredness(sides)
        heat = (mask.unsqueeze(1) == labels) * central.unsqueeze(1)
        everywhere = known.unsqueeze(1).expand_as(heat)
        centers = binary_cross_entropy_with_logits(
            output[:, : self.classes][everywhere], heat[everywhere]
        )
        shared = overlap(self._sides(output), sides)
        weights = central * known
        boxes = -(weights * shared.clamp(min=1e-3).log()).sum() / weights.sum().clamp(min=1)
        return centers + boxes

    def boxes(self, output: Tensor) -> list[Boxes]:
        """The boxes in each image."""
        return decode(output[:, : self.classes].sigmoid(), self._sides(output), SURE)

    def colors(self, output: Tensor, images: Tensor) -> Tensor:
        """The boxes on the images, in the colors of the classes."""
        drawn = []
        for image, found in zip(images, self.boxes(output), strict=True):
            colors = ((label_colors(found.labels.view(-1, 1, 1)) + 1) * 127.5).byte()
            levels = ((image.clamp(-1, 1) + 1) * 127.5).byte()
            corners = found.corners.clamp(min=0).round()
            marks = [tuple(color.flatten().tolist()) for color in colors]
            drawn.append(draw_bounding_boxes(levels, corners, colors=marks) if marks else levels)
        return torch.stack(drawn) / 127.5 - 1

    def _sides(self, output: Tensor) -> Tensor:
        return softplus(output[:, self.classes :].float()) * self.size / 8


class Edges(Task):
    """Edges of the image itself, which need no label."""

    weight = 2.0

    @property
    def channels(self) -> int:
        """One plane."""
        return 1

    def loss(self, output: Tensor, batch: Batch) -> Tensor | None:
        """The cross entropy with the strength of the edges."""
        return binary_cross_entropy_with_logits(output, edges(batch["image"]))

    def colors(self, output: Tensor, images: Tensor) -> Tensor:
        """The edges, dark on white."""
        del images
        return _ink(output.sigmoid())


TASKS: dict[str, type[Task]] = {
    "segmentation": Segmentation,
    "boundary": Boundary,
    "saliency": Saliency,
    "detection": Detection,
    "edges": Edges,
}


def _known(mask: Tensor) -> Tensor:
    return mask != IGNORE


def _ink(strength: Tensor) -> Tensor:
    return (1 - 2 * strength).expand(-1, 3, -1, -1)


def _balanced(logits: Tensor, targets: Tensor) -> Tensor | None:
    if not len(targets):
        return None
    rare = targets.mean().clamp(0.01, 0.99)
    weights = torch.where(targets > 0, 1 - rare, rare)
    return binary_cross_entropy_with_logits(logits, targets, weights)
