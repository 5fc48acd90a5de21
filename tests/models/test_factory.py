"""The factory: every description gives a model that takes weights and images."""

import pytest
import torch
from pydantic import ValidationError

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.factory import Architecture
from tag2mask.models.segmentation import SEGMENTERS, Segmenter
from tag2mask.models.tagging import POOLINGS, Tagger
from tests.models.randomized import random_images


def tagger(**changes):
    settings = {
        "kind": "tagger",
        "backbone": "tiny",
        "output_stride": 8,
        "head": "max",
        "classes": 3,
    }
    return Architecture(**{**settings, **changes})


def segmenter(**changes):
    return tagger(**{"kind": "segmenter", "head": "deeplab_v1", "width": 8, **changes})


@pytest.mark.parametrize("head", POOLINGS)
@torch.no_grad()
def test_taggers(head):
    model = tagger(head=head).build().eval()
    assert isinstance(model, Tagger)
    assert model.pool is POOLINGS[head]
    assert model(random_images(2, 3, 32, 32)).logits.shape == (2, 3)


@pytest.mark.parametrize("head", SEGMENTERS)
@torch.no_grad()
def test_segmenters_have_one_channel_more_than_classes(head):
    model = segmenter(head=head).build().eval()
    assert isinstance(model, Segmenter)
    assert model.width == 8
    places = (-(-32 // model.stride), -(-40 // model.stride))
    assert model(random_images(1, 3, 32, 40)).shape == (1, 4, *places)


def test_dropout_is_part_of_the_description():
    assert segmenter(dropout=0.25).build().dropout.p == 0.25


@pytest.mark.parametrize("backbone", BACKBONES)
def test_every_backbone_carries_both(backbone):
    """Without memory for the weights: vgg16 alone would take half a gigabyte."""
    stride = 8 if backbone == "tiny" else 16
    with torch.device("meta"):
        for description in (tagger, segmenter):
            architecture = description(backbone=backbone, output_stride=stride)
            model = architecture.build()
            assert model.backbone.output_stride == stride
            again = Architecture.model_validate_json(architecture.model_dump_json())
            assert again.build().state_dict().keys() == model.state_dict().keys()


def test_unknown_names_are_an_error():
    for wrong in ({"backbone": "vgg99"}, {"head": "mean"}):
        with pytest.raises(KeyError):
            tagger(**wrong).build()
    with pytest.raises(ValueError, match="output stride"):
        tagger(output_stride=5).build()
    with pytest.raises(ValidationError):
        tagger(kind="detector")
