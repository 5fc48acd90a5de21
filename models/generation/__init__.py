"""Generating systems by name (Yanai & Shimoda 2017, section 3.1)."""

from __future__ import annotations

from models.generation.base import GeneratingSystem

GENERATORS: dict[str, type[GeneratingSystem]] = {}

__all__ = ["GENERATORS", "GeneratingSystem"]
