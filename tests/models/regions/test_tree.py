"""Trees of regions: the properties of every tree, and objects among the nodes."""

import numpy as np
import pytest

from tag2mask.models.regions.tree import RegionTree, region_tree
from tag2mask.pipeline.synthetic.images import render


@pytest.fixture(scope="module", params=[0, 3])
def tree(request):
    return region_tree(np.array(render(request.param, 0).image))


def test_two_parts_become_one_until_one_is_left(tree):
    nodes = len(tree.parent)
    assert nodes == 2 * tree.leaves - 1
    assert tree.parent[-1] == -1
    assert (tree.parent[:-1] > np.arange(nodes - 1)).all()
    children = np.bincount(tree.parent[:-1], minlength=nodes)
    assert (children[: tree.leaves] == 0).all()
    assert (children[tree.leaves :] == 2).all()
    assert ((tree.contrast >= 0) & (tree.contrast <= 1)).all()


def test_nodes_are_the_union_of_their_parts(tree):
    for node in range(tree.leaves, len(tree.parent)):
        one, other = np.flatnonzero(tree.parent == node)
        assert not (tree.members[one] & tree.members[other]).any()
        np.testing.assert_array_equal(tree.members[node], tree.members[one] | tree.members[other])
        assert tree.areas[node] == tree.areas[one] + tree.areas[other]
    assert tree.members[-1].all()
    node = len(tree.parent) // 2 + 3
    assert tree.mask(node).sum() == tree.areas[node]


def test_sums_are_those_of_masks(tree):
    maps = np.random.default_rng(0).random((2, *tree.superpixels.shape))
    for node in (0, tree.leaves + 2, len(tree.parent) - 1):
        expected = maps[:, tree.mask(node)].sum(axis=1)
        np.testing.assert_allclose(tree.sums(maps)[:, node], expected)


def test_a_image_of_one_color_is_one_region():
    tree = region_tree(np.full((20, 30, 3), 90, np.uint8))
    assert isinstance(tree, RegionTree)
    assert tree.leaves == 1
    assert tree.areas.tolist() == [600]


def test_objects_are_among_the_proposals():
    """Recall at an overlap of one half, the measure of the papers."""
    found, objects = 0, 0
    for index in range(12):
        sample = render(index, 0)
        tree = region_tree(np.array(sample.image))
        for value in np.unique(sample.mask)[1:]:
            mask = sample.mask == value
            (inside,) = tree.sums(mask[None].astype(float))
            overlaps = inside / (tree.areas + mask.sum() - inside)
            found += overlaps.max() > 0.5
            objects += 1
    assert found / objects > 0.7, (found, objects)
