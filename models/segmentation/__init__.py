"""Segmenters by name; each is a :class:`~models.segmentation.base.Segmenter`."""

from __future__ import annotations

from models.segmentation.base import Segmenter
from models.segmentation.deeplab_v1 import DeepLabLargeFov

__all__ = ["SEGMENTERS", "DeepLabLargeFov", "Segmenter"]

SEGMENTERS: dict[str, type[Segmenter]] = {"deeplab_v1": DeepLabLargeFov}
