"""Pixel affinity from confident seeds, and a random walk of scores (PSA: Ahn & Kwak, CVPR 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tag2mask.models.backbones.base import Backbone
from tag2mask.models.weak.cross_entropy import IGNORE

RADIUS = 5  # the two places of a pair are less than this many places apart
STRIDE = 8  # stride of the grid of pairs, in pixels
CHANNELS = {"c3": 64, "c4": 128, "c5": 256}  # channels of each stage's share of the features
SHARPNESS = 8  # exponent beta of the affinities in a random walk
WALK_LOG2_STEPS = 8  # a random walk makes 2 ** 8 steps


class AffinityNet(nn.Module):
    """Features whose distance measures whether two near places have the same class.

    Args:
        backbone: The feature extractor.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.reduce = nn.ModuleDict(
            {
                stage: nn.Conv2d(backbone.channels[stage], width, 1)
                for stage, width in CHANNELS.items()
            }
        )
        total = sum(CHANNELS.values())
        self.merge = nn.Conv2d(total, total, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Images (N, 3, H, W), RGB in [0, 255], to features (N, D, ceil(H/8), ceil(W/8))."""
        features = self.backbone(images)
        size = [-(-extent // STRIDE) for extent in images.shape[2:]]
        parts = [
            interpolate(layer(features[stage]).relu(), size, mode="bilinear", align_corners=False)
            for stage, layer in self.reduce.items()
        ]
        return self.merge(torch.cat(parts, dim=1)).relu()


def pair_offsets(radius: int = RADIUS) -> list[tuple[int, int]]:
    """Rows and columns from a place to its partners below or to the right, each pair once."""
    return [
        (down, right)
        for down in range(radius)
        for right in range(-radius + 1, radius)
        if (down, right) > (0, 0) and down**2 + right**2 < radius**2
    ]


def shifted_pair(maps: Tensor, offset: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Both ends of the pairs of an offset, for pairs inside of the image.

    Args:
        maps: (..., h, w).
        offset: (down, right), down not negative.

    Returns:
        Two views (..., h - down, w - |right|).
    """
    (height, width), (down, right) = maps.shape[-2:], offset
    rows, partner_rows = slice(0, height - down), slice(down, height)
    left = slice(max(0, -right), width - max(0, right))
    partner = slice(max(0, right), width + min(0, right))
    return maps[..., rows, left], maps[..., partner_rows, partner]


def affinity(features: Tensor, offset: tuple[int, int]) -> Tensor:
    """exp(-mean |f_i - f_j|) in (0, 1] for the pairs of an offset (equation 1)."""
    here, there = shifted_pair(features, offset)
    return torch.exp(-(here - there).abs().mean(dim=1))


def affinity_loss(features: Tensor, labels: Tensor, radius: int = RADIUS) -> Tensor:
    """The affinity loss: high affinity within a class, low affinity between (equation 6).

    Pairs of background, of one foreground class and of two classes weigh 1/4, 1/4 and 1/2.

    Args:
        features: (N, D, h, w) of :class:`AffinityNet`.
        labels: (N, H, W) confident labels, 255 for none; resized to the grid.
        radius: Radius of the pairs, in places.

    Returns:
        A scalar; kinds without any pair add zero.
    """
    grid = interpolate(labels[:, None].float(), features.shape[2:], mode="nearest")[:, 0]
    sums = [features.new_zeros(()) for _ in range(3)]
    counts = [0, 0, 0]
    for offset in pair_offsets(radius):
        like = affinity(features, offset)
        one, other = shifted_pair(grid, offset)
        known = (one != IGNORE) & (other != IGNORE)
        same = known & (one == other)
        costs = (-like.clamp(min=1e-5).log(), -(1 - like).clamp(min=1e-5).log())
        kinds = (same & (one == 0), same & (one != 0), known & (one != other))
        for index, (kind, cost) in enumerate(zip(kinds, (costs[0], *costs), strict=True)):
            sums[index] = sums[index] + cost[kind].sum()
            counts[index] += int(kind.sum())
    background, foreground, different = (
        total / max(1, count) for total, count in zip(sums, counts, strict=True)
    )
    return background / 4 + foreground / 4 + different / 2


def transitions(features: Tensor, radius: int = RADIUS, sharpness: float = SHARPNESS) -> Tensor:
    """The probabilities of a step from a place to each other place (equation 9).

    Args:
        features: (D, h, w) of one image.
        radius: Radius of the pairs, in places.
        sharpness: Power of the affinities.

    Returns:
        (h w, h w), rows summing to one; a place is its own neighbor too.
    """
    height, width = features.shape[1:]
    places = torch.arange(height * width, device=features.device).view(height, width)
    matrix = torch.eye(height * width, device=features.device)
    for offset in pair_offsets(radius):
        like = affinity(features[None], offset)[0].flatten() ** sharpness
        one, other = (ends.flatten() for ends in shifted_pair(places, offset))
        matrix[one, other] = like
        matrix[other, one] = like
    return matrix / matrix.sum(dim=1, keepdim=True)


@torch.no_grad()
def random_walk(features: Tensor, scores: Tensor, walk_log2_steps: int = WALK_LOG2_STEPS) -> Tensor:
    """Scores after a random walk along affinities (equation 10).

    Args:
        features: (D, h, w) of one image.
        scores: (T, H, W) maps; resized to the grid.
        walk_log2_steps: The walk makes 2 ** walk_log2_steps steps.

    Returns:
        (T, h, w), means of the reachable scores, so in the range of the scores.
    """
    step = transitions(features)
    for _ in range(walk_log2_steps):
        step = step @ step
    grid = interpolate(scores[None], features.shape[1:], mode="bilinear", antialias=True)[0]
    return (step @ grid.flatten(1).T).T.reshape(grid.shape)
