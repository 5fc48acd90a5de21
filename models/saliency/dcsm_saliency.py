"""DCSM and low-level saliency together: what the class says where, and where an object ends.

DCSM covers a class's context with it: the sea around a boat, the rails under a train.
Low-level saliency knows no class but keeps to objects. Where both speak a seed is sure; where
DCSM alone speaks it is half as sure, and the CRF decides. STC (Wei et al., PAMI 2017) takes
saliency alone, the survey (Yanai & Shimoda 2017, section 2.3) DCSM alone; the sum is ours.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor

from tag2mask.models.saliency.agnostic import ClassAgnostic
from tag2mask.models.saliency.dcsm import Dcsm
from tag2mask.models.tagging import Tagger

# Of DCSM's maps, whose last tanh lifts all but the weakest places towards 1.
CONTRAST = 5.0
# Where a class has less than this of DCSM, it has no part in what is salient.
PRESENT = 0.5


class DcsmSaliency:
    """The mean of DCSM, raised to a contrast, and of the saliency of places that it allows.

    Its maps are probabilities already: read them with ``seeds.score_power=1``.

    Args:
        tagger: The multi-label classifier.
        contrast: Exponent of DCSM's maps.
        present: Least value of DCSM's map where saliency is taken for the class.
        settings: Of :class:`tag2mask.models.saliency.dcsm.Dcsm`.
    """

    def __init__(
        self,
        tagger: Tagger,
        *,
        contrast: float = CONTRAST,
        present: float = PRESENT,
        **settings: Any,  # noqa: ANN401 - those of Dcsm
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
