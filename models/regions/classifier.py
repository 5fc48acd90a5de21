"""A linear classifier of regions, and label maps from its scores."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.regions.descriptors import DESCRIPTORS, length
from tag2mask.models.regions.tree import RegionTree

PENALTY = 1e-3  # penalty on the squared weights of standardized features
ITERATIONS = 60  # iterations of L-BFGS


class RegionClassifier(nn.Module):
    """Predicts the overlap of a region with the objects of each class.

    The papers train a linear machine for each class, on whether regions overlap an object
    (R-CNN, SDS) or by how much (O2P). This is one machine for all classes: a softmax whose targets
    are the overlaps, with the rest for background.

    Args:
        backbone: The frozen feature extractor.
        labels: Number of pixel values K, background included.
        descriptor: One of :data:`tag2mask.models.regions.descriptors.DESCRIPTORS`.
    """

    mean: Tensor
    scale: Tensor

    def __init__(self, backbone: Backbone, labels: int, descriptor: str) -> None:
        super().__init__()
        self.backbone = backbone
        self.describe = DESCRIPTORS[descriptor]
        features = length(descriptor, backbone)
        self.linear = nn.Linear(features, labels)
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))

    @torch.no_grad()
    def descriptors(self, image: Tensor, regions: Tensor) -> Tensor:
        """(3, H, W) in [0, 255] and (R, H, W) bool to (R, F)."""
        return self.describe(self.backbone, image, regions)

    def forward(self, descriptors: Tensor) -> Tensor:
        """(R, F) to logits (R, K)."""
        return self.linear((descriptors - self.mean) / self.scale)

    def fit(self, descriptors: Tensor, overlaps: Tensor) -> float:
        """Trains the linear layer from zero until L-BFGS ends.

        Args:
            descriptors: (R, F).
            overlaps: (R, K) in [0, 1], rows summing to one.

        Returns:
            The loss.
        """
        self.mean.copy_(descriptors.mean(dim=0))
        self.scale.copy_(descriptors.std(dim=0).clamp(min=1e-6))
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)
        standard = (descriptors - self.mean) / self.scale
        optimizer = torch.optim.LBFGS(
            self.linear.parameters(), max_iter=ITERATIONS, line_search_fn="strong_wolfe"
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            entropy = -(overlaps * self.linear(standard).log_softmax(dim=1)).sum(dim=1).mean()
            loss = entropy + PENALTY * self.linear.weight.square().sum()
            loss.backward()
            return loss

        optimizer.step(closure)
        return float(closure().detach())


def proposals(tree: RegionTree, smallest: float = 0.01, largest: float = 0.95) -> np.ndarray:
    """The nodes of a tree that may be objects, by their share of the image; at least one."""
    shares = tree.areas / tree.superpixels.size
    found = np.flatnonzero((shares >= smallest) & (shares <= largest))
    return found if len(found) else np.array([len(shares) - 1])


def painted(masks: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Gives every pixel the probabilities of its region with the most probable object.

    Args:
        masks: (R, H, W) bool.
        probabilities: (R, K), of the regions, background first.

    Returns:
        (K, H, W) float32 summing to one; background outside of all regions.
    """
    labels = probabilities.shape[1]
    maps = np.zeros((labels, *masks.shape[1:]), np.float32)
    maps[0] = 1
    for region in np.argsort(probabilities[:, 1:].max(axis=1), kind="stable"):
        maps[:, masks[region]] = probabilities[region][:, None]
    return maps
