"""The backbone: a chain of named layers with feature stages, taps and its own normalization."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

# RGB statistics of torchvision's ImageNet weights, in [0, 255]
IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


class Backbone(nn.Module):
    """A convolutional feature extractor as one chain of named layers.

    It is a chain, and not a free graph, so that three operations need no hooks: reading the
    features of a stage, running only the upper part (the backward pass of DCSM stops at the
    lowest layer that is read), and freezing the lower part in training.

    Args:
        layers: The chain, in order; names are those of the field (``conv3_1``, ``block5``).
        stages: Stage name (``c2``, ``c3``, ``c4``, ``c5``) to the layer that ends it.
        channels: Stage name to its number of channels.
        strides: Stage name to its stride against the input, in pixels.
        taps: Layers whose *inputs* a saliency scorer reads, lowest first.
        mean: Per-channel RGB mean of the pretraining, in [0, 255].
        std: Per-channel RGB standard deviation of the pretraining, in [0, 255].
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        layers: Mapping[str, nn.Module],
        *,
        stages: Mapping[str, str],
        channels: Mapping[str, int],
        strides: Mapping[str, int],
        taps: Sequence[str],
        mean: Sequence[float],
        std: Sequence[float],
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(layers)
        self.stages = dict(stages)
        self.channels = dict(channels)
        self.strides = dict(strides)
        self.taps = tuple(taps)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    @property
    def output_stride(self) -> int:
        """The stride of the last stage, in pixels."""
        return self.strides["c5"]

    def normalize(self, images: Tensor) -> Tensor:
        """RGB images (N, 3, H, W) in [0, 255] as the first layer expects them."""
        return (images - self.mean) / self.std

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """The features of every stage.

        Args:
            images: (N, 3, H, W) float RGB in [0, 255].

        Returns:
            Stage name to (N, channels, ceil(H / stride), ceil(W / stride)).
        """
        ends = {layer: stage for stage, layer in self.stages.items()}
        features = {}
        x = self.normalize(images)
        for name, layer in self.layers.items():
            x = layer(x)
            if name in ends:
                features[ends[name]] = x
        return features

    def below(self, images: Tensor, tap: str) -> Tensor:
        """The input of layer ``tap``, computed once an image by all layers below."""
        x = self.normalize(images)
        for name, layer in self.layers.items():
            if name == tap:
                return x
            x = layer(x)
        raise KeyError(f"no layer {tap!r}; this backbone has {', '.join(self.layers)}")

    def above(self, x: Tensor, taps: Sequence[str]) -> tuple[Tensor, dict[str, Tensor]]:
        """Runs the layers from the first of ``taps`` on, keeping the inputs of all of them.

        Args:
            x: The input of layer ``taps[0]``.
            taps: Names of layers, lowest first.

        Returns:
            The output of the last layer and, by layer name, the input of each tap.
        """
        inputs = {}
        for name, layer in self.layers.items():
            if name in taps:
                inputs[name] = x
            if inputs:
                x = layer(x)
        return x, inputs

    def freeze_below(self, layer: str) -> None:
        """Takes every layer under ``layer`` out of training (no gradients are kept)."""
        for name, module in self.layers.items():
            if name == layer:
                return
            module.requires_grad_(False)
        raise KeyError(f"no layer {layer!r}; this backbone has {', '.join(self.layers)}")


class FrozenBatchNorm2d(nn.BatchNorm2d):
    """Batch normalization that always uses the pretrained statistics.

    Fine-tuning with batches of a few crops would otherwise estimate the statistics from too few
    images. Scale and shift stay trainable.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalizes (N, C, H, W) by the running statistics, whatever the mode."""
        return nn.functional.batch_norm(
            x,
            self.running_mean,
            self.running_var,
            self.weight,
            self.bias,
            False,
            0.0,
            self.eps,
        )
