"""A conditional GAN (Mirza & Osindero, 2014) on label masks: many pictures of one outline."""

from __future__ import annotations

from models.generation.conditions.mask import Mask
from models.generation.dcgan import KnowingSettings, PictureGan


class MaskGan(PictureGan):
    """Makes pictures of things as they are outlined in a mask; what is inside is noise's.

    Where pix2pix has one picture for a mask, since its generator sees no noise, this one has
    many, and no loss that compares with the one true picture.
    """

    settings_type = KnowingSettings
    needs = Mask.needs

    def __init__(self, settings: KnowingSettings) -> None:
        super().__init__(settings, Mask(settings.classes), trunk=settings.trunk)
