"""DenseCRF: fully connected conditional random fields over pixels (Krähenbühl & Koltun, 2011).

The energy of a labelling is the sum of the unary terms ``-log p`` and of two Potts terms,
``w1 exp(-|dp|²/2 sxy² - |dI|²/2 srgb²)`` (bilateral: near and of like colour) and
``w2 exp(-|dp|²/2 sxy²)`` (Gaussian: near), minimised by mean field with kernels that are
normalised symmetrically.

N pixels, K competing labels (the tags of a picture and background, never the whole class
table: a label that cannot win still costs time and blurs the others), H rows, W columns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import numpy as np

__all__ = ["CRF_PRESETS", "CrfParameters", "crf_from_labels", "dense_crf"]

MIN_PROBABILITY = 1e-5
UNKNOWN = 255


@dataclass(frozen=True, kw_only=True)
class CrfParameters:
    """The weights and widths of one DenseCRF.

    Args:
        bilateral_weight: w1, energy of the appearance kernel; not negative.
        bilateral_sxy: Width of the appearance kernel in pixels; positive.
        bilateral_srgb: Width of the appearance kernel in grey levels of 0 to 255; positive.
        gaussian_weight: w2, energy of the smoothness kernel; not negative.
        gaussian_sxy: Width of the smoothness kernel in pixels; positive.
        iterations: Steps of mean field; 0 returns the unary's softmax.
        gt_prob: How far :func:`crf_from_labels` trusts a given label, in (0, 1).

    Raises:
        ValueError: If a value is outside its range; the sentence names it.
    """

    bilateral_weight: float
    bilateral_sxy: float
    bilateral_srgb: float
    gaussian_weight: float
    gaussian_sxy: float
    iterations: int = 10
    gt_prob: float = 0.7

    def __post_init__(self) -> None:
        """Refuse widths that would divide by zero and weights that would repel."""
        for name in ("bilateral_sxy", "bilateral_srgb", "gaussian_sxy"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, not {getattr(self, name)}")
        for name in ("bilateral_weight", "gaussian_weight", "iterations"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
        if not 0 < self.gt_prob < 1:
            raise ValueError(f"gt_prob must lie between 0 and 1, not {self.gt_prob}")


def _published(
    bilateral: tuple[float, float, float], gaussian: tuple[float, float]
) -> CrfParameters:
    """Parameters in the order of the papers' tables: (w1, sxy, srgb), (w2, sxy)."""
    return CrfParameters(
        bilateral_weight=bilateral[0],
        bilateral_sxy=bilateral[1],
        bilateral_srgb=bilateral[2],
        gaussian_weight=gaussian[0],
        gaussian_sxy=gaussian[1],
    )


CRF_PRESETS: dict[str, CrfParameters] = {
    # SEC at test time (Kolesnikov & Lampert, 2016) and PSA (Ahn & Kwak, 2018, tool/imutils.py)
    "default": _published((10, 80, 13), (3, 3)),
    # SEC's constrain loss: the same on a 41x41 map, widths in pixels divided by 12 (CRF.py)
    "sec_constrain": _published((10, 80 / 12, 13), (3, 3 / 12)),
    # DeepLab v2 ResNet-101 (Chen et al., 2017, as in kazuto1011's configs/voc12.yaml), EPS
    "deeplab_v2": _published((4, 67, 3), (3, 1)),
    # IRN's seeds from hard labels with gt_prob 0.7 (Ahn et al., 2019, misc/imutils.py)
    "irn": _published((10, 50, 5), (3, 3)),
    # ToCo, CAM to label (Ru et al., 2023, tools/infer_cam_crf_label.py)
    "toco": _published((4, 36, 3), (3, 3)),
    # WeCLIP+ at test time (Zhang et al., 2025, test_msc_flip_voc.py)
    "wecliplus": _published((4, 64, 5), (3, 3)),
    # CLIMS on probabilities (Xie et al., 2022, demo_utils.py); on labels it uses those of IRN
    "clims": _published((10, 80, 13), (3, 3)),
}


def dense_crf(
    image: np.ndarray, probabilities: np.ndarray, parameters: CrfParameters
) -> np.ndarray:
    """Refine label probabilities along the edges of a picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        probabilities: (K, H, W) of any float type, finite; one map for each competing
            label. Values below 1e-5 count as 1e-5, so that no label is ever impossible;
            the maps need not sum to one.
        parameters: Weights and widths, for example ``CRF_PRESETS["default"]``.

    Returns:
        (K, H, W) float32 marginals that sum to one over K. The same input gives the same
        bits on every call.

    Raises:
        ValueError: If a shape or type does not fit or a probability is not finite.
        ImportError: If pydensecrf is not installed.
    """
    _check(image, probabilities.shape[1:])
    if probabilities.ndim != 3 or not len(probabilities):
        raise ValueError(f"probabilities are (K, H, W) with K >= 1, not {probabilities.shape}")
    if not np.isfinite(probabilities).all():
        raise ValueError("probabilities hold NaN or infinity")
    # Clipping comes first: log 0 is minus infinity, and one such pixel turns all into NaN.
    return _mean_field(image, -np.log(np.clip(probabilities, MIN_PROBABILITY, 1)), parameters)


def crf_from_labels(
    image: np.ndarray, labels: np.ndarray, classes: Sequence[int], parameters: CrfParameters
) -> np.ndarray:
    """Refine a hard label map: a given label has the probability ``parameters.gt_prob``.

    The other labels share the rest equally; unknown pixels give every label the same
    probability. Background is a label like any other here, while pydensecrf's own helper
    takes 0 for unknown unless told otherwise and then shifts every class by one.

    Args:
        image: (H, W, 3) uint8 RGB.
        labels: (H, W) integer pixel values out of ``classes``, or 255 for unknown.
        classes: The K different pixel values that compete, for example ``(0, 12, 15)``.
        parameters: Weights, widths and ``gt_prob``.

    Returns:
        (K, H, W) float32 marginals in the order of ``classes``.

    Raises:
        ValueError: If ``labels`` holds a value outside ``classes`` and 255, or a shape or
            type does not fit.
        ImportError: If pydensecrf is not installed.
    """
    _check(image, labels.shape)
    values = np.asarray(classes)
    if not len(values) or len(np.unique(values)) != len(values) or UNKNOWN in values:
        raise ValueError(f"classes are different pixel values without {UNKNOWN}: {list(classes)}")
    stray = np.setdiff1d(labels, [*values, UNKNOWN])
    if stray.size:
        raise ValueError(f"labels hold {stray.tolist()}, which are not among {list(classes)}")
    chosen = labels[None] == values[:, None, None]
    # One label has no others to share the rest with: dividing by K - 1 would be by zero.
    rest = (1 - parameters.gt_prob) / max(len(values) - 1, 1)
    probabilities = np.where(chosen, parameters.gt_prob, rest)
    probabilities[:, labels == UNKNOWN] = 1 / len(values)
    return _mean_field(image, -np.log(probabilities), parameters)


def _mean_field(image: np.ndarray, unary: np.ndarray, parameters: CrfParameters) -> np.ndarray:
    library = _pydensecrf()
    labels, height, width = unary.shape
    field = library.DenseCRF2D(width, height, labels)
    # The library reads raw memory: both arrays must be contiguous and of exactly these types,
    # and a transposed or cropped view is not.
    field.setUnaryEnergy(np.ascontiguousarray(unary.reshape(labels, -1), dtype=np.float32))
    field.addPairwiseGaussian(sxy=parameters.gaussian_sxy, compat=parameters.gaussian_weight)
    field.addPairwiseBilateral(
        sxy=parameters.bilateral_sxy,
        srgb=parameters.bilateral_srgb,
        rgbim=np.ascontiguousarray(image),
        compat=parameters.bilateral_weight,
    )
    marginals = np.array(field.inference(parameters.iterations), dtype=np.float32)
    return marginals.reshape(labels, height, width)


def _check(image: np.ndarray, shape: tuple[int, ...]) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"a picture is (H, W, 3) uint8, not {image.shape} {image.dtype}")
    if not image.size or image.shape[:2] != tuple(shape):
        raise ValueError(f"the picture is {image.shape[:2]}, its labels are {tuple(shape)}")


def _pydensecrf() -> ModuleType:
    # Imported on first use: it is compiled on installation and may be missing where no
    # refinement is asked for.
    try:
        return import_module("pydensecrf.densecrf")
    except ImportError as error:
        raise ImportError(
            "DenseCRF needs the package pydensecrf2, which is not installed or does not load: "
            "run `pip install pydensecrf2` (it is built from source and needs a C++ compiler, "
            "for example g++), or switch the CRF off"
        ) from error
