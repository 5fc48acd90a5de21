"""Generating systems by name (Yanai & Shimoda 2017, section 3.1)."""

from __future__ import annotations

from models.generation.base import GeneratingSystem
from models.generation.cgan import ConditionalGan
from models.generation.dcgan import Dcgan
from models.generation.icgan import InvertibleGan
from models.generation.infogan import InfoGan
from models.generation.mask_gan import MaskGan
from models.generation.original import OriginalGan
from models.generation.text_gan import TextGan

GENERATORS: dict[str, type[GeneratingSystem]] = {
    "cgan": ConditionalGan,
    "dcgan": Dcgan,
    "gan": OriginalGan,
    "icgan": InvertibleGan,
    "infogan": InfoGan,
    "mask_gan": MaskGan,
    "text_gan": TextGan,
}

__all__ = ["GENERATORS", "GeneratingSystem"]
