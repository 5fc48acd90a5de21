"""The chosen against a sort of everything."""

import numpy as np
import pytest

from tag2mask.pipeline.report.top_k import TopK


@pytest.mark.parametrize("size", [0, 1, 7, 300])
def test_it_keeps_what_a_sort_would(size):
    random = np.random.default_rng(size)
    pairs = [(float(random.integers(0, 20)), f"{number:03d}") for number in range(200)]
    chosen = TopK(size)
    for key, row_id in random.permutation(np.array(pairs, dtype=object)):
        chosen.add(row_id, key)
        assert len(chosen) <= size, "memory does not follow the stream"
    assert list(chosen) == [row_id for _, row_id in sorted(pairs)][:size]


def test_a_constant_key_draws_by_the_id():
    chosen = TopK(2)
    for row_id in "dacb":
        chosen.add(row_id)
    assert list(chosen) == ["a", "b"]
