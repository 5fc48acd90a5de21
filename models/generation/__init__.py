"""Generating systems by name (Yanai & Shimoda 2017, section 3.1)."""

from __future__ import annotations

from models.generation.base import GeneratingSystem
from models.generation.cgan import ConditionalGan
from models.generation.dcgan import Dcgan
from models.generation.icgan import InvertibleGan
from models.generation.infogan import InfoGan
from models.generation.interactive import InteractiveGan
from models.generation.mask_gan import MaskGan
from models.generation.original import OriginalGan
from models.generation.stackgan import StackGan
from models.generation.text_gan import TextGan
from models.generation.video import VideoGan
from models.generation.voxel import VoxelGan

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
