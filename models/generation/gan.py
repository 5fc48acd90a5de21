"""Generative adversarial networks for any output and any condition.

They follow Goodfellow et al. (NIPS 2014) with the advice of Goodfellow's tutorial (2016). The
generator maximizes log D(G(z)) instead of minimizing log(1 - D(G(z))). Real labels are smoothed
on one side. Real and generated images are separate batches.
"""

from __future__ import annotations

from typing import ClassVar, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from tag2mask.models.adversarial import discriminator_loss, generator_loss
from tag2mask.models.generation.base import GeneratingSystem
from tag2mask.models.generation.conditions.base import Condition, ConditionInputs
from tag2mask.models.generation.networks import (
    Discriminator,
    DiscriminatorOutput,
    Generator,
    eval_mode,
    pyramid,
)
from tag2mask.models.generation.projected import ProjectedDiscriminator
from tag2mask.models.system import Batch, OptimizerStep, SystemSettings

EXAMPLES = 4  # generated images in a row of the sample grid


class GanSettings(SystemSettings):
    """Settings of every GAN; the defaults are DCGAN's (Radford et al., 2015)."""

    latent: int = Field(100, ge=1, description="Length of the noise vector z.")
    width: int = Field(
        64, ge=1, description="Channels of the finest maps; doubled at each coarser level."
    )
    coarsest: int = Field(4, ge=1, description="Largest side of the coarsest maps, in pixels.")
    smoothing: float = Field(
        0.9, gt=0.5, le=1, description="Target of the discriminator for real images."
    )
    old_names: ClassVar[dict[str, str]] = {
        "generator_rate": "generator_lr",
        "discriminator_rate": "discriminator_lr",
    }

    generator_lr: float = Field(2e-4, gt=0, description="Learning rate of the generator.")
    discriminator_lr: float = Field(2e-4, gt=0, description="Learning rate of the discriminator.")

    @model_validator(mode="after")
    def _size_can_be_halved(self) -> Self:
        check_side(self.size, self.coarsest)
        return self


def check_side(side: int, coarsest: int) -> None:
    """Refuses a side that cannot be halved, at least once, down to the coarsest maps.

    Raises:
        ValueError: With a side to take instead.
    """
    sides = [shape[0] for shape in pyramid((side,), coarsest)]
    if len(sides) < 2 or sides[0] > 2 * coarsest:
        raise ValueError(
            f"a size of {side} cannot be halved down to {coarsest}: take a power of two, "
            f"such as {2 ** (side - 1).bit_length()}"
        )


class Gan(GeneratingSystem):
    """A generator against a discriminator, with or without a condition.

    Members give the networks, and override :meth:`reals` if they make something else than
    images.

    Args:
        settings: The member's settings.
        generator: Makes samples from noise.
        discriminator: Separates real from generated samples.
        condition: The condition of both networks.
    """

    settings_type: ClassVar[type[SystemSettings]] = GanSettings
    settings: GanSettings
    averaged = ("generator",)
    view = "cutout"

    def __init__(
        self,
        settings: GanSettings,
        generator: Generator,
        discriminator: Discriminator | ProjectedDiscriminator,
        condition: Condition,
    ) -> None:
        super().__init__(settings)
        self.generator, self.discriminator = generator, discriminator
        self.condition = condition

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """The discriminator, then the generator."""
        networks: tuple[str, ...] = ("discriminator",)
        if any(True for _ in self.condition.parameters()):
            networks = (*networks, "condition")
        return (
            OptimizerStep("discriminator", networks, self.settings.discriminator_lr),
            OptimizerStep("generator", ("generator",), self.settings.generator_lr),
        )

    def reals(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The real samples of the discriminator: the images."""
        return batch["image"]

    def make(self, noise: Tensor, inputs: ConditionInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """The generator's samples, and further terms of its loss."""
        return self.generator(noise, inputs), self.generator.reader.terms(inputs)

    def skips_discriminator(self, real: Tensor, fake: Tensor) -> bool:
        """Whether the discriminator skips its step, by its logits."""
        return False

    def render(self, made: Tensor) -> Tensor:
        """Generated samples as images (N, 3, H, W)."""
        return made

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """See :class:`tag2mask.models.system.System`."""
        inputs = self.condition.make_inputs(len(batch["image"]), batch, rng)
        if step == "discriminator":
            return self.discriminator_losses(self.reals(batch, rng), inputs, rng)
        return self.generator_losses(self.condition.between(inputs, rng), rng)

    def discriminator_losses(
        self, reals: Tensor, inputs: ConditionInputs, rng: torch.Generator
    ) -> dict[str, Tensor]:
        """Terms of the discriminator's loss."""
        with torch.no_grad():
            made, _ = self.make(self.noise(len(reals), rng), inputs)
        real = self.discriminate(reals, inputs, rng).logits
        fake, features = self.discriminate(made, inputs, rng)
        mismatched = self.condition.draw_mismatched(inputs, rng)
        if mismatched is not None:
            # A real image with mismatched inputs counts as a generated one (GAN-CLS).
            unfit = self.discriminate(reals, mismatched.inputs, rng).logits
            fake = torch.cat([fake, unfit[mismatched.counts]])
        if self.skips_discriminator(real, fake):
            return {}
        loss = discriminator_loss(real, fake, self.settings.smoothing)
        return {"discriminator": loss, **self.condition.terms(features, inputs)}

    def generator_losses(self, inputs: ConditionInputs, rng: torch.Generator) -> dict[str, Tensor]:
        """Terms of the generator's loss."""
        made, terms = self.make(self.noise(len(inputs.vector), rng), inputs)
        logits, features = self.discriminate(made, inputs, rng)
        return {
            "generator": generator_loss(logits),
            **terms,
            **self.condition.terms(features, inputs),
        }

    def discriminate(
        self, made: Tensor, inputs: ConditionInputs, rng: torch.Generator
    ) -> DiscriminatorOutput:
        """The discriminator's output while both networks are trained."""
        return self.discriminator(made, inputs)

    def noise(self, count: int, rng: torch.Generator) -> Tensor:
        """Latent vectors z (N, Z) from N(0, 1)."""
        return torch.randn(count, self.settings.latent, generator=rng, device=rng.device)

    def generate(self, noise: Tensor, inputs: ConditionInputs) -> Tensor:
        """The generator's samples in evaluation mode, each independent of its batch."""
        with eval_mode(self.generator):
            return self.make(noise, inputs)[0]

    @torch.no_grad()
    def sample(self, count: int, wanted: Batch, rng: torch.Generator) -> Tensor:
        """See :class:`tag2mask.models.generation.base.GeneratingSystem`."""
        inputs = self.condition.make_inputs(count, wanted, rng)
        return self.render(self.generate(self.noise(count, rng), inputs))

    @torch.no_grad()
    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """A real image, and several that were generated from its condition."""
        reals = self.reals(batch, rng)
        made = [self.sample(len(reals), batch, rng) for _ in range(EXAMPLES)]
        return torch.cat([self.render(reals), *made], dim=3)
