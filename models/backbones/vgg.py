"""VGG-16 (Simonyan & Zisserman, ICLR 2015), the backbone of DCSM, STC and DeepLab-LargeFOV."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn
from torchvision.models import VGG16_Weights, vgg16

from tag2mask.models.backbones.base import IMAGENET_MEAN, IMAGENET_STD, Backbone

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


def vgg16_backbone(output_stride: int = 8, pretrained: bool = True) -> Backbone:
    """Builds the thirteen convolutions of VGG-16 with their pools.

    Stages ``c2`` to ``c5`` end with conv2_2, conv3_3, conv4_3 and conv5_3 before their
    pools, at strides 2, 4, 8 and 16 or, from the output stride on, dilated instead as in
    DeepLab (Chen et al., ICLR 2015). The taps are the nine convolutions conv3_1 to
    conv5_3 whose inputs DCSM reads.

    Args:
        output_stride: 8 or 16, in pixels.
        pretrained: Whether to load torchvision's ImageNet weights (internet, once).

    Raises:
        ValueError: If the output stride is neither.
    """
    if output_stride not in (8, 16):
        raise ValueError(f"VGG-16 has the output strides 8 and 16, not {output_stride}")
    layers = OrderedDict[str, nn.Module]()
    channels, strides, ends = {}, {}, {}
    inputs, stride, dilation = 3, 1, 1
    for block, widths in enumerate(BLOCKS, start=1):
        for number, width in enumerate(widths, start=1):
            name = f"conv{block}_{number}"
            layers[name] = nn.Conv2d(inputs, width, 3, padding=dilation, dilation=dilation)
            layers[name.replace("conv", "relu")] = nn.ReLU()
            inputs = width
        if block > 1:
            stage, ends[f"c{block}"] = f"c{block}", f"relu{block}_{len(widths)}"
            channels[stage], strides[stage] = inputs, stride
        if block == len(BLOCKS):
            break
        if stride < output_stride:
            # Rounding down would leave the last rows of an odd side without features.
            layers[f"pool{block}"] = nn.MaxPool2d(2, 2, ceil_mode=True)
            stride *= 2
        else:
            layers[f"pool{block}"] = nn.MaxPool2d(3, 1, padding=1)
            dilation *= 2
    backbone = Backbone(
        layers,
        stages=ends,
        channels=channels,
        strides=strides,
        taps=[f"conv{block}_{number}" for block in (3, 4, 5) for number in (1, 2, 3)],
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    if pretrained:
        _load_torchvision(backbone)
    return backbone


def _load_torchvision(backbone: Backbone) -> None:
    """Copies torchvision's convolutions, which have the same order."""
    source = vgg16(weights=VGG16_Weights.IMAGENET1K_V1).features
    theirs = [layer for layer in source if isinstance(layer, nn.Conv2d)]
    ours = [layer for layer in backbone.layers.values() if isinstance(layer, nn.Conv2d)]
    for mine, pretrained in zip(ours, theirs, strict=True):
        mine.load_state_dict(pretrained.state_dict())
