"""Style transfer by optimizing the image itself (Gatys et al., CVPR 2016)."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.optimization import Optimizer, optimize_images
from tag2mask.models.transformation.style import StyleSettings, StyleSystem


class GatysSettings(StyleSettings):
    """Settings of the optimization."""

    steps: int = Field(300, ge=1, description="Optimization steps for each image.")
    old_names: ClassVar[dict[str, str]] = {"optimiser": "optimizer"}

    optimizer: Optimizer = Field("lbfgs", description="lbfgs, as in the paper, or adam.")


class Gatys(StyleSystem):
    """Starts from the content and moves its pixels until style and content both fit.

    Nothing is trained, and an image takes seconds. With ``distance`` set to ``batch_norm`` or
    ``linear_mmd`` it is the transfer of Li et al. (IJCAI 2017).
    """

    settings_type: ClassVar[type[SystemSettings]] = GatysSettings
    settings: GatysSettings

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """No optimizer step."""
        return ()

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """No losses.

        Raises:
            KeyError: Always, because there are no optimizer steps.
        """
        raise KeyError(f"unknown optimizer step {step!r}: this system trains nothing")

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The images in their styles; see the class."""
        content = batch["image"]
        with torch.no_grad():
            targets = self.features(content), self.features(batch["style"])

        def loss(images: Tensor) -> Tensor:
            return len(images) * torch.stack([*self.objective(images, *targets).values()]).sum()

        settings = self.settings
        return optimize_images(content, loss, settings.steps, settings.optimizer)
