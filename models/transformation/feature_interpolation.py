"""Deep feature interpolation (Upchurch et al., CVPR 2017): adding a tag to an image.

The direction from images without a tag to images with it is taken in the features of a backbone. It
is added to the features of an image. Pixels with these features are found by optimization.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import interpolate, mse_loss, normalize

from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.base import TransformingSystem
from tag2mask.models.transformation.optimization import Optimizer, optimize_images
from tag2mask.models.transformation.perceptual import Perceptual
from tag2mask.models.transformation.style import total_variation


class FeatureInterpolationSettings(SystemSettings):
    """Settings of the images to compare with, and of the optimization."""

    backbone: str = Field(
        "efficientnet_lite0", description="Backbone of the features; see perceptual.py."
    )
    stages: tuple[str, ...] = Field(
        ("c3", "c4", "c5"),
        min_length=1,
        description="Stages of the features; neighbors are found by the last.",
    )
    memory: int = Field(1000, ge=2, description="Number of images that are kept for comparison.")
    old_names: ClassVar[dict[str, str]] = {"neighbours": "neighbors", "optimiser": "optimizer"}

    neighbors: int = Field(
        50, ge=1, description="Number K of the nearest images with the tags, and of those without."
    )
    strength: float = Field(
        3.0, gt=0, description="Length of the step α; 1 is the mean difference."
    )
    smoothness: float = Field(10.0, ge=0, description="Weight of the total variation.")
    steps: int = Field(150, ge=1, description="Steps of the optimization.")
    optimizer: Optimizer = Field("lbfgs", description="lbfgs, as in the paper, or adam.")


class FeatureInterpolation(TransformingSystem):
    """Makes an image look as if it had other tags.

    No network learns. The last images of the training are kept for comparison. They are buffers,
    so that they are stored and resumed with the weights.
    """

    settings_type: ClassVar[type[SystemSettings]] = FeatureInterpolationSettings
    needs: ClassVar[tuple[str, ...]] = ("image", "tags")
    # The mean of images is meaningful only if their objects lie upon each other.
    view: ClassVar[str] = "cutout"

    settings: FeatureInterpolationSettings
    images: Tensor
    tags: Tensor
    keys: Tensor
    seen: Tensor

    def __init__(self, settings: FeatureInterpolationSettings) -> None:
        super().__init__(settings)
        self.features = Perceptual(settings.backbone, settings.stages)
        kept, side = settings.memory, settings.size
        channels = self.features.channels[settings.stages[-1]]
        self.register_buffer("images", torch.zeros(kept, 3, side, side, dtype=torch.uint8))
        self.register_buffer("tags", torch.zeros(kept, settings.classes))
        self.register_buffer("keys", torch.zeros(kept, channels))
        self.register_buffer("seen", torch.tensor(0))

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """One optimizer step without networks."""
        return (OptimizerStep("remember", ()),)

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """No loss; the images of the batch replace the oldest ones that are kept."""
        count = len(batch["image"])
        places = (self.seen + torch.arange(count, device=self.seen.device)) % len(self.images)
        self.images[places] = (127.5 * (batch["image"] + 1)).round().to(torch.uint8)
        self.tags[places] = batch["tags"]
        self.keys[places] = self._keys(self._features(batch["image"]))
        self.seen += count
        return {}

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images with the tags; unchanged if there are no images to compare with."""
        features = self._features(batch["image"])
        targets = {stage: values.clone() for stage, values in features.items()}
        changed = torch.zeros(len(batch["image"]), dtype=torch.bool)
        for number, (key, tags) in enumerate(zip(self._keys(features), batch["tags"], strict=True)):
            for stage, step in self._direction(key, tags).items():
                size = targets[stage].shape[-2:]
                fitted = interpolate(step, size, mode="bilinear", align_corners=False)
                targets[stage][number] += self.settings.strength * fitted[0]
                changed[number] = True
        if not changed.any():
            return batch["image"]

        def loss(images: Tensor) -> Tensor:
            found = self.features(images)
            terms = [mse_loss(found[stage], target) for stage, target in targets.items()]
            smooth = self.settings.smoothness * total_variation(images)
            return len(images) * (torch.stack(terms).sum() + smooth)

        settings = self.settings
        made = optimize_images(batch["image"], loss, settings.steps, settings.optimizer)
        return torch.where(changed.to(made.device).view(-1, 1, 1, 1), made, batch["image"])

    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images, and each with the tags of the next one in the batch."""
        tags = batch["tags"].roll(-1, dims=0)
        return torch.cat([batch["image"], self.transform({**batch, "tags": tags}, rng)], dim=3)

    def _direction(self, key: Tensor, tags: Tensor) -> dict[str, Tensor]:
        """The direction from the nearest images without the tags to those with them, by stage.

        It is empty if one of the two kinds is missing or there are no tags.
        """
        known = torch.arange(len(self.tags), device=self.tags.device) < self.seen
        have = (self.tags >= tags).all(dim=1)
        means = []
        for kind in (known & have, known & ~have):
            places = kind.nonzero().flatten()
            similarity = self.keys[places] @ key
            nearest = places[similarity.topk(min(self.settings.neighbors, len(places))).indices]
            if not len(nearest) or not tags.any():
                return {}
            found = self._features(self.images[nearest] / 127.5 - 1)
            means.append({stage: v.mean(dim=0, keepdim=True) for stage, v in found.items()})
        return {stage: means[0][stage] - means[1][stage] for stage in means[0]}

    @torch.no_grad()
    def _features(self, images: Tensor) -> dict[str, Tensor]:
        return self.features(images)

    def _keys(self, features: dict[str, Tensor]) -> Tensor:
        """Directions (N, C) by which neighbors are found: cosine of the mean of the last stage."""
        return normalize(features[self.settings.stages[-1]].mean(dim=(2, 3)), dim=1)
