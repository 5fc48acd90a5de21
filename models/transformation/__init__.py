"""Transforming systems by name (Yanai & Shimoda 2017, section 3.2)."""

from __future__ import annotations

from tag2mask.models.transformation.base import TransformingSystem
from tag2mask.models.transformation.colorization import Colorization
from tag2mask.models.transformation.depth import Depth
from tag2mask.models.transformation.edges_to_photo import EdgesToPhoto
from tag2mask.models.transformation.fast_style import FastStyle
from tag2mask.models.transformation.feature_interpolation import FeatureInterpolation
from tag2mask.models.transformation.feature_statistics import FeatureStatistics
from tag2mask.models.transformation.gatys import Gatys
from tag2mask.models.transformation.inpainting import Inpainting
from tag2mask.models.transformation.inversion import FeatureInversion
from tag2mask.models.transformation.mask_to_photo import MaskToPhoto
from tag2mask.models.transformation.masked import masked
from tag2mask.models.transformation.optical_flow import FlowCorrelation, FlowSimple
from tag2mask.models.transformation.patch_swap import PatchSwap
from tag2mask.models.transformation.segmentation_system import SegmentationSystem
from tag2mask.models.transformation.super_resolution import SuperResolution
from tag2mask.models.transformation.ubernet import UberNet
from tag2mask.models.transformation.unseen_style import UnseenStyle

STYLES: dict[str, type[TransformingSystem]] = {
    "fast_style": FastStyle,
    "feature_statistics": FeatureStatistics,
    "gatys": Gatys,
    "patch_swap": PatchSwap,
    "unseen_style": UnseenStyle,
}

TRANSFORMERS: dict[str, type[TransformingSystem]] = {
    "colorization": Colorization,
    "depth": Depth,
    "edges_to_photo": EdgesToPhoto,
    "flow_correlation": FlowCorrelation,
    "flow_simple": FlowSimple,
    "feature_interpolation": FeatureInterpolation,
    "feature_inversion": FeatureInversion,
    "inpainting": Inpainting,
    "mask_to_photo": MaskToPhoto,
    "segmenter": SegmentationSystem,
    "super_resolution": SuperResolution,
    "ubernet": UberNet,
    **STYLES,
    **{f"masked_{name}": masked(member) for name, member in STYLES.items()},
}

__all__ = ["STYLES", "TRANSFORMERS", "TransformingSystem"]
