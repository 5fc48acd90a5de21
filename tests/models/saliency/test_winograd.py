"""Winograd's convolutions against the library's direct ones."""

import pytest
import torch
from torch.nn.functional import conv2d

from tag2mask.models.saliency.winograd import convolve, transformed


@pytest.mark.parametrize(("height", "width"), [(1, 1), (4, 4), (9, 14), (23, 5)])
@pytest.mark.parametrize("dilation", [1, 2, 4])
def test_agrees_with_the_direct_way(height, width, dilation):
    generator = torch.Generator().manual_seed(0)
    filters = torch.randn(5, 3, 3, 3, generator=generator, dtype=torch.double)
    x = torch.randn(2, 3, height, width, generator=generator, dtype=torch.double)
    found = convolve(x, transformed(filters), dilation)
    torch.testing.assert_close(found, conv2d(x, filters, padding=dilation, dilation=dilation))


def test_single_precision():
    filters, x = torch.randn(64, 64, 3, 3), torch.randn(1, 64, 30, 30)
    expected = conv2d(x, filters, padding=1)
    found = convolve(x, transformed(filters))
    assert found.dtype == torch.float32
    assert (found - expected).abs().max() < 1e-4 * expected.abs().max()
