"""OverFeat (Sermanet et al., ICLR 2014, section 3.3): a classifier slides as one convolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d


def convolutional(layer: nn.Linear, channels: int) -> nn.Conv2d:
    """A fully connected layer on windows (C, s, s) as an s x s convolution with its weights.

    Raises:
        ValueError: If the inputs are not square windows of C channels.
    """
    side = round((layer.in_features / channels) ** 0.5)
    if side * side * channels != layer.in_features:
        raise ValueError(
            f"{layer.in_features} inputs are not a square window of {channels} channels"
        )
    twin = nn.Conv2d(channels, layer.out_features, side, bias=layer.bias is not None)
    with torch.no_grad():
        twin.weight.copy_(layer.weight.view_as(twin.weight))
        if layer.bias is not None and twin.bias is not None:
            twin.bias.copy_(layer.bias)
    return twin


class SlidingClassifier(nn.Module):
    """Features, a last pool and fully connected layers, on every window of an image at once.

    With the last pool, windows would be ``pool`` places apart. So the pool is taken at each of its
    pool x pool offsets, and the scores are interleaved. Windows are then one place of the unpooled
    features apart, as if the classifier had been run on each.

    Args:
        features: Convolutions without padding, so that a window's features are those of its
            crop.
        pool: Side of the last pool, and its stride; the paper's is 3.
        layers: The layers on a flattened window: linear layers with rectifiers in between.
        channels: Channels of the features.
    """

    def __init__(
        self, features: nn.Module, pool: int, layers: list[nn.Linear], channels: int
    ) -> None:
        super().__init__()
        self.features, self.pool = features, pool
        first, *others = layers
        twins = [convolutional(first, channels)]
        twins += [convolutional(layer, layer.in_features) for layer in others]
        chain: list[nn.Module] = [twins[0]]
        for twin in twins[1:]:
            chain += [nn.ReLU(), twin]
        self.classifier = nn.Sequential(*chain)
        self.window = twins[0].kernel_size[0] * pool  # side, in places of the features
        self.labels = twins[-1].out_channels

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, K, h, w) of all windows, one place of the features apart."""
        x = self.features(images)
        height, width = (extent - self.window + 1 for extent in x.shape[2:])
        scores = x.new_empty(len(x), self.labels, height, width)
        for down in range(min(self.pool, height)):
            for right in range(min(self.pool, width)):
                pooled = max_pool2d(x[..., down:, right:], self.pool)
                scores[..., down :: self.pool, right :: self.pool] = self.classifier(pooled)
        return scores
