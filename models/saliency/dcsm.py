"""Distinct Class-specific Saliency Maps (Shimoda & Yanai, ECCV 2016).

``Dcsm`` follows the authors' MATLAB reference procedure step by step. ``DcsmCaffe`` is their other
version, with other normalizations and signs. T is the number of tags, C' the number of candidates
(at least four), L the number of layers that are read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tag2mask.models.folding import folded
from tag2mask.models.saliency.adjoint import with_adjoints
from tag2mask.models.saliency.guided import guided
from tag2mask.models.saliency.rewiring import rewired
from tag2mask.models.tagging import Tagger

SHARPNESS = 3.0  # factor inside every tanh
SCALES = (0.8, 1.0, 1.2)
CANVAS = 500  # side of the square canvas, in pixels
CANDIDATES = 4  # an image with fewer classes gets opponents up to this number
CAFFE_CANVAS = 512
CAFFE_CANDIDATES = 3
PRESENCE = 0.5  # a class is present at a scale if its highest probability is above this


class Response:
    """A tagger's class maps of one image, and their gradients at the taps.

    Args:
        maps: (1, C, h, w), the class maps with their graph.
        inputs: The inputs of the taps in that graph.
    """

    def __init__(self, maps: Tensor, inputs: Sequence[Tensor]) -> None:
        self._maps = maps
        self._inputs = inputs
        self.probabilities = maps.detach().amax(dim=(0, 2, 3)).sigmoid()

    def gradients(self, classes: Tensor) -> list[Tensor]:
        """Signed gradients of class channels: for each tap (C', channels, h, w).

        The signal is one over the whole channel of a class, not at its maximum alone. All classes
        are propagated back through one graph, which is freed afterwards.
        """
        signals = self._maps.new_zeros(len(classes), *self._maps.shape)
        signals[torch.arange(len(classes)), 0, classes] = 1

        def back(signal: Tensor) -> tuple[Tensor, ...]:
            return torch.autograd.grad(self._maps, self._inputs, signal)

        return [gradient[:, 0] for gradient in torch.vmap(back)(signals)]


class GuidedGradients(nn.Module):
    """Guided gradients of class channels with respect to the inputs of the taps.

    An image goes through the network once for any number of classes. There is no graph below the
    lowest tap, where the backward pass stops.

    Args:
        tagger: The classifier; it is copied, not changed.
        taps: Names of the backbone's layers whose inputs are read.
    """

    def __init__(self, tagger: Tagger, taps: Sequence[str]) -> None:
        super().__init__()
        network = rewired(guided(folded(tagger)), (nn.Conv2d,), with_adjoints)
        self.tagger = network.to(memory_format=torch.channels_last)
        self.taps = [name for name in tagger.backbone.layers if name in set(taps)]
        if len(self.taps) != len(set(taps)) or not self.taps:
            raise ValueError(f"unknown taps among {taps}: layers are {[*tagger.backbone.layers]}")

    def forward(self, image: Tensor) -> Response:
        """The tagger's response to (1, 3, H, W)."""
        backbone = self.tagger.backbone
        with torch.no_grad():
            lowest = backbone.below(image, self.taps[0])
        with torch.enable_grad():
            lowest = lowest.contiguous(memory_format=torch.channels_last).requires_grad_()
            top, inputs = backbone.above(lowest, self.taps)
            return Response(self.tagger.classifier(top), [inputs[tap] for tap in self.taps])


def squashed(maps: Tensor) -> Tensor:
    """tanh(3 m / max m) of (..., H, W); zeros where the maximum is not positive."""
    highest = maps.amax(dim=(-2, -1), keepdim=True)
    return torch.tanh(SHARPNESS * maps / torch.where(highest > 0, highest, torch.inf))


def rectified_difference(one: Tensor, other: Tensor) -> Tensor:
    """The difference of one class from another: tanh(3 d / max d), negatives to zero.

    The reference divides without a check. The difference of a class that is weaker than its
    opponent at every pixel has a negative maximum, and the division makes the whole map positive.
    Here such a pair contributes exactly zero, as in the authors' Caffe layer.

    Args:
        one: (..., H, W) gradient magnitudes of the class.
        other: (..., H, W) gradient magnitudes of the opponent.

    Returns:
        (..., H, W) in [0, 1).
    """
    # Rectifying first changes nothing and lets all steps share one piece of memory.
    lead = (one - other).clamp_(min=0)
    highest = lead.amax(dim=(-2, -1), keepdim=True)
    return lead.mul_(SHARPNESS / torch.where(highest > 0, highest, torch.inf)).tanh_()


def normalized(maps: Tensor) -> Tensor:
    """tanh(3 m / max m) / tanh(3), so that a map (..., H, W) has the maximum 1, or is 0."""
    return squashed(maps) / math.tanh(SHARPNESS)


def with_opponents(classes: Tensor, evidence: Tensor, number: int = CANDIDATES) -> Tensor:
    """The given classes and the strongest others, so that each class has opponents.

    Args:
        classes: (T,) the tags.
        evidence: (C,), the probability of each class, summed over the scales.
        number: Least number of classes.

    Returns:
        (max(T, min(number, C)),) with the given classes first.
    """
    others = evidence.clone()
    others[classes] = -torch.inf
    missing = max(0, min(number, len(evidence)) - len(classes))
    return torch.cat([classes, others.topk(missing).indices])


def lay_on_canvas(image: Tensor, side: int) -> tuple[Tensor, tuple[slice, slice]]:
    """An image centered on a black square, its longer side resized to the square's.

    Args:
        image: (3, H, W) in [0, 255].
        side: Side of the square, in pixels.

    Returns:
        The canvas (1, 3, side, side), and the rows and columns that the image covers.
    """
    scale = side / max((image.shape[1], image.shape[2]))
    height, width = (max(1, round(extent * scale)) for extent in (image.shape[1], image.shape[2]))
    place = tuple(
        slice((side - extent) // 2, (side - extent) // 2 + extent) for extent in (height, width)
    )
    canvas = image.new_zeros(1, 3, side, side)
    canvas[0, :, place[0], place[1]] = resize_bilinear(image, (height, width))
    return canvas.contiguous(memory_format=torch.channels_last), (place[0], place[1])


def resize_bilinear(maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear resize of (K, H, W) to (K, *size)."""
    if tuple(maps.shape[-2:]) == size:
        return maps
    return interpolate(maps[None], size, mode="bilinear", align_corners=False)[0]


class Dcsm:
    """DCSM as the authors' MATLAB reference computes it.

    For each scale, layer and opponent, the difference of two classes' guided gradients is taken
    (channel maximum of the absolute value, upsampled to the canvas). It is divided by its own
    maximum, squashed, rectified and summed, and the sum is normalized once more. A class
    accumulates only at the scales at which its highest probability is above 0.5, because the
    normalization of each pair would give an absent class a map of full contrast. A tag below
    that at every scale accumulates at all scales, because tags are trusted when images are
    labeled.

    Args:
        tagger: The multi-label classifier.
        taps: Layers whose inputs are read; by default the backbone's own.
        scales: Sizes of the canvas relative to ``canvas``.
        canvas: Side of the square canvas, in pixels, to which the longer side of an image is
            resized. Padding is black, as in the reference.
        candidates: Least number of classes in the differences. With 0 there are no differences,
            and every class stands alone (without the paper's second improvement).
    """

    def __init__(
        self,
        tagger: Tagger,
        *,
        taps: Sequence[str] | None = None,
        scales: Sequence[float] = SCALES,
        canvas: int = CANVAS,
        candidates: int = CANDIDATES,
    ) -> None:
        self.gradients = GuidedGradients(tagger, taps or tagger.backbone.taps)
        self.scales = tuple(scales)
        self.canvas = canvas
        self.candidates = candidates

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        canvas, place = lay_on_canvas(image, self.canvas)
        sides = [round(scale * self.canvas) for scale in self.scales]
        responses = [
            self.gradients(resize_bilinear(canvas[0], (side, side))[None]) for side in sides
        ]
        seen = torch.stack([response.probabilities for response in responses])
        chosen = with_opponents(classes, seen.sum(0), self.candidates)
        gates = seen[:, classes] > PRESENCE
        gates |= ~gates.any(dim=0)
        total = image.new_zeros(len(classes), self.canvas, self.canvas)
        for response, gate in zip(responses, gates, strict=True):
            if not gate.any():
                continue
            for gradient in response.gradients(chosen):
                magnitudes = gradient.abs().amax(dim=1)
                total[gate] += self.distinct(magnitudes, len(classes))[gate]
        return resize_bilinear(
            normalized(total[:, place[0], place[1]]), (image.shape[1], image.shape[2])
        )

    def distinct(self, magnitudes: Tensor, targets: int) -> Tensor:
        """Sums the differences of the first classes with all opponents, for one layer.

        Args:
            magnitudes: (C', h, w), the targets first.
            targets: Number T of tags.

        Returns:
            (T, canvas, canvas), at least 0.
        """
        magnitudes = resize_bilinear(magnitudes, (self.canvas, self.canvas))
        if self.candidates == 0 or len(magnitudes) == 1:
            # There is no opponent, as for a tagger of one class, so the class stands alone.
            return rectified_difference(magnitudes[:targets], torch.zeros_like(magnitudes[0]))
        sums = []
        for index in range(targets):
            opponents = torch.cat([magnitudes[:index], magnitudes[index + 1 :]])
            sums.append(rectified_difference(magnitudes[index], opponents).sum(dim=0))
        return torch.stack(sums)


class DcsmCaffe:
    """DCSM as the authors' later Caffe layers compute it, not to be mixed with :class:`Dcsm`.

    It has one warped 512 px input, three candidates, a signed channel maximum and a subtraction
    before the upsampling. Negative differences are kept until the end.

    Args:
        tagger: The multi-label classifier.
        taps: Layers whose inputs are read; by default the backbone's own.
        canvas: Side of the square into which images are warped, in pixels.
    """

    def __init__(
        self, tagger: Tagger, *, taps: Sequence[str] | None = None, canvas: int = CAFFE_CANVAS
    ) -> None:
        self.gradients = GuidedGradients(tagger, taps or tagger.backbone.taps)
        self.canvas = canvas

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) in [0, 1] for (3, H, W) in [0, 255]; see :class:`Scorer`."""
        warped = resize_bilinear(image, (self.canvas, self.canvas))[None]
        response = self.gradients(warped)
        chosen = with_opponents(classes, response.probabilities, CAFFE_CANDIDATES)
        total = image.new_zeros(len(classes), self.canvas, self.canvas)
        for gradient in response.gradients(chosen):
            strongest = gradient.amax(dim=1)
            for index in range(len(classes)):
                opponents = strongest[torch.arange(len(chosen)) != index]
                # For a tagger of one class nothing is subtracted.
                pairs = strongest[index] - opponents if len(opponents) else strongest[[index]]
                layer = squashed(squashed(pairs).sum(dim=0))
                total[index] += resize_bilinear(layer[None], (self.canvas, self.canvas))[0]
        highest = total.amax(dim=(1, 2), keepdim=True)
        maps = (total / highest.clamp(min=torch.finfo().tiny)).clamp(0, 1)
        return resize_bilinear(maps, (image.shape[1], image.shape[2]))
