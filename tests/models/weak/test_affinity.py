"""Pairs, their affinities and walks, against loops over all pairs."""

import itertools
import math

import pytest
import torch

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.weak.affinity import (
    AffinityNet,
    affinity,
    affinity_loss,
    pair_offsets,
    random_walk,
    shifted_pair,
    transitions,
)
from tests.models.randomized import random_images

RADIUS = 3


@pytest.fixture
def features():
    return torch.rand(2, 5, 6, 7, generator=torch.Generator().manual_seed(0))


def pairs(height: int, width: int, radius: int):
    places = [*itertools.product(range(height), range(width))]
    return [(a, b) for a, b in itertools.combinations(places, 2) if math.dist(a, b) < radius]


def test_every_pair_is_formed_once():
    places = torch.arange(42).view(6, 7)
    found = []
    for offset in pair_offsets(RADIUS):
        one, other = shifted_pair(places, offset)
        found += [*zip(one.flatten().tolist(), other.flatten().tolist(), strict=True)]
    expected = [(a[0] * 7 + a[1], b[0] * 7 + b[1]) for a, b in pairs(6, 7, RADIUS)]
    assert sorted(found) == sorted(expected)


def test_the_loss_is_that_of_a_loop(features):
    labels = torch.tensor([0, 1, 2, 255])[
        torch.randint(0, 4, (2, 6, 7), generator=torch.Generator().manual_seed(1))
    ]
    costs = {"background": [], "foreground": [], "different": []}
    for image in range(2):
        for a, b in pairs(6, 7, RADIUS):
            one, other = labels[image][a], labels[image][b]
            if 255 in (one, other):
                continue
            distance = (features[image, :, *a] - features[image, :, *b]).abs().mean()
            if one == other:
                costs["foreground" if one else "background"].append(distance)
            else:
                costs["different"].append(-torch.log(1 - torch.exp(-distance)))
    means = {kind: torch.stack(values).mean() for kind, values in costs.items()}
    expected = means["background"] / 4 + means["foreground"] / 4 + means["different"] / 2
    torch.testing.assert_close(affinity_loss(features, labels, RADIUS), expected)


def test_no_label_is_no_loss(features):
    assert affinity_loss(features, torch.full((2, 6, 7), 255), RADIUS) == 0


def test_rows_are_probabilities_of_steps(features):
    step = transitions(features[0], RADIUS, sharpness=2)
    torch.testing.assert_close(step.sum(dim=1), torch.ones(42))
    weight = affinity(features[:1], (1, 1))[0, 2, 3] ** 2
    here, there = 2 * 7 + 3, 3 * 7 + 4
    torch.testing.assert_close(step[here, there] / step[here, here], weight)
    assert step[0, 41] == 0


def test_a_walk_stays_on_its_side_of_an_edge():
    """Two halves of different features: a seed in one fills it, and the other stays empty."""
    features = torch.zeros(4, 12, 16)
    features[:, :, 8:] = 10
    scores = torch.zeros(1, 96, 128)
    scores[0, 40:56, 8:24] = 1
    spread = random_walk(features, scores)[0]
    assert spread.shape == (12, 16)
    assert spread[:, :7].min() > 0.3 * spread.max()
    assert spread[:, 9:].max() < 1e-3
    assert spread.max() <= 1


def test_features_stand_on_a_grid_of_eight_pixels():
    net = AffinityNet(BACKBONES["tiny"]())
    assert net(random_images(2, 3, 50, 71)).shape == (2, 448, 7, 9)
