"""A conditional GAN (Mirza & Osindero, 2014) on label masks: many images of one outline."""

from __future__ import annotations

from torch import Tensor

from tag2mask.models.generation.conditions.base import ConditionInputs
from tag2mask.models.generation.conditions.mask import Mask
from tag2mask.models.generation.dcgan import ImageGan, ProjectedGanSettings


class MaskGan(ImageGan):
    """Makes images of things as they are outlined in a mask; what is inside is noise's.

    Where pix2pix has one image for a mask, since its generator sees no noise, this one has
    many, and no loss that compares with the one true image. Around the outline they are white,
    as the cut-outs are that it learns from: all that is left to learn is what is inside.
    """

    settings_type = ProjectedGanSettings
    needs = Mask.needs

    def __init__(self, settings: ProjectedGanSettings) -> None:
        super().__init__(settings, Mask(settings.classes), backbone=settings.backbone)

    def make(self, noise: Tensor, inputs: ConditionInputs) -> tuple[Tensor, dict[str, Tensor]]:
        """See :meth:`tag2mask.models.generation.gan.Gan.make`; cut out by the mask."""
        made, terms = super().make(noise, inputs)
        background = inputs.planes[:, :1]
        return made * (1 - background) + background, terms
