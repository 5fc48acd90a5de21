"""DCGAN (Radford, Metz & Chintala, "Unsupervised representation learning", 2015)."""

from __future__ import annotations

from torch import Tensor, nn

from models.generation.conditions.base import Condition, said
from models.generation.conditions.nothing import Nothing
from models.generation.gan import Gan, GanSettings
from models.generation.networks import Discriminator, Downsampler, Generator, Upsampler


class PictureGan(Gan):
    """DCGAN's two networks (figure 1), which also read what a condition tells.

    Args:
        settings: Size and widths.
        condition: What both are told.
        joins: See :class:`models.generation.networks.Downsampler`.
    """

    def __init__(self, settings: GanSettings, condition: Condition, joins: int = 0) -> None:
        shape = (settings.size, settings.size)
        sizes = {"width": settings.width, "coarsest": settings.coarsest}
        told = condition.for_generator()
        maker = Upsampler(settings.latent + told.vector, 3, shape, planes=told.planes, **sizes)
        asked = condition.for_discriminator()
        judge = Downsampler(3 + asked.planes, shape, vector=asked.vector, joins=joins, **sizes)
        super().__init__(
            settings,
            Generator(told, maker, nn.Tanh()),
            Discriminator(asked, judge, judge.outputs),
            condition,
        )


class Dcgan(PictureGan):
    """Makes pictures from noise alone."""

    def __init__(self, settings: GanSettings) -> None:
        super().__init__(settings, Nothing())

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
