"""DCSM with saliency: the mean of both, and saliency only where DCSM allows it."""

import torch

from tag2mask.models.saliency.agnostic import ClassAgnostic
from tag2mask.models.saliency.dcsm import Dcsm
from tag2mask.models.saliency.dcsm_saliency import DcsmSaliency
from tests.models.randomized import random_images, random_tagger

CLASSES = torch.tensor([1, 4])


def maps(**settings):
    tagger, image = random_tagger(), random_images(3, 40, 56)
    dcsm = Dcsm(tagger, canvas=48)(image, CLASSES)
    return DcsmSaliency(tagger, canvas=48, **settings)(image, CLASSES), dcsm, image


def test_both_have_half_a_say():
    made, dcsm, image = maps(contrast=2.0, present=0.3)
    allowed = dcsm > 0.3
    saliency = ClassAgnostic()(image, CLASSES)
    torch.testing.assert_close(made[allowed], ((dcsm**2 + saliency) / 2)[allowed])
    torch.testing.assert_close(made[~allowed], (dcsm**2 / 2)[~allowed])
    assert 0 < allowed.float().mean() < 1


def test_without_a_place_for_saliency_dcsm_is_half_as_sure():
    made, dcsm, _ = maps(present=1.0)
    torch.testing.assert_close(made, dcsm**5 / 2)
