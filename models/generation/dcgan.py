"""DCGAN (Radford, Metz & Chintala, "Unsupervised representation learning", 2015)."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from tag2mask.models.backbones import TRUNKS
from tag2mask.models.generation.conditions.base import Condition, Facts, said
from tag2mask.models.generation.conditions.nothing import Nothing
from tag2mask.models.generation.diff_augment import CHANGES, Change
from tag2mask.models.generation.gan import Gan, GanSettings
from tag2mask.models.generation.networks import (
    Discriminator,
    Downsampler,
    Generator,
    Judgement,
    Upsampler,
    with_planes,
)
from tag2mask.models.generation.projected import ProjectedDiscriminator
from tag2mask.models.system import SystemSettings

WHITE = 2.0  # before the tanh


class PictureSettings(GanSettings):
    """Of those that make pictures."""

    augment: tuple[Change, ...] = Field(
        (),
        description="How pictures are changed, in this order, before the discriminator sees them "
        "(Zhao et al., 2020); for some thousand of them and less, all three.",
    )


class KnowingSettings(PictureSettings):
    """Of those whose discriminator may know photographs before it is trained."""

    trunk: str | None = Field(
        None,
        description="Backbone in whose frozen features real and generated images "
        "are told apart (Sauer et al., 2021); null for a discriminator that begins with nothing.",
    )

    @field_validator("trunk")
    @classmethod
    def _exists(cls, trunk: str | None) -> str | None:
        if trunk is not None and trunk not in TRUNKS:
            raise ValueError(f"{trunk!r} is none of {', '.join(TRUNKS)}")
        return trunk


class PictureGan(Gan):
    """DCGAN's two networks (figure 1), which also read what a condition tells.

    Args:
        settings: Size and widths.
        condition: What both are told.
        joins: See :class:`tag2mask.models.generation.networks.Downsampler`.
        trunk: Of a :class:`tag2mask.models.generation.projected.ProjectedDiscriminator` in place of
            DCGAN's; None for DCGAN's.
    """

    settings_type: ClassVar[type[SystemSettings]] = PictureSettings
    settings: PictureSettings

    def __init__(
        self,
        settings: PictureSettings,
        condition: Condition,
        joins: int = 0,
        trunk: str | None = None,
    ) -> None:
        shape = (settings.size, settings.size)
        sizes = {"width": settings.width, "coarsest": settings.coarsest}
        told = condition.for_generator()
        maker = Upsampler(settings.latent + told.vector, 3, shape, planes=told.planes, **sizes)
        asked = condition.for_discriminator()
        discriminator: Discriminator | ProjectedDiscriminator
        if trunk is None:
            judge = Downsampler(3 + asked.planes, shape, vector=asked.vector, joins=joins, **sizes)
            discriminator = Discriminator(asked, judge, judge.outputs)
        else:
            discriminator = ProjectedDiscriminator(asked, settings.size, trunk, **sizes)
            if self.view == "cutout":
                # What looks alike to a trunk, white or grey, takes a discriminator long to teach.
                maker.begin_at(WHITE)
        super().__init__(settings, Generator(told, maker, nn.Tanh()), discriminator, condition)

    def judged(self, made: Tensor, facts: Facts, rng: torch.Generator) -> Judgement:
        """See :meth:`tag2mask.models.generation.gan.Gan.judged`; what is seen is augmented."""
        if self.settings.augment:
            maps = with_planes(made, facts.planes)
            for change in self.settings.augment:
                maps = CHANGES[change](maps, rng)
            made, facts = maps[:, :3], facts._replace(planes=maps[:, 3:])
        return super().judged(made, facts, rng)


class Dcgan(PictureGan):
    """Makes pictures from noise alone."""

    settings_type: ClassVar[type[SystemSettings]] = KnowingSettings
    settings: KnowingSettings

    def __init__(self, settings: KnowingSettings) -> None:
        super().__init__(settings, Nothing(), trunk=settings.trunk)

    def pictures(self, noise: Tensor) -> Tensor:
        """Pictures (N, 3, S, S) of latent vectors (N, Z), such as :func:`analogy` gives."""
        return self.made(noise, said(noise.new_zeros(len(noise), 0)))


def analogy(like: Tensor, without: Tensor, having: Tensor) -> Tensor:
    """Arithmetic on concepts (section 6.3.2): like - without + having.

    "A man with glasses" less "a man" plus "a woman" is a woman with glasses. Single vectors
    are unstable, so each concept is the mean of some, three in the paper.

    Args:
        like: (..., 3, Z) latent vectors of pictures that show the one concept.
        without: (..., 3, Z) of those that lack what is to be carried over.
        having: (..., 3, Z) of those that are to get it.

    Returns:
        (..., Z).
    """
    return like.mean(dim=-2) - without.mean(dim=-2) + having.mean(dim=-2)
