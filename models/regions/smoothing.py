"""Labels smoothed by segments: MIL-ILP's superpixels, and trees of regions."""

from __future__ import annotations

import numpy as np

from tag2mask.models.regions.tree import RegionTree, region_tree

SMALLEST = 1e-6


def segment_means(image: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """The mean probabilities of every superpixel (Pinheiro & Collobert, 2015, section 3.3).

    Args:
        image: (H, W, 3) uint8 RGB.
        probabilities: (K, H, W) summing to one.

    Returns:
        (K, H, W) float32 summing to one.
    """
    tree = region_tree(image)
    leaves = slice(tree.leaves)
    means = tree.sums(probabilities)[:, leaves] / tree.areas[leaves]
    return means[:, tree.superpixels].astype(np.float32)


class TreeSmoothing:
    """Top-down class scores and a bottom-up segmentation tree, combined by min-sum.

    As in Borenstein, Sharon & Ullman (CVPRw 2004), the nodes of the tree get the labels that
    minimize sum_i [t_i(s_i) + b_i(s_i, s_parent)], exactly, by one pass up and one down. The
    top-down cost of a superpixel is -log p for every pixel. The bottom-up cost of a node is for a
    label that differs from its parent's, for each of its pixels. It falls with the contrast
    between the node and its sibling.

    Args:
        weight: Cost of a change of label, in nats for each pixel of a node without contrast.
    """

    def __init__(self, weight: float = 0.3) -> None:
        self.weight = weight

    def __call__(self, image: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
        """(K, H, W) of an image (H, W, 3) uint8 to (K, H, W) float32 summing to one."""
        tree = region_tree(image)
        costs = -np.log(np.clip(probabilities, SMALLEST, 1))
        unary = tree.sums(costs)[:, : tree.leaves].T
        marginals = min_marginals(tree, unary, self.weight * change_costs(tree))
        per_pixel = marginals[: tree.leaves] / tree.areas[: tree.leaves, None]
        weights = np.exp(per_pixel.min(axis=1, keepdims=True) - per_pixel)
        weights /= weights.sum(axis=1, keepdims=True)
        return weights.T[:, tree.superpixels].astype(np.float32)


def change_costs(tree: RegionTree) -> np.ndarray:
    """The cost of a label other than the parent's, (2n - 1,); 0 for the root."""
    if tree.leaves == 1:
        return np.zeros(1)
    contrast = tree.contrast[tree.parent[:-1]]
    alike = np.exp(-contrast / max(contrast.mean(), SMALLEST))
    return np.append(tree.areas[:-1] * alike, 0.0)


def min_marginals(tree: RegionTree, unary: np.ndarray, change: np.ndarray) -> np.ndarray:
    """The least total cost of the tree, given each label of each node.

    Args:
        tree: A tree of n superpixels.
        unary: (n, K) costs of the superpixels' labels.
        change: (2n - 1,) costs of a label other than the parent's.

    Returns:
        (2n - 1, K).
    """
    nodes = len(tree.parent)
    up = np.zeros((nodes, unary.shape[1]))
    up[: tree.leaves] = unary
    messages = np.zeros_like(up)
    for node, parent in enumerate(tree.parent[:-1]):
        messages[node] = _message(up[node], change[node])
        up[parent] += messages[node]
    total = up.copy()
    for node in reversed(range(nodes - 1)):
        rest = total[tree.parent[node]] - messages[node]
        total[node] += _message(rest, change[node])
    return total


def _message(costs: np.ndarray, change: float) -> np.ndarray:
    """The cost of the same label, or of the best label with a change."""
    return np.minimum(costs, costs.min() + change)
