"""Occlusion sensitivity (Zeiler & Fergus, ECCV 2014, section 4.2): the cost of hiding a part."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.saliency.scaling import scaled_to, unit_maps
from tag2mask.models.tagging import Tagger

GRAY = 127.5


class Occlusion:
    """Slides a gray square over the image, and maps the loss of the class score at each place.

    It takes many forward passes. It serves to check visualizations, not to label millions of
    images.

    Args:
        tagger: The multi-label classifier.
        size: Longer side of the resized images, in pixels.
        patch: Side of the square, in pixels of the resized image.
        step: Distance between two places of the square, in pixels.
        batch: Occluded images in a forward pass.
    """

    def __init__(
        self, tagger: Tagger, *, size: int = 224, patch: int = 48, step: int = 16, batch: int = 16
    ) -> None:
        self.tagger = tagger.eval()
        self.size, self.patch, self.step, self.batch = size, patch, step, batch

    @torch.no_grad()
    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        scaled = scaled_to(image, self.size)
        sides = list(scaled.shape[2:])
        whole = self.tagger(scaled).logits[0, classes]
        windows = [
            (slice(top, top + self.patch), slice(left, left + self.patch))
            for top in self._starts(sides[0])
            for left in self._starts(sides[1])
        ]
        lost = scaled.new_zeros(len(classes), *sides)
        hidden = scaled.new_zeros(*sides)
        for first in range(0, len(windows), self.batch):
            places = windows[first : first + self.batch]
            occluded = scaled.repeat(len(places), 1, 1, 1)
            for view, (rows, columns) in zip(occluded, places, strict=True):
                view[:, rows, columns] = GRAY
            scores = self.tagger(occluded).logits[:, classes]
            for score, (rows, columns) in zip(scores, places, strict=True):
                lost[:, rows, columns] += (whole - score)[:, None, None]
                hidden[rows, columns] += 1
        maps = interpolate((lost / hidden)[None], image.shape[1:], mode="bilinear")[0]
        return unit_maps(maps)

    def _starts(self, extent: int) -> list[int]:
        """First pixels of the square along a side, so that every pixel is hidden once."""
        last = max(0, extent - self.patch)
        return [*range(0, last, self.step), last]
