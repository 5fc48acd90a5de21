"""Conditional GAN (Mirza & Osindero, "Conditional generative adversarial nets", 2014)."""

from __future__ import annotations

from tag2mask.models.generation.conditions.tags import Tags
from tag2mask.models.generation.dcgan import ImageGan, ProjectedGanSettings


class ConditionalGan(ImageGan):
    """Makes images that show given tags.

    The generator gets the tags beside the noise, and the discriminator gets them as planes after
    its first convolution. Perarnau et al. (2016, section 5.1) found these to be the best places.
    A discriminator on a backbone compares the tags with its features.
    """

    settings_type = ProjectedGanSettings
    needs = Tags.needs

    def __init__(self, settings: ProjectedGanSettings) -> None:
        super().__init__(settings, Tags(settings.classes), backbone=settings.backbone)
