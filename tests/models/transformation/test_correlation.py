"""The correlation layer against its definition, place by place."""

import pytest
import torch

from tag2mask.models.transformation.correlation import correlation


@pytest.mark.parametrize(("reach", "step"), [(1, 1), (2, 1), (4, 2), (3, 2)])
def test_equals_brute_force(reach, step):
    first, second = torch.randn(2, 2, 3, 5, 7)
    offsets = [o for o in range(-reach, reach + 1) if o % step == 0]
    expected = torch.zeros(2, len(offsets) ** 2, 5, 7)
    for n in range(2):
        for y in range(5):
            for x in range(7):
                for number, (dy, dx) in enumerate((a, b) for a in offsets for b in offsets):
                    if 0 <= y + dy < 5 and 0 <= x + dx < 7:
                        product = first[n, :, y, x] @ second[n, :, y + dy, x + dx]
                        expected[n, number, y, x] = product / 3
    torch.testing.assert_close(correlation(first, second, reach, step), expected)
