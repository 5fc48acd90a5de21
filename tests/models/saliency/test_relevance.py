"""Relevance against captum's, and its conservation."""

import copy
from functools import partial

import pytest
import torch
from captum.attr import LRP
from captum.attr._utils.lrp_rules import Alpha1_Beta0_Rule, EpsilonRule
from torch import nn

from tag2mask.models.folding import folded
from tag2mask.models.saliency.relevance import (
    ContrastiveExcitation,
    Excitation,
    Relevance,
    RelevanceConv,
    RelevanceReLU,
    alpha_beta_rule,
    epsilon_rule,
    excitation_rule,
)
from tag2mask.models.saliency.rewiring import rewired
from tests.models.randomized import assert_same, random_images, random_tagger

SIZE = 48
CLASSES = torch.tensor([4, 0])


def without_biases(tagger):
    """The folded network; biases take their share of the relevance out of the sum."""
    plain = folded(tagger)
    for module in plain.modules():
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return plain


@pytest.mark.parametrize("rule", [alpha_beta_rule, partial(epsilon_rule, epsilon=1e-12)])
@pytest.mark.parametrize(
    "backbone", ["tiny", "efficientnet_lite0", pytest.param("resnet50", marks=pytest.mark.slow)]
)
def test_relevance_is_conserved(rule, backbone):
    """The relevance at the lowest tap sums to the class map at the top."""
    tagger = without_biases(random_tagger(backbone)).double()
    images = random_images(1, 3, SIZE, SIZE).double()
    found = Relevance(tagger, rule, size=SIZE).relevance(images, CLASSES)
    maps = tagger(images).class_maps[0, CLASSES].sum(dim=(1, 2)).detach()
    # Shares of both signs are far larger than their sum: rounding is relative to them.
    rounding = 1e-9 * found.abs().sum(dim=(1, 2, 3))
    assert ((found.sum(dim=(1, 2, 3)) - maps).abs() < rounding).all()


def test_the_epsilon_takes_relevance_away():
    tagger = without_biases(random_tagger())
    images = random_images(1, 3, SIZE, SIZE)
    found, more = (
        Relevance(tagger, partial(epsilon_rule, epsilon=e), size=SIZE).relevance(images, CLASSES)
        for e in (1e-2, 10.0)
    )
    assert more.abs().sum() < 0.9 * found.abs().sum()


@pytest.mark.parametrize("backbone", ["tiny", "efficientnet_lite0"])
def test_the_probability_of_excitation_stays_one(backbone):
    tagger = without_biases(random_tagger(backbone)).double()
    images = random_images(1, 3, SIZE, SIZE).double()
    found = Excitation(tagger, size=SIZE).relevance(images, CLASSES).sum(dim=(1, 2, 3))
    torch.testing.assert_close(found, torch.ones(2, dtype=torch.double))
    opposed = ContrastiveExcitation(tagger, size=SIZE).relevance(images, CLASSES)
    assert opposed.sum().abs() < 1e-6, "one minus one"
    assert opposed.min() < 0 < opposed.max()


def test_contrast_leaves_the_network_as_it_was():
    scorer = ContrastiveExcitation(random_tagger(), size=SIZE)
    before = copy.deepcopy(scorer.tagger.state_dict())
    scorer(random_images(3, SIZE, SIZE), CLASSES)
    assert all(torch.equal(value, before[key]) for key, value in scorer.tagger.state_dict().items())


class Sums(nn.Module):
    """The sum of each class map, as a convolution, because captum has rules for layers alone."""

    def __init__(self, network: nn.Module, side: int, classes: int):
        super().__init__()
        self.network = network
        self.total = nn.Conv2d(classes, classes, side, groups=classes, bias=False)
        nn.init.ones_(self.total.weight)
        self.total.weight.requires_grad_(False)

    def forward(self, x):
        return self.total(self.network(x))[:, :, 0, 0]


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (epsilon_rule, lambda: EpsilonRule(1e-2)),
        (excitation_rule, Alpha1_Beta0_Rule),
    ],
)
def test_agrees_with_captum(ours, theirs):
    torch.manual_seed(0)
    network = nn.Sequential(
        *(nn.Conv2d(3, 6, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 8, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(8, 4, 1, bias=False)),
        nn.ReLU(),  # relevance of negative values is shared out differently there
    )
    network = Sums(network, side=6, classes=4)
    mine = rewired(network, (nn.Conv2d,), lambda layer: RelevanceConv(layer, ours))
    mine = rewired(mine, (nn.ReLU,), RelevanceReLU)
    x = torch.rand(1, 3, 12, 12, requires_grad=True)  # positive, as captum's rules expect
    (arrived,) = torch.autograd.grad(mine(x)[:, 2].sum(), x)
    reference = copy.deepcopy(network)
    for layer in reference.modules():
        if isinstance(layer, nn.Conv2d):
            layer.rule = theirs()
    reference = LRP(reference).attribute(x.detach().clone().requires_grad_(), target=2)
    assert reference.abs().max() > 0
    assert_same((x * arrived).detach(), reference.detach(), tolerance=1e-3)


def test_the_rewired_network_has_the_same_outputs():
    tagger = random_tagger()
    images = random_images(1, 3, SIZE, SIZE)
    rewired_tagger = Relevance(tagger, alpha_beta_rule, size=SIZE).tagger
    assert_same(rewired_tagger(images).class_maps, tagger(images).class_maps.detach(), 1e-4)
