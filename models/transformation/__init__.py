"""Transforming systems by name (Yanai & Shimoda 2017, section 3.2)."""

from __future__ import annotations

from models.transformation.base import TransformingSystem
from models.transformation.mask_to_photo import MaskToPhoto

TRANSFORMERS: dict[str, type[TransformingSystem]] = {
    "mask_to_photo": MaskToPhoto,
}

__all__ = ["TRANSFORMERS", "TransformingSystem"]
