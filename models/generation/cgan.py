"""Conditional GAN (Mirza & Osindero, "Conditional generative adversarial nets", 2014)."""

from __future__ import annotations

from tag2mask.models.generation.conditions.tags import Tags
from tag2mask.models.generation.dcgan import ImageGan, ProjectedGanSettings


class ConditionalGan(ImageGan):
    """Makes images that show given tags.

    The generator gets them beside the noise, the discriminator as planes after its first
    convolution, which Perarnau et al. (2016, section 5.1) found to be the best places;
    one on a backbone compares them with what it sees.
    """

    settings_type = ProjectedGanSettings
    needs = Tags.needs

    def __init__(self, settings: ProjectedGanSettings) -> None:
        super().__init__(settings, Tags(settings.classes), backbone=settings.backbone)
