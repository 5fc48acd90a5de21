"""Gradients of a class score at the pixels, under three rules for the rectifiers."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tag2mask.models.folding import folded
from tag2mask.models.saliency.guided import RECTIFIERS, guided
from tag2mask.models.saliency.rewiring import Network, rewired
from tag2mask.models.saliency.scaling import scaled_to, unit_maps
from tag2mask.models.tagging import Tagger


class Gradient:
    """The gradient of a class score at each pixel (Simonyan et al., ICLRw 2014).

    M = max over the colors of |dS_c / dI|, divided by its maximum; the score is the tagger's
    logit. A rectifier passes gradients at places where it was active.

    Args:
        tagger: The multi-label classifier; it is copied, not changed.
        size: Longer side of the resized images, in pixels.
    """

    def __init__(self, tagger: Tagger, *, size: int = 350) -> None:
        self.tagger = self.rectified(folded(tagger)).to(memory_format=torch.channels_last)
        self.size = size

    def rectified(self, network: Network) -> Network:
        """The network with this method's rectifiers."""
        return network.requires_grad_(False)

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        return unit_maps(gradients(self.tagger, image, classes, self.size).abs().amax(dim=1))


class GuidedBackprop(Gradient):
    """Guided back-propagation (Springenberg et al., ICLRw 2015) down to the pixels.

    A rectifier passes positive gradients at places where it was active. This joins the rules of
    the gradient and of the deconvolution.
    """

    def rectified(self, network: Network) -> Network:
        """The network with guided rectifiers."""
        return guided(network)


class Deconvnet(Gradient):
    """The deconvolutional visualizer (Zeiler & Fergus, ECCV 2014, section 2.1).

    A rectifier passes positive signals, whether it was active or not. Pools send them back by
    their switches and convolutions by their transposed filters, as for any gradient.
    """

    def rectified(self, network: Network) -> Network:
        """The network with rectifiers that rectify gradients."""
        return rewired(network, RECTIFIERS, lambda layer: DeconvReLU(type(layer)(inplace=False)))


class DeconvReLU(nn.Module):
    """A rectifier whose backward pass is a rectifier again."""

    def __init__(self, rectifier: nn.Module) -> None:
        super().__init__()
        self.rectifier = rectifier

    def forward(self, x: Tensor) -> Tensor:
        """Rectifies; gradients are rectified too, but not masked."""
        y: Tensor = _StraightThrough.apply(x, self.rectifier(x))
        return y


class _StraightThrough(torch.autograd.Function):
    """The second argument forward; backward the positive part of the gradient, to the first."""

    @staticmethod
    def forward(ctx: object, x: Tensor, y: Tensor) -> Tensor:
        del ctx, x
        return y.clone()

    @staticmethod
    def backward(ctx: object, *signals: Tensor) -> tuple[Tensor, None]:
        del ctx
        return signals[0].relu(), None


def gradients(tagger: Tagger, image: Tensor, classes: Tensor, size: int) -> Tensor:
    """Gradients of class logits at the pixels, all classes of an image in one batch.

    Args:
        tagger: A frozen network.
        image: (3, H, W) RGB in [0, 255].
        classes: (T,) channels.
        size: Longer side of the resized image, in pixels.

    Returns:
        (T, 3, H, W).
    """
    with torch.enable_grad():
        batch = scaled_to(image, size).expand(len(classes), -1, -1, -1)
        batch = batch.contiguous(memory_format=torch.channels_last).requires_grad_()
        scores = tagger(batch).logits
        signal = torch.zeros_like(scores)
        signal[torch.arange(len(classes)), classes] = 1
        (gradient,) = torch.autograd.grad(scores, batch, signal)
    return interpolate(gradient, image.shape[1:], mode="bilinear", align_corners=False)
