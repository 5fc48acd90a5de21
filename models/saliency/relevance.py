"""Relevance that is conserved from layer to layer: LRP and excitation back-propagation.

The backward pass carries s = R / z instead of R, the relevance of a value z divided by the value.
A rectifier then passes s times its output over its input. A sum passes s to both of its terms, so
that each gets its share of the relevance. A convolution passes s by a rule. Each of these is the
gradient of a layer with the same output, so autograd does the rest. The relevance at any layer is
its value times the arriving s.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import interpolate

from tag2mask.models.folding import folded
from tag2mask.models.saliency.guided import RECTIFIERS
from tag2mask.models.saliency.rewiring import rewired
from tag2mask.models.saliency.scaling import scaled_to, unit_maps
from tag2mask.models.tagging import Tagger

# From a convolution, its input and its output to a tensor whose gradient is the rule. The tensor is
# equal to the output, unless the rule loses relevance.
Rule = Callable[[nn.Conv2d, Tensor, Tensor], Tensor]


def epsilon_rule(convolution: nn.Conv2d, x: Tensor, z: Tensor, epsilon: float = 1e-2) -> Tensor:
    """R_i = sum_j z_ij / (z_j + epsilon sign z_j) R_j (Bach et al., PLoS ONE 2015, eq. 58)."""
    sign = torch.where(z >= 0, 1.0, -1.0)
    return _linear(convolution, x, convolution.weight) * _ratio(z, z + epsilon * sign)


def alpha_beta_rule(convolution: nn.Conv2d, x: Tensor, z: Tensor, alpha: float = 2.0) -> Tensor:
    """R_i = sum_j (alpha z+_ij / z+_j - beta z-_ij / z-_j) R_j, alpha - beta = 1 (eq. 60)."""
    positive, negative = _part(convolution, x, 1), _part(convolution, x, -1)
    # If one part is empty the other gets everything, so that the sum does not change.
    share = torch.where(negative == 0, 1.0, torch.where(positive == 0, 0.0, alpha)).to(z.dtype)
    return share * positive * _ratio(z, positive) + (1 - share) * negative * _ratio(z, negative)


def excitation_rule(convolution: nn.Conv2d, x: Tensor, z: Tensor) -> Tensor:
    """P_i = sum_j a_i w+_ij / z+_j P_j (Zhang et al., ECCV 2016, eq. 1).

    The paper's activations are not negative. Those of the linear bottlenecks of light backbones may
    be. Positive products excite there, so this is LRP with alpha 1 and beta 0.
    """
    return alpha_beta_rule(convolution, x, z, alpha=1.0)


def _linear(convolution: nn.Conv2d, x: Tensor, weight: Tensor) -> Tensor:
    """The convolution with other weights and without its bias, whose share is lost."""
    settings: dict[str, Tensor] = {"weight": weight}
    if convolution.bias is not None:
        settings["bias"] = torch.zeros_like(convolution.bias)
    return functional_call(convolution, settings, (x,))


def _part(convolution: nn.Conv2d, x: Tensor, sign: int) -> Tensor:
    """The sum of the products of that sign."""
    positive, negative = convolution.weight.clamp(min=0), convolution.weight.clamp(max=0)
    over, under = (positive, negative) if sign > 0 else (negative, positive)
    return _linear(convolution, x.clamp(min=0), over) + _linear(convolution, x.clamp(max=0), under)


def _ratio(z: Tensor, parts: Tensor) -> Tensor:
    """Z / parts without a gradient, zero at places without relevance."""
    some = parts != 0
    return torch.where(some, z / torch.where(some, parts, 1), 0).detach()


class RelevanceConv(nn.Module):
    """A convolution whose gradient is a rule; its output is unchanged.

    Args:
        convolution: The layer.
        rule: The rule for its relevance.
    """

    def __init__(self, convolution: nn.Conv2d, rule: Rule) -> None:
        super().__init__()
        self.convolution = convolution
        self.rule = rule

    def forward(self, x: Tensor) -> Tensor:
        """Convolves."""
        z: Tensor = self.convolution(x).detach()
        if not torch.is_grad_enabled():
            return z
        path = self.rule(self.convolution, x, z)
        return z + (path - path.detach())


class RelevanceReLU(nn.Module):
    """A rectifier, with or without a ceiling, that passes on all the relevance it gets."""

    def __init__(self, rectifier: nn.Module) -> None:
        super().__init__()
        self.rectifier = rectifier

    def forward(self, x: Tensor) -> Tensor:
        """Rectifies."""
        y = self.rectifier(x).detach()
        return x * _ratio(y, x.detach()) if torch.is_grad_enabled() else y


class Relevance:
    """Layer-wise relevance propagation to the backbone's lowest tap (Bach et al., PLoS ONE 2015).

    Args:
        tagger: The multi-label classifier; it is copied, not changed.
        rule: The rule of the convolutions.
        size: Longer side of the resized images, in pixels.
    """

    def __init__(self, tagger: Tagger, rule: Rule, *, size: int = 350) -> None:
        network = folded(tagger)
        network = rewired(network, (nn.Conv2d,), lambda layer: RelevanceConv(_conv(layer), rule))
        network = rewired(
            network, RECTIFIERS, lambda layer: RelevanceReLU(type(layer)(inplace=False))
        )
        self.tagger = network
        self.size = size
        self.tap = tagger.backbone.taps[0]

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        scaled = scaled_to(image, self.size)
        relevance = self.relevance(scaled, classes).sum(dim=1)
        maps = interpolate(relevance[None], image.shape[1:], mode="bilinear", align_corners=False)
        return unit_maps(maps[0])

    def relevance(self, image: Tensor, classes: Tensor) -> Tensor:
        """Relevance of every value at the lowest tap: (T, channels, h, w) for (1, 3, H, W)."""
        backbone = self.tagger.backbone
        with torch.no_grad():
            lowest = backbone.below(image, self.tap)
        with torch.enable_grad():
            lowest = lowest.repeat(len(classes), 1, 1, 1).requires_grad_()
            top, _ = backbone.above(lowest, [self.tap])
            maps = self.tagger.classifier(top)
            (arrived,) = torch.autograd.grad(maps, lowest, self.start(maps.detach(), classes))
        return lowest.detach() * arrived

    def start(self, maps: Tensor, classes: Tensor) -> Tensor:
        """R / z at the class maps (T, C, h, w): the whole map of each row's class, R = z."""
        signal = torch.zeros_like(maps)
        signal[torch.arange(len(classes)), classes] = 1
        return signal


class Excitation(Relevance):
    """Excitation back-propagation (Zhang et al., ECCV 2016): shares of a class's probability.

    Args:
        tagger: The multi-label classifier; it is copied, not changed.
        size: Longer side of the resized images, in pixels.
    """

    def __init__(self, tagger: Tagger, *, size: int = 350) -> None:
        super().__init__(tagger, excitation_rule, size=size)

    def start(self, maps: Tensor, classes: Tensor) -> Tensor:
        """R / z at the class maps: a probability of one, divided by the places' excitation."""
        rows = torch.arange(len(classes))
        own = maps[rows, classes]
        excited = own.clamp(min=0)
        total = excited.sum(dim=(1, 2), keepdim=True)
        # A class without excitation starts with equal shares.
        share = torch.where(total > 0, excited / total, 1 / own[0].numel())
        signal = torch.zeros_like(maps)
        signal[rows, classes] = _ratio(share, own)
        return signal


class ContrastiveExcitation(Excitation):
    """Excitation of a class minus that of its opposite (Zhang et al., ECCV 2016, sec. 3.3).

    The opposite unit has the negated weights of the class, so that excitation of every class alike
    cancels.
    """

    def relevance(self, image: Tensor, classes: Tensor) -> Tensor:
        """(T, channels, h, w), signed."""
        own = super().relevance(image, classes)
        weights = [*self.tagger.classifier.parameters()]
        try:
            for weight in weights:
                weight.neg_()
            return own - super().relevance(image, classes)
        finally:
            for weight in weights:
                weight.neg_()


def _conv(layer: nn.Module) -> nn.Conv2d:
    if not isinstance(layer, nn.Conv2d):
        raise TypeError(f"relevance needs a convolution, not a {type(layer).__name__}")
    return layer
