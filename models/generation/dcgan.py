"""DCGAN (Radford, Metz & Chintala, "Unsupervised representation learning", 2015)."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.generation.conditions.base import Condition, ConditionInputs, vector_inputs
from tag2mask.models.generation.conditions.unconditional import Unconditional
from tag2mask.models.generation.diff_augment import AUGMENTATIONS, Augmentation
from tag2mask.models.generation.gan import Gan, GanSettings
from tag2mask.models.generation.networks import (
    Discriminator,
    DiscriminatorOutput,
    Downsampler,
    Generator,
    Upsampler,
    with_planes,
)
from tag2mask.models.generation.projected import ProjectedDiscriminator
from tag2mask.models.system import SystemSettings

WHITE = 2.0  # first value of the images before the tanh


class ImageSettings(GanSettings):
    """Settings of GANs that make images."""

    augment: tuple[Augmentation, ...] = Field(
        (),
        description="Random changes of images, in this order, before the discriminator "
        "(Zhao et al., 2020); use all three with a few thousand images or fewer.",
    )

    @field_validator("augment", mode="before")
    @classmethod
    def _read_old_value(cls, changes: object) -> object:
        """Reads ``colour``, the spelling of stored systems, for one version."""
        if not isinstance(changes, list | tuple):
            return changes
        return tuple("color" if change == "colour" else change for change in changes)


class ProjectedGanSettings(ImageSettings):
    """Settings of GANs whose discriminator may use a backbone pretrained on photographs."""

    old_names: ClassVar[dict[str, str]] = {"trunk": "backbone"}

    backbone: str | None = Field(
        None,
        description="Backbone of the discriminator, in whose frozen features real and generated "
        "images are separated (Sauer et al., 2021); null for a discriminator trained from scratch.",
    )

    @field_validator("backbone")
    @classmethod
    def _exists(cls, backbone: str | None) -> str | None:
        if backbone is not None and backbone not in BACKBONES:
            raise ValueError(f"unknown backbone {backbone!r}; choose one of {', '.join(BACKBONES)}")
        return backbone


class ImageGan(Gan):
    """DCGAN's two networks (figure 1), which also read a condition.

    Args:
        settings: Size and widths.
        condition: The condition of both networks.
        joins: See :class:`tag2mask.models.generation.networks.Downsampler`.
        backbone: Name of the backbone of a
            :class:`tag2mask.models.generation.projected.ProjectedDiscriminator`; None for DCGAN's
            discriminator.
    """

    settings_type: ClassVar[type[SystemSettings]] = ImageSettings
    settings: ImageSettings

    def __init__(
        self,
        settings: ImageSettings,
        condition: Condition,
        joins: int = 0,
        backbone: str | None = None,
    ) -> None:
        shape = (settings.size, settings.size)
        sizes = {"width": settings.width, "coarsest": settings.coarsest}
        ours = condition.for_generator()
        maker = Upsampler(settings.latent + ours.vector, 3, shape, planes=ours.planes, **sizes)
        theirs = condition.for_discriminator()
        discriminator: Discriminator | ProjectedDiscriminator
        if backbone is None:
            body = Downsampler(3 + theirs.planes, shape, vector=theirs.vector, joins=joins, **sizes)
            discriminator = Discriminator(theirs, body, body.outputs)
        else:
            discriminator = ProjectedDiscriminator(theirs, settings.size, backbone, **sizes)
            if self.view == "cutout":
                # White and gray are alike to a backbone, so that a discriminator on it teaches
                # the difference slowly.
                maker.begin_at(WHITE)
        super().__init__(settings, Generator(ours, maker, nn.Tanh()), discriminator, condition)

    def discriminate(
        self, made: Tensor, inputs: ConditionInputs, rng: torch.Generator
    ) -> DiscriminatorOutput:
        """See :meth:`tag2mask.models.generation.gan.Gan.discriminate`; images are augmented."""
        if self.settings.augment:
            maps = with_planes(made, inputs.planes)
            for change in self.settings.augment:
                maps = AUGMENTATIONS[change](maps, rng)
            made, inputs = maps[:, :3], inputs._replace(planes=maps[:, 3:])
        return super().discriminate(made, inputs, rng)


class Dcgan(ImageGan):
    """Makes images from noise alone."""

    settings_type: ClassVar[type[SystemSettings]] = ProjectedGanSettings
    settings: ProjectedGanSettings

    def __init__(self, settings: ProjectedGanSettings) -> None:
        super().__init__(settings, Unconditional(), backbone=settings.backbone)

    def images(self, noise: Tensor) -> Tensor:
        """Images (N, 3, S, S) of latent vectors (N, Z), such as :func:`analogy` gives."""
        return self.generate(noise, vector_inputs(noise.new_zeros(len(noise), 0)))


def analogy(like: Tensor, without: Tensor, having: Tensor) -> Tensor:
    """Arithmetic on concepts (section 6.3.2): like - without + having.

    "A man with glasses" less "a man" plus "a woman" is a woman with glasses. Single vectors
    are unstable, so each concept is the mean of several, three in the paper.

    Args:
        like: (..., 3, Z) latent vectors of images that show the first concept.
        without: (..., 3, Z) latent vectors of images without the property to carry over.
        having: (..., 3, Z) latent vectors of images that are to get the property.

    Returns:
        (..., Z).
    """
    return like.mean(dim=-2) - without.mean(dim=-2) + having.mean(dim=-2)
