"""Style transfer by the statistics of features: the content's take on the style's."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from tag2mask.models.system import SystemSettings
from tag2mask.models.transformation.decoded_style import DecodedStyle, DecodedStyleSettings
from tag2mask.models.transformation.statistics import adain


class FeatureStatisticsSettings(DecodedStyleSettings):
    """The same, with the statistics as the measure of style."""

    distance: str = Field("batch_norm", description="Distance of styles, one of STYLE_DISTANCES.")


class FeatureStatistics(DecodedStyle):
    """Matches the statistics of batch normalization (Li et al., IJCAI 2017) in one pass.

    By adaptive instance normalization (Huang & Belongie, ICCV 2017), with their decoder's loss.
    By optimization the same is :class:`~tag2mask.models.transformation.gatys.Gatys` with the
    distance ``batch_norm``.
    """

    settings_type: ClassVar[type[SystemSettings]] = FeatureStatisticsSettings

    def restyled(self, content: Tensor, style: Tensor) -> Tensor:
        """See :meth:`DecodedStyle.restyled`; by :func:`adain`."""
        return adain(content, style)
