"""Generating systems by name (Yanai & Shimoda 2017, section 3.1)."""

from __future__ import annotations

from tag2mask.models.generation.base import GeneratingSystem
from tag2mask.models.generation.cgan import ConditionalGan
from tag2mask.models.generation.dcgan import Dcgan
from tag2mask.models.generation.icgan import InvertibleGan
from tag2mask.models.generation.infogan import InfoGan
from tag2mask.models.generation.interactive import InteractiveGan
from tag2mask.models.generation.mask_gan import MaskGan
from tag2mask.models.generation.original import OriginalGan
from tag2mask.models.generation.stackgan import StackGan
from tag2mask.models.generation.text_gan import TextGan
from tag2mask.models.generation.video import VideoGan
from tag2mask.models.generation.voxel import VoxelGan

GENERATORS: dict[str, type[GeneratingSystem]] = {
    "cgan": ConditionalGan,
    "dcgan": Dcgan,
    "gan": OriginalGan,
    "icgan": InvertibleGan,
    "infogan": InfoGan,
    "interactive_gan": InteractiveGan,
    "mask_gan": MaskGan,
    "stackgan": StackGan,
    "text_gan": TextGan,
    "video_gan": VideoGan,
    "voxel_gan": VoxelGan,
}

__all__ = ["GENERATORS", "GeneratingSystem"]
