"""Label maps by a classifier of region proposals (R-CNN, SDS, SPP-net, O2P)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from tag2mask.models.regions.classifier import painted, proposals
from tag2mask.models.regions.tree import region_tree
from tag2mask.models.saliency.scaling import scaled_to
from tag2mask.pipeline.records import BACKGROUND, Row
from tag2mask.pipeline.records.mask_rows import as_tensor, make_mask_row, resize_maps, rgb
from tag2mask.pipeline.training.model_store import load_model


class Proposed(NamedTuple):
    """An image resized for a region classifier, with its proposals.

    Attributes:
        image: (3, h, w) RGB in [0, 255].
        masks: (R, h, w) bool, the proposed regions.
    """

    image: Tensor
    masks: np.ndarray


def propose_regions(original: np.ndarray, size: int) -> Proposed:
    """Propose regions of an image (H, W, 3) uint8, with its longer side resized to ``size``."""
    image = scaled_to(as_tensor(original), size)[0]
    pixels = np.ascontiguousarray(image.permute(1, 2, 0).round().clamp(0, 255).byte().numpy())
    tree = region_tree(pixels)
    return Proposed(image, np.stack([tree.mask(node) for node in proposals(tree)]))


class LabelRegions:
    """A stage that makes masks with a region classifier, restricted to the images' tags.

    Args:
        classifier: URI of the model.
        source: Name of the round, written into the rows.
        size: Longer side to which images are resized, in pixels.
        device: The device of the network; by default a GPU, if there is one.
    """

    def __init__(self, classifier: str, source: str, size: int, device: str | None = None) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        model, card = load_model(classifier, "regions")
        self.classifier, self.weights = model.to(self.device), card.weights
        self.source, self.size = source, size

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Label the images one by one, because a row's mask must not depend on its batch."""
        return [self._labeled(row) for row in rows]

    @torch.no_grad()
    def _labeled(self, row: Row) -> Row:
        original = rgb(row)
        image, masks = propose_regions(original, self.size)
        regions = torch.from_numpy(masks).to(self.device)
        descriptors = self.classifier.descriptors(image.to(self.device), regions)
        allowed = self.classifier(descriptors)[:, [BACKGROUND, *row["tags"]]]
        maps = painted(masks, allowed.softmax(dim=1).cpu().numpy())
        size = original.shape[:2]
        maps = resize_maps(maps, size)
        made = {"source": self.source, "model": self.weights}
        return {**make_mask_row(row, size, maps.argmax(axis=0), maps, ignore_below=0.0), **made}
