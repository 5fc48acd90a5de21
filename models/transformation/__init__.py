"""Transforming systems by name (Yanai & Shimoda 2017, section 3.2)."""

from __future__ import annotations

from models.transformation.base import TransformingSystem
from models.transformation.colourisation import Colourisation
from models.transformation.confined import confined
from models.transformation.depth import Depth
from models.transformation.edges_to_photo import EdgesToPhoto
from models.transformation.fast_style import FastStyle
from models.transformation.feature_interpolation import FeatureInterpolation
from models.transformation.feature_statistics import FeatureStatistics
from models.transformation.gatys import Gatys
from models.transformation.inpainting import Inpainting
from models.transformation.inversion import FeatureInversion
from models.transformation.mask_to_photo import MaskToPhoto
from models.transformation.optical_flow import FlowCorrelation, FlowSimple
from models.transformation.patch_swap import PatchSwap
from models.transformation.segmenting import Segmenting
from models.transformation.super_resolution import SuperResolution
from models.transformation.ubernet import UberNet
from models.transformation.unseen_style import UnseenStyle

STYLES: dict[str, type[TransformingSystem]] = {
    "fast_style": FastStyle,
    "feature_statistics": FeatureStatistics,
    "gatys": Gatys,
    "patch_swap": PatchSwap,
    "unseen_style": UnseenStyle,
}

TRANSFORMERS: dict[str, type[TransformingSystem]] = {
    "colourisation": Colourisation,
    "depth": Depth,
    "edges_to_photo": EdgesToPhoto,
    "flow_correlation": FlowCorrelation,
    "flow_simple": FlowSimple,
    "feature_interpolation": FeatureInterpolation,
    "feature_inversion": FeatureInversion,
    "inpainting": Inpainting,
    "mask_to_photo": MaskToPhoto,
    "segmenter": Segmenting,
    "super_resolution": SuperResolution,
    "ubernet": UberNet,
    **STYLES,
    **{f"confined_{name}": confined(member) for name, member in STYLES.items()},
}

__all__ = ["TRANSFORMERS", "TransformingSystem"]
