"""ResNet-50 against torchvision's own."""

import pytest
import torch
from torchvision.models import resnet50

from tag2mask.models.backbones.resnet import resnet50_backbone
from tests.models.randomized import assert_same, random_images, randomize

STAGES = {"c2": "layer1", "c3": "layer2", "c4": "layer3", "c5": "layer4"}


@pytest.mark.parametrize("output_stride", [16, 32])
@torch.no_grad()
def test_features(output_stride):
    dilation = [False, False, output_stride == 16]
    reference = resnet50(weights=None, replace_stride_with_dilation=dilation)
    randomize(reference).eval()
    backbone = resnet50_backbone(output_stride=output_stride, pretrained=False).eval()
    stem = {"0": reference.conv1, "1": reference.bn1}
    for name, layer in backbone.layers.items():
        if name == "stem":
            for place, module in stem.items():
                layer[int(place)].load_state_dict(module.state_dict())
        else:
            stage, number = name.split("_")
            layer.load_state_dict(getattr(reference, stage)[int(number) - 1].state_dict())
    images = random_images(1, 3, 75, 64)
    features = backbone(images)
    x = backbone.normalize(images)
    x = reference.maxpool(reference.relu(reference.bn1(reference.conv1(x))))
    for stage, layer in STAGES.items():
        x = getattr(reference, layer)(x)
        assert_same(features[stage], x)


def test_training_does_not_change_the_features():
    """Batch statistics are the pretrained ones in either mode."""
    backbone = randomize(resnet50_backbone(pretrained=False))
    images = random_images(1, 3, 32, 32)
    with torch.no_grad():
        assert torch.equal(backbone.train()(images)["c5"], backbone.eval()(images)["c5"])
