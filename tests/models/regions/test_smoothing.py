"""Labels on trees: the exact minimum, and the effect of segments on noisy labels."""

import itertools

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from tag2mask.models.regions.smoothing import (
    TreeSmoothing,
    change_costs,
    min_marginals,
    segment_means,
)
from tag2mask.models.regions.tree import RegionTree, region_tree
from tag2mask.pipeline.synthetic.images import render

LABELS = 3


@pytest.fixture
def small():
    """Four superpixels: (0, 1) are 4, (2, 3) are 5, both are 6."""
    superpixels = np.repeat(np.arange(4), 3)[None].repeat(2, axis=0)
    parent = np.array([4, 4, 5, 5, 6, 6, -1])
    return RegionTree(superpixels, parent, np.array([0, 0, 0, 0, 0.2, 0.9, 0.5]))


@pytest.mark.parametrize("seed", range(4))
def test_min_sum_finds_the_minimum_of_all_labelings(small, seed):
    random = np.random.default_rng(seed)
    unary, change = random.random((4, LABELS)), 0.7 * random.random(7)
    change[-1] = 0
    best = np.full((7, LABELS), np.inf)
    for labels in itertools.product(range(LABELS), repeat=7):
        cost = sum(unary[leaf, labels[leaf]] for leaf in range(4))
        cost += sum(change[node] for node in range(6) if labels[node] != labels[small.parent[node]])
        for node, label in enumerate(labels):
            best[node, label] = min(best[node, label], cost)
    np.testing.assert_allclose(min_marginals(small, unary, change), best)


def test_parts_that_are_alike_pay_more_for_another_label(small):
    costs = change_costs(small)
    assert costs[0] == costs[1] > costs[2] == costs[3]
    assert costs[-1] == 0


def test_segments_take_their_means():
    image = np.zeros((20, 30, 3), np.uint8)
    image[:, 15:] = 200
    probabilities = np.random.default_rng(0).random((2, 20, 30)).astype(np.float32)
    found = segment_means(image, probabilities)
    assert found.dtype == np.float32
    labels = region_tree(image).superpixels
    for label in np.unique(labels):
        where = labels == label
        expected = probabilities[:, where].mean(axis=1)[:, None].repeat(where.sum(), axis=1)
        np.testing.assert_allclose(found[:, where], expected, rtol=1e-5)


@pytest.mark.parametrize("smooth", [segment_means, TreeSmoothing()])
def test_blurred_and_noisy_labels_get_edges(smooth):
    random = np.random.default_rng(0)
    before, after = [], []
    for index in range(6):
        sample = render(index, 0)
        ground_truth = sample.mask > 0
        noise = gaussian_filter(random.standard_normal(ground_truth.shape), 4)
        foreground = np.clip(
            gaussian_filter(ground_truth.astype(float), 8) + 1.5 * noise, 0.02, 0.98
        )
        maps = np.stack([1 - foreground, foreground]).astype(np.float32)
        smoothed = smooth(np.array(sample.image), maps)
        np.testing.assert_allclose(smoothed.sum(axis=0), 1, atol=1e-5)
        for found, kept in ((maps, before), (smoothed, after)):
            mask = found.argmax(axis=0) > 0
            kept.append((mask & ground_truth).sum() / (mask | ground_truth).sum())
    assert np.mean(after) > np.mean(before) + 0.01, (np.mean(before), np.mean(after))
