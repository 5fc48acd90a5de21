"""A conditional GAN (Mirza & Osindero, 2014) on label masks: many pictures of one outline."""

from __future__ import annotations

from models.generation.conditions.mask import Mask
from models.generation.dcgan import dcgan_discriminator, dcgan_generator
from models.generation.gan import Gan, GanSettings


class MaskGan(Gan):
    """Makes pictures of things as they are outlined in a mask, by noise alone apart from it.

    Where pix2pix has one picture
    for a mask, since its generator sees no noise, this one has many, and no loss that
    compares with the one true picture.
    """

    needs = Mask.needs

    def __init__(self, settings: GanSettings) -> None:
        condition = Mask(settings.classes)
        super().__init__(
            settings,
            dcgan_generator(settings, condition.for_generator()),
            dcgan_discriminator(settings, condition.for_discriminator()),
            condition,
        )
