"""A conditional GAN (Mirza & Osindero, 2014) on label masks: many images of one outline."""

from __future__ import annotations

from torch import Tensor

from tag2mask.models.generation.conditions.base import ConditionInputs
from tag2mask.models.generation.conditions.mask import Mask
from tag2mask.models.generation.dcgan import ImageGan, ProjectedGanSettings


class MaskGan(ImageGan):
    """Makes images of objects with the outline of a mask; noise decides their inside.

    Pix2pix makes one image of a mask, because its generator gets no noise. This system makes
    many, and has no loss that compares with the one real image. Images are white around the
    outline, as the cut-outs of the training are, so that only the inside is learnt.
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
