"""pix2pix (Isola et al., CVPR 2017): images from a label mask, edges, or an image with a hole.

Members define the given input.

To the adversarial loss and a distance of colors, pix2pixHD (Wang et al., CVPR 2018) adds a distance
of perceptual features (Johnson et al., ECCV 2016, equation 2). With a few hundred images, this
distance makes objects recognizable, if the generator upsamples by resizing. Transposed convolutions
begin with a grid, which is finer than the first stride of a backbone, so that the distance does not
remove it.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.functional import l1_loss

from tag2mask.models.adversarial import discriminator_loss, generator_loss
from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.base import TransformingSystem
from tag2mask.models.transformation.encoder_decoder import EncoderDecoder, levels_of, widths_of
from tag2mask.models.transformation.patch_gan import PatchGan
from tag2mask.models.transformation.perceptual import Perceptual
from tag2mask.models.transformation.skips import UPSAMPLINGS

STAGES = ("c2", "c3", "c4", "c5")  # stages of the compared features, with equal weights


class Pix2PixSettings(SystemSettings):
    """Settings of both networks and their losses; all defaults but the patch are the paper's."""

    width: int = Field(64, ge=1, description="Channels of the first level of both networks.")
    patch_layers: int = Field(
        2,
        ge=1,
        le=5,
        description="Halvings in the discriminator, 1 to 5 for patches of 16, 34, 70, 142 or 286 "
        "pixels; the paper's 70 is for images of 256.",
    )
    old_names: ClassVar[dict[str, str]] = {"doubling": "upsampling"}

    upsampling: Literal["transposed", "resized"] = Field(
        "transposed", description="Upsampling of the generator; see skips.py."
    )
    l1: float = Field(100.0, ge=0, description="Weight λ of the L1 loss against the GAN's.")
    perceptual: float = Field(
        0.0, ge=0, description="Weight of the distance of perceptual features against the GAN's."
    )
    backbone: str = Field(
        "efficientnet_lite0", description="Backbone of the perceptual features; see perceptual.py."
    )
    dropout: float = Field(0.5, ge=0, lt=1, description="Share of features that noise drops.")
    learning_rate: float = Field(2e-4, gt=0, description="Learning rate of Adam, in both networks.")

    @model_validator(mode="after")
    def _patches_fit(self) -> Self:
        smallest = PatchGan.smallest(self.patch_layers)
        if self.size < smallest:
            raise ValueError(
                f"patch_layers={self.patch_layers} needs images of {smallest} pixels or more, "
                f"not {self.size}"
            )
        return self


class Pix2Pix(TransformingSystem):
    """A U-Net against a PatchGAN, both with the given input: cGAN + λ·L1 (equation 4).

    Args:
        settings: The member's settings.
    """

    settings_type: ClassVar[type[SystemSettings]] = Pix2PixSettings
    settings: Pix2PixSettings

    def __init__(self, settings: Pix2PixSettings) -> None:
        super().__init__(settings)
        given = self.channels(settings)
        self.generator = EncoderDecoder(
            given,
            3,
            widths_of(settings.width, levels_of(settings.size)),
            double=UPSAMPLINGS[settings.upsampling],
            dropout=settings.dropout,
        )
        self.discriminator = PatchGan(given + 3, settings.width, settings.patch_layers)
        if settings.perceptual:
            self.features = Perceptual(settings.backbone, STAGES)

    @classmethod
    @abstractmethod
    def channels(cls, settings: Pix2PixSettings) -> int:
        """Channels of the given input."""

    @abstractmethod
    def given(self, batch: Batch) -> Tensor:
        """The networks' input from images or masks, (N, channels, H, W)."""

    def exercise(self, batch: Batch) -> Batch:
        """The batch for the training; the batch itself, unless a member changes it."""
        return batch

    def finished(self, given: Tensor, made: Tensor) -> Tensor:
        """The final image, from the given input and the generator's output."""
        del given
        return made

    def loss_weights(self, given: Tensor) -> Tensor:
        """Weights (N, 1, H, W) of the pixels in the L1 loss; equal, unless a member sets them."""
        return torch.ones_like(given[:, :1])

    @abstractmethod
    def shown(self, given: Tensor) -> Tensor:
        """The given input as RGB (N, 3, H, W) in [-1, 1], for display."""

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """The discriminator's optimizer step, then the generator's."""
        rate = self.settings.learning_rate
        return (
            OptimizerStep("discriminator", ("discriminator",), rate, final=0.0),
            OptimizerStep("generator", ("generator",), rate, final=0.0),
        )

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The discriminator's cross entropy, or the generator's with the distances."""
        batch = self.exercise(batch)
        given, real = self.given(batch), batch["image"]
        if step == "discriminator":
            with torch.no_grad():
                fake = self.finished(given, self._make(given, rng))
            # Separate batches, so that each is normalized by its own statistics.
            logits = self._discriminate(given, real), self._discriminate(given, fake)
            return {"discriminator": discriminator_loss(*logits)}
        made, weights = self._make(given, rng), self.loss_weights(given)
        distance = (weights * (made - real).abs()).sum() / (3 * weights.sum()).clamp(min=1)
        finished = self.finished(given, made)
        terms = {
            "generator": generator_loss(self._discriminate(given, finished)),
            "l1": self.settings.l1 * distance,
        }
        if self.settings.perceptual:
            terms["perceptual"] = self.settings.perceptual * self._perceptual_distance(
                finished, real
            )
        return terms

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """Images from the given input; dropout stays on, as the only noise."""
        given = self.given(batch)
        return self.finished(given, self._make(given, rng))

    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The given input, the generated image and the real image."""
        made = self.transform(batch, rng)
        return torch.cat([self.shown(self.given(batch)), made, batch["image"]], dim=3)

    def _perceptual_distance(self, made: Tensor, real: Tensor) -> Tensor:
        """The mean distance of the features of both, over the stages."""
        with torch.no_grad():
            targets = self.features(real)
        found = self.features(made)
        return torch.stack([l1_loss(found[name], targets[name]) for name in STAGES]).mean()

    def _make(self, given: Tensor, rng: torch.Generator) -> Tensor:
        return self.generator(given, rng).tanh()

    def _discriminate(self, given: Tensor, image: Tensor) -> Tensor:
        return self.discriminator(torch.cat([given, image], dim=1))
