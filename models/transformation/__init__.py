"""Transforming systems by name (Yanai & Shimoda 2017, section 3.2)."""

from __future__ import annotations

from models.transformation.base import TransformingSystem

TRANSFORMERS: dict[str, type[TransformingSystem]] = {}

__all__ = ["TRANSFORMERS", "TransformingSystem"]
