"""Transforming systems by name (Yanai & Shimoda 2017, section 3.2)."""

from __future__ import annotations

from models.transformation.base import TransformingSystem
from models.transformation.colourisation import Colourisation
from models.transformation.depth import Depth
from models.transformation.edges_to_photo import EdgesToPhoto
from models.transformation.inpainting import Inpainting
from models.transformation.mask_to_photo import MaskToPhoto
from models.transformation.optical_flow import FlowCorrelation, FlowSimple
from models.transformation.super_resolution import SuperResolution
from models.transformation.ubernet import UberNet

TRANSFORMERS: dict[str, type[TransformingSystem]] = {
    "colourisation": Colourisation,
    "depth": Depth,
    "edges_to_photo": EdgesToPhoto,
    "flow_correlation": FlowCorrelation,
    "flow_simple": FlowSimple,
    "inpainting": Inpainting,
    "mask_to_photo": MaskToPhoto,
    "super_resolution": SuperResolution,
    "ubernet": UberNet,
}

__all__ = ["TRANSFORMERS", "TransformingSystem"]
