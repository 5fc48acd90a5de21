"""The published parameters, and values that are refused."""

from typing import Any

import pytest

from tag2mask.models.crf import CRF_PRESETS, CrfParameters


@pytest.mark.parametrize(
    ("name", "published"),
    [
        ("default", [10, 80, 13, 3, 3]),
        ("deeplab_v2", [4, 67, 3, 3, 1]),
        ("irn", [10, 50, 5, 3, 3]),
        ("toco", [4, 36, 3, 3, 3]),
        ("wecliplus", [4, 64, 5, 3, 3]),
        ("clims", [10, 80, 13, 3, 3]),
    ],
)
def test_published_parameters(name: str, published: list[float]):
    preset = CRF_PRESETS[name]
    assert [
        preset.bilateral_weight,
        preset.bilateral_sxy,
        preset.bilateral_srgb,
        preset.gaussian_weight,
        preset.gaussian_sxy,
    ] == published
    assert preset.iterations == 10
    assert preset.gt_prob == 0.7


@pytest.mark.parametrize(
    "change",
    [{"bilateral_srgb": 0}, {"gaussian_sxy": -1}, {"gaussian_weight": -1}, {"gt_prob": 1}],
)
def test_parameters_out_of_range(change: dict[str, Any]):
    settings: dict[str, Any] = {
        "bilateral_weight": 10,
        "bilateral_sxy": 80,
        "bilateral_srgb": 13,
        "gaussian_weight": 3,
        "gaussian_sxy": 3,
    }
    with pytest.raises(ValueError, match=next(iter(change))):
        CrfParameters(**(settings | change))
