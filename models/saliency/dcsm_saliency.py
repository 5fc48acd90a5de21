"""DCSM and low-level saliency together: DCSM locates the class, and saliency its borders.

DCSM also covers the context of a class, such as the sea around a boat or the rails under a train.
Low-level saliency has no class but keeps to objects. Seeds are confident if both are high. If DCSM
alone is high, the probability is half as high and the CRF decides. STC (Wei et al., PAMI 2017)
takes saliency alone, the survey (Yanai & Shimoda 2017, section 2.3) DCSM alone. The sum is ours.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from tag2mask.models.saliency.agnostic import ClassAgnostic
from tag2mask.models.saliency.dcsm import Dcsm
from tag2mask.models.tagging import Tagger

# Exponent of DCSM's maps, because their last tanh lifts all but the weakest places towards 1.
CONTRAST = 5.0
# At places below this value of DCSM, saliency does not count for the class.
PRESENT = 0.5


class DcsmSaliency:
    """The mean of DCSM, raised to a power, and of the saliency at places of high DCSM.

    Its maps are probabilities already: use them with ``seeds.score_power=1``.

    Args:
        tagger: The multi-label classifier.
        contrast: Exponent of DCSM's maps.
        present: Least value of DCSM's map at which saliency counts for the class.
        settings: Settings of :class:`tag2mask.models.saliency.dcsm.Dcsm`.
    """

    def __init__(
        self,
        tagger: Tagger,
        *,
        contrast: float = CONTRAST,
        present: float = PRESENT,
        **settings: Any,  # noqa: ANN401 - settings of Dcsm
    ) -> None:
        self.dcsm = Dcsm(tagger, **settings)
        self.saliency = ClassAgnostic()
        self.contrast = contrast
        self.present = present

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        maps = self.dcsm(image, classes)
        salient = self.saliency(image, classes) * (maps > self.present)
        return (maps**self.contrast + salient) / 2
