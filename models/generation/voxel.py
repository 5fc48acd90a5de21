"""3D-GAN (Wu, Zhang et al., "Learning a probabilistic latent space", NIPS 2016)."""

from __future__ import annotations

from typing import Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tag2mask.models.generation.conditions.base import ConditionInputs, IgnoreCondition
from tag2mask.models.generation.conditions.unconditional import Unconditional
from tag2mask.models.generation.gan import Gan, GanSettings, check_side
from tag2mask.models.generation.networks import Discriminator, Downsampler, Generator, Upsampler
from tag2mask.models.generation.solids import inflate, shade
from tag2mask.models.system import Batch
from tag2mask.models.transformation.synthetic_flow import objects


class VoxelSettings(GanSettings):
    """Settings of the voxel GAN; the learning rates are the paper's."""

    latent: int = Field(200, ge=1, description="Length of the noise vector z.")
    side: int = Field(32, ge=8, description="Side of the cube, in voxels; 64 in the paper.")
    generator_lr: float = Field(2.5e-3, gt=0, description="Learning rate of the generator.")
    discriminator_lr: float = Field(1e-5, gt=0, description="Learning rate of the discriminator.")
    patience: float = Field(
        0.8,
        gt=0.5,
        le=1,
        description="Accuracy above which the discriminator waits.",
    )

    @model_validator(mode="after")
    def _cube_can_be_halved(self) -> Self:
        check_side(self.side, self.coarsest)
        return self


class VoxelGan(Gan):
    """Makes solids as voxels from noise; the real solids are inflated masks.

    The generator's task is harder than the discriminator's. So the discriminator learns slowly,
    and not at all while it is right on more than 80 % of a batch (section 3.1).
    """

    settings_type = VoxelSettings
    settings: VoxelSettings

    def __init__(self, settings: VoxelSettings) -> None:
        cube = (settings.side,) * 3
        sizes = {"width": settings.width, "coarsest": settings.coarsest}
        body = Downsampler(1, cube, **sizes)
        super().__init__(
            settings,
            Generator(
                IgnoreCondition(), Upsampler(settings.latent, 1, cube, **sizes), nn.Sigmoid()
            ),
            Discriminator(IgnoreCondition(), body, body.outputs),
            Unconditional(),
        )

    def reals(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """Solids (N, 1, D, D, D) of the masks."""
        return inflate(objects(batch["mask"]), self.settings.side)

    def skips_discriminator(self, real: Tensor, fake: Tensor) -> bool:
        """Whether too many of the discriminator's logits are right."""
        right = torch.cat([real > 0, fake < 0])
        return right.float().mean().item() > self.settings.patience

    def voxels(self, count: int, rng: torch.Generator) -> Tensor:
        """New solids (N, 1, D, D, D), the occupancy of each voxel in [0, 1]."""
        with torch.no_grad():
            noise = self.noise(count, rng)
            return self.generate(
                noise, ConditionInputs(noise[:, :0], noise.new_zeros(count, 0, 1, 1))
            )

    def render(self, made: Tensor) -> Tensor:
        """Three shaded views side by side: (N, 3, S, 3 S)."""
        size = (self.settings.size, 3 * self.settings.size)
        return interpolate(shade(made), size, mode="bilinear", align_corners=False)
