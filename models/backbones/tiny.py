"""A backbone small enough to train from scratch in seconds, for tests and the demo."""

from __future__ import annotations

from collections import OrderedDict
from itertools import pairwise

from torch import nn

from tag2mask.models.backbones.base import Backbone

WIDTHS = (16, 24, 32, 48, 64)


def tiny_backbone(output_stride: int = 8, pretrained: bool = False) -> Backbone:
    """Builds nine 3x3 convolutions with batch normalization, at strides 2 to 8.

    Stages ``c2`` to ``c5`` have strides 2, 4, 8 and 8 (the last one dilated). There are
    no pretrained weights: ``pretrained`` is accepted, as every backbone's is, and ignored.

    Args:
        output_stride: 8, the only one.
        pretrained: Without effect.

    Raises:
        ValueError: If the output stride is not 8.
    """
    if output_stride != 8:
        raise ValueError(f"the tiny backbone has the output stride 8, not {output_stride}")
    del pretrained
    layers: OrderedDict[str, nn.Module] = OrderedDict(conv1_1=_conv(3, WIDTHS[0], 1, 1))
    stages, channels, strides = {}, {}, {}
    for block, (inputs, width) in enumerate(pairwise(WIDTHS), start=2):
        step, dilation = (2, 1) if block < 5 else (1, 2)
        layers[f"conv{block}_1"] = _conv(inputs, width, step, dilation)
        layers[f"conv{block}_2"] = _conv(width, width, 1, dilation)
        stages[f"c{block}"] = f"conv{block}_2"
        channels[f"c{block}"] = width
        strides[f"c{block}"] = min(2 ** (block - 1), output_stride)
    return Backbone(
        layers,
        stages=stages,
        channels=channels,
        strides=strides,
        taps=[f"conv{block}_{number}" for block in (3, 4, 5) for number in (1, 2)],
        mean=(127.5,) * 3,
        std=(64.0,) * 3,
    )


def _conv(inputs: int, outputs: int, stride: int, dilation: int) -> nn.Sequential:
    # Trained from scratch, so the batch statistics are used and learnt, unlike elsewhere.
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )
