"""Style transfer by the statistics of features: the content's become the style's."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field
from torch import Tensor

from tag2mask.models.system import SystemSettings
from tag2mask.models.transformation.decoded_style import DecodedStyle, DecodedStyleSettings
from tag2mask.models.transformation.statistics import adain


class FeatureStatisticsSettings(DecodedStyleSettings):
    """Settings of the same network, with statistics as the measure of style."""

    distance: str = Field("batch_norm", description="Distance of styles, one of STYLE_DISTANCES.")


class FeatureStatistics(DecodedStyle):
    """Matches the statistics of batch normalization (Li et al., IJCAI 2017) in one pass.

    It uses adaptive instance normalization (Huang & Belongie, ICCV 2017) with the loss of their
    decoder. The same by optimization is :class:`~tag2mask.models.transformation.gatys.Gatys` with
    the distance ``batch_norm``.
    """

    settings_type: ClassVar[type[SystemSettings]] = FeatureStatisticsSettings

    def restyle(self, content: Tensor, style: Tensor) -> Tensor:
        """See :meth:`DecodedStyle.restyle`; by :func:`adain`."""
        return adain(content, style)
