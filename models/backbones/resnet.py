"""ResNet-50 (He et al., CVPR 2016) with dilated last stages (Yu & Koltun, CVPR 2017)."""

from __future__ import annotations

from collections import OrderedDict

from torch import nn
from torchvision.models import ResNet50_Weights, resnet50

from tag2mask.models.backbones.base import IMAGENET_MEAN, IMAGENET_STD, Backbone, FrozenBatchNorm2d

STAGES = {"c2": "layer1", "c3": "layer2", "c4": "layer3", "c5": "layer4"}
CHANNELS = {"c2": 256, "c3": 512, "c4": 1024, "c5": 2048}
# torchvision's replace_stride_with_dilation for layer2, layer3 and layer4
DILATED = {8: (False, True, True), 16: (False, False, True), 32: (False, False, False)}


def resnet50_backbone(output_stride: int = 16, pretrained: bool = True) -> Backbone:
    """Builds torchvision's ResNet-50 as a chain of its bottleneck blocks.

    The taps are the inputs of all bottlenecks from the second of layer1 on: strides 4 to
    the output stride, the counterpart of VGG's conv3_1 to conv5_3.

    Args:
        output_stride: 8, 16 or 32, in pixels.
        pretrained: Whether to load torchvision's ImageNet weights (internet, once).

    Raises:
        ValueError: If the output stride is none of those.
    """
    if output_stride not in DILATED:
        raise ValueError(f"ResNet-50 has the output strides 8, 16 and 32, not {output_stride}")
    source = resnet50(
        weights=ResNet50_Weights.IMAGENET1K_V2 if pretrained else None,
        replace_stride_with_dilation=list(DILATED[output_stride]),
        norm_layer=FrozenBatchNorm2d,
    )
    layers: OrderedDict[str, nn.Module] = OrderedDict(
        stem=nn.Sequential(source.conv1, source.bn1, nn.ReLU(), source.maxpool)
    )
    ends = {}
    for stage, layer in STAGES.items():
        for number, block in enumerate(getattr(source, layer), start=1):
            _separate_rectifiers(block)
            layers[f"{layer}_{number}"] = block
        ends[stage] = f"{layer}_{number}"
    return Backbone(
        layers,
        stages=ends,
        channels=CHANNELS,
        strides={stage: min(2 ** int(stage[1]), output_stride) for stage in STAGES},
        taps=[name for name in layers if name not in ("stem", "layer1_1")],
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )


def _separate_rectifiers(block: nn.Module) -> None:
    """Out-of-place rectification: guided back-propagation reads the tensors between."""
    block.relu = nn.ReLU(inplace=False)
