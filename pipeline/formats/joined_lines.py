"""Several closed lines as one, joined by cuts without width, for formats of one line each.

A cut leads from a line to the next and back. It changes no fill that counts crossings; a program
that also draws borders shows it as a thin line, so that cuts are short: each line is joined where
it is nearest to those that are joined already.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial import KDTree

# So many new corners are compared one by one before the tree is built again.
_PENDING = 4096


def join_lines(lines: list[np.ndarray]) -> np.ndarray:
    """Join closed lines to one closed line.

    Args:
        lines: Corners (N, 2) of each line; the last corner is joined to the first. The first
            line stays whole, and the others follow in their order. A hole runs the other way
            round than the line around it.

    Returns:
        (M, 2) corners, two more for each joined line.
    """
    if len(lines) == 1:
        return lines[0]
    points = np.concatenate([lines[0], *(line[[*range(len(line)), 0, 0]] for line in lines[1:])])
    following = np.arange(1, len(points) + 1)
    known = in_tree = len(lines[0])
    following[known - 1] = 0
    tree = KDTree(points[:in_tree])
    for line in lines[1:]:
        distances, nearest = tree.query(line)
        if known > in_tree:
            others = np.linalg.norm(line[:, None] - points[None, in_tree:known], axis=2)
            closest = others.argmin(axis=1)
            nearer = others[np.arange(len(line)), closest] < distances
            distances = np.where(nearer, others.min(axis=1), distances)
            nearest = np.where(nearer, closest + in_tree, nearest)
        start = int(distances.argmin())
        at = int(nearest[start])
        turned = np.roll(line, -start, axis=0)
        end = known + len(line) + 2
        # Once around, to the start again, and back over the cut.
        points[known:end] = np.concatenate([turned, turned[:1], points[at : at + 1]])
        following[end - 1] = following[at]
        following[at] = known
        known = end
        if known - in_tree > _PENDING:
            tree, in_tree = KDTree(points[:known]), known
    order = np.empty(known, np.int64)
    place, links = 0, following.tolist()
    for index in range(known):
        order[index] = place
        place = links[place]
    joined: np.ndarray = points[order]
    return joined
