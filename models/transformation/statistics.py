"""Style as the statistics of features, and the distances between two sets of them.

A style is the distribution of an image's features without their places. Gatys et al. (CVPR 2016)
keep the second moments. Li et al. (IJCAI 2017, "Demystifying neural style transfer") show that this
is the maximum mean discrepancy of one kernel, and try others.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Two sets of features (N, C, H, W) and (N, C, H', W') to one distance each (N,).
StyleDistance = Callable[[Tensor, Tensor], Tensor]

EPS = 1e-5


def gram(features: Tensor) -> Tensor:
    """The second moments of features, the mean over all places.

    Args:
        features: (N, C, H, W).

    Returns:
        (N, C, C), symmetric.
    """
    places = features.flatten(2)
    return places @ places.transpose(1, 2) / places.shape[2]


def gram_distance(features: Tensor, style: Tensor) -> Tensor:
    """The style loss of Gatys et al. (2016, eq. 4), for images of any two sizes.

    Their Gram matrices are sums over places, divided by the number of places in the loss. Means
    are equivalent, and allow another number of places in the style.

    Args:
        features: (N, C, H, W).
        style: (N, C, H', W').

    Returns:
        (N,) distances.
    """
    difference = gram(features) - gram(style)
    return difference.square().sum(dim=(1, 2)) / (4 * features.shape[1] ** 2)


def mmd(features: Tensor, style: Tensor, kernel: Callable[[Tensor], Tensor]) -> Tensor:
    """The squared maximum mean discrepancy of two sets of features, biased (Li et al., eq. 5).

    Args:
        features: (N, C, H, W), a sample of H * W vectors.
        style: (N, C, H', W').
        kernel: The kernel, as a function of the inner products of two vectors.

    Returns:
        (N,) distances; memory grows with the product of the places.
    """
    x, y = features.flatten(2), style.flatten(2)
    xx, yy, xy = (
        kernel(first.transpose(1, 2) @ second).mean(dim=(1, 2))
        for first, second in ((x, x), (y, y), (x, y))
    )
    return xx + yy - 2 * xy


def polynomial_mmd_distance(features: Tensor, style: Tensor) -> Tensor:
    """The discrepancy of the kernel (x . y)^2: equal to :func:`gram_distance` (Li et al., eq. 8).

    It is here to show this equality, and costs far more. Arguments and result are the same.
    """
    return mmd(features, style, torch.square) / (4 * features.shape[1] ** 2)


def linear_mmd_distance(features: Tensor, style: Tensor) -> Tensor:
    """The discrepancy of the kernel x . y: the squared distance of the mean features.

    Args:
        features: (N, C, H, W).
        style: (N, C, H', W').

    Returns:
        (N,) distances, the mean over channels.
    """
    return (features.mean(dim=(2, 3)) - style.mean(dim=(2, 3))).square().mean(dim=1)


def batch_norm_distance(features: Tensor, style: Tensor) -> Tensor:
    """The distance of the statistics of batch normalization (Li et al., eq. 12).

    Args:
        features: (N, C, H, W).
        style: (N, C, H', W').

    Returns:
        (N,) distances, the mean over channels.
    """
    means, deviations = moments(features)
    style_means, style_deviations = moments(style)
    return ((means - style_means).square() + (deviations - style_deviations).square()).mean(
        dim=(1, 2, 3)
    )


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation over the places, (N, C, 1, 1) each.

    A small constant is added to the variance. Without it, the gradient of the root would be
    infinite for a channel of zeros.
    """
    variance, mean = torch.var_mean(features, dim=(2, 3), correction=0, keepdim=True)
    return mean, (variance + EPS).sqrt()


def adain(content: Tensor, style: Tensor) -> Tensor:
    """Adaptive instance normalization (Huang & Belongie, ICCV 2017, eq. 8).

    Args:
        content: (N, C, H, W) features.
        style: (N, C, H', W') features.

    Returns:
        (N, C, H, W): the content, every channel with the style's mean and deviation.
    """
    mean, deviation = moments(content)
    style_mean, style_deviation = moments(style)
    return (content - mean) / deviation * style_deviation + style_mean


STYLE_DISTANCES: dict[str, StyleDistance] = {
    "gram": gram_distance,
    "polynomial_mmd": polynomial_mmd_distance,
    "linear_mmd": linear_mmd_distance,
    "batch_norm": batch_norm_distance,
}
