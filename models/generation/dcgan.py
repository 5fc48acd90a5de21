"""DCGAN (Radford, Metz & Chintala, "Unsupervised representation learning", 2015)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.generation.conditions.base import Reader, said
from models.generation.conditions.nothing import Nothing
from models.generation.gan import Gan, GanSettings
from models.generation.networks import Discriminator, Downsampler, Generator, Upsampler


def dcgan_generator(settings: GanSettings, reader: Reader) -> Generator:
    """The generator of pictures (figure 1), which also reads what it is told."""
    body = Upsampler(
        settings.latent + reader.vector,
        3,
        (settings.size, settings.size),
        width=settings.width,
        coarsest=settings.coarsest,
        planes=reader.planes,
    )
    return Generator(reader, body, nn.Tanh())


def dcgan_discriminator(settings: GanSettings, reader: Reader, joins: int = 0) -> Discriminator:
    """Its mirror image, joined with what it is told at a level.

    Args:
        settings: Size and widths.
        reader: Of what it is told.
        joins: See :class:`models.generation.networks.Downsampler`.
    """
    body = Downsampler(
        3 + reader.planes,
        (settings.size, settings.size),
        width=settings.width,
        coarsest=settings.coarsest,
        vector=reader.vector,
        joins=joins,
    )
    return Discriminator(reader, body, body.outputs)


class Dcgan(Gan):
    """Makes pictures from noise alone."""

    def __init__(self, settings: GanSettings) -> None:
        condition = Nothing()
        super().__init__(
            settings,
            dcgan_generator(settings, condition.for_generator()),
            dcgan_discriminator(settings, condition.for_discriminator()),
            condition,
        )

    @torch.no_grad()
    def pictures(self, noise: Tensor) -> Tensor:
        """Of latent vectors (N, Z), such as :func:`analogy` gives; (N, 3, S, S)."""
        return self.made(noise, said(noise.new_zeros(len(noise), 0)))


def analogy(like: Tensor, without: Tensor, with_: Tensor) -> Tensor:
    """Arithmetic on concepts (section 6.3.2): like - without + with.

    "A man with glasses" less "a man" plus "a woman" is a woman with glasses. Single vectors
    are unstable, so each concept is the mean of some, three in the paper.

    Args:
        like: (..., 3, Z) latent vectors of pictures that show the one concept.
        without: (..., 3, Z) of those that lack what is to be carried over.
        with_: (..., 3, Z) of those that are to get it.

    Returns:
        (..., Z).
    """
    return like.mean(dim=-2) - without.mean(dim=-2) + with_.mean(dim=-2)
