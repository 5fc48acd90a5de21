"""The weights and widths of a DenseCRF, and published values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class CrfParameters:
    """The weights and widths of one DenseCRF.

    Args:
        bilateral_weight: w1, energy of the appearance kernel; not negative.
        bilateral_sxy: Width of the appearance kernel in pixels; positive.
        bilateral_srgb: Width of the appearance kernel in gray levels of 0 to 255; positive.
        gaussian_weight: w2, energy of the smoothness kernel; not negative.
        gaussian_sxy: Width of the smoothness kernel in pixels; positive.
        iterations: Steps of mean field; 0 returns the unary's softmax.
        gt_prob: Probability of a given label in :func:`tag2mask.models.crf.label_probabilities`,
            in (0, 1).

    Raises:
        ValueError: If a value is outside its range, with its name.
    """

    bilateral_weight: float
    bilateral_sxy: float
    bilateral_srgb: float
    gaussian_weight: float
    gaussian_sxy: float
    iterations: int = 10
    gt_prob: float = 0.7

    def __post_init__(self) -> None:
        """Refuses widths of zero, which would divide by zero, and repelling weights."""
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
    """Parameters in the order of the papers' tables: (w1, sxy, srgb) and (w2, sxy)."""
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
