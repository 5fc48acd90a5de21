"""Class weights against the same figures counted from the pixels."""

import numpy as np
import torch

from tag2mask.pipeline.dataset import MaskDataset, inverse_area, median_frequency
from tag2mask.pipeline.records import decode_mask
from tests.pipeline.toys import CLASSES


def counted(expected):
    pixels = np.zeros(len(CLASSES) + 1)
    present = np.zeros(len(CLASSES) + 1)
    for row in expected:
        mask = decode_mask(row["mask"]["bytes"])
        for value in np.unique(mask):
            pixels[value] += (mask == value).sum()
            present[value] += mask.size
    return pixels, present


def test_median_frequency(dataset, expected):
    pixels, present = counted(expected)
    frequency = pixels / present
    weights = median_frequency(MaskDataset(dataset.uri).rows)
    torch.testing.assert_close(
        weights.double(), torch.from_numpy(np.median(frequency) / frequency), rtol=1e-5, atol=0
    )


def test_inverse_area(dataset, expected):
    pixels, _ = counted(expected)
    weights = inverse_area(MaskDataset(dataset.uri).rows)
    inverse = 1 / pixels
    torch.testing.assert_close(
        weights.double(), torch.from_numpy(inverse / inverse.mean()), rtol=1e-5, atol=0
    )


def test_absent_classes_weigh_nothing(dataset):
    from tag2mask.pipeline.dataset import RowFilter

    rows = MaskDataset(dataset.uri, where=RowFilter(tags=("cat",))).rows
    shown = set(np.concatenate(rows.columns["classes"].to_pylist()))
    for weights in (median_frequency(rows), inverse_area(rows)):
        assert torch.isfinite(weights).all()
        for value in range(1, len(CLASSES) + 1):
            assert (weights[value] > 0) == (value in shown)
