"""IcGAN (Perarnau et al., "Invertible conditional GANs for image editing", 2016).

The survey cites it as its reference 42; its number there is 43.
"""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import mse_loss

from tag2mask.models.generation.cgan import ConditionalGan
from tag2mask.models.generation.conditions.base import vector_inputs
from tag2mask.models.generation.dcgan import ProjectedGanSettings
from tag2mask.models.generation.networks import Encoder, eval_mode
from tag2mask.models.system import Batch, OptimizerStep

EDITS = 8  # tags in the sample grid, beginning with the first


class InvertibleSettings(ProjectedGanSettings):
    """Settings of IcGAN."""

    encoder_rate: float = Field(2e-4, gt=0, description="Learning rate of the encoders.")
    begin: float = Field(
        0.6, gt=0, lt=1, description="Share of the training after which the encoders begin."
    )


class InvertibleGan(ConditionalGan):
    """A conditional GAN and encoders from images back to noise and tags.

    The encoders are separate networks (IND, the best in the paper) and are trained after the
    generator. E_z learns from generated images, whose noise is known, and E_y from real images
    with their tags.
    """

    settings_type = InvertibleSettings
    settings: InvertibleSettings

    def __init__(self, settings: InvertibleSettings) -> None:
        super().__init__(settings)

        sizes = {"width": settings.width, "coarsest": settings.coarsest}
        self.encode_noise = Encoder(settings.size, settings.latent, **sizes)
        self.encode_tags = Encoder(settings.size, settings.classes, **sizes)

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """The adversarial networks first, then the encoders."""
        begin, rate = self.settings.begin, self.settings.encoder_rate
        adversaries = (
            OptimizerStep(step.name, step.networks, step.learning_rate, span=(0.0, begin))
            for step in super().optimizer_steps()
        )
        encoders = (
            OptimizerStep(name, (name,), rate, span=(begin, 1.0))
            for name in ("encode_noise", "encode_tags")
        )
        return (*adversaries, *encoders)

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """Equations 2 and 3 for the encoders."""
        if step == "encode_tags":
            return {"tags": mse_loss(self.encode_tags(batch["image"]), batch["tags"].float())}
        if step == "encode_noise":
            noise = self.noise(len(batch["tags"]), rng)
            with torch.no_grad():
                images = self.generate(noise, vector_inputs(batch["tags"].float()))
            return {"noise": mse_loss(self.encode_noise(images), noise)}
        return super().losses(step, batch, rng)

    @torch.no_grad()
    def edit(self, images: Tensor, tags: Tensor) -> Tensor:
        """The same images (N, 3, S, S) with other tags (N, C), at the same noise z."""
        with eval_mode(self.encode_noise):
            return self.generate(self.encode_noise(images), vector_inputs(tags.float()))

    @torch.no_grad()
    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (N, 3, S, S) generated from their own noise and tags."""
        return self.edit(images, self.recognize(images))

    @torch.no_grad()
    def recognize(self, images: Tensor) -> Tensor:
        """The predicted tags of images, (N, C), around zero and one."""
        with eval_mode(self.encode_tags):
            return self.encode_tags(images)

    @torch.no_grad()
    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The image, its reconstruction, and the image with each tag alone."""
        images = batch["image"]
        edits = [
            self.edit(images, tag.expand(len(images), -1))
            for tag in torch.eye(self.settings.classes, device=images.device)[:EDITS]
        ]
        return torch.cat([images, self.reconstruct(images), *edits], dim=3)
