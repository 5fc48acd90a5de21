"""DCSM against its straightforward port: ``python -m tests.benchmarks.dcsm_speed``.

The port does what a first reading of the paper gives: at each scale and for each class one
pass forward and one back, through the whole network down to the pixels. Frameworks compute
gradients of the weights with it unless they are told not to, so it is measured both ways.
Weights are random where no package holds them; one thread; seconds of processor time.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from tag2mask.models.backbones import BACKBONES
from tag2mask.models.saliency.dcsm import (
    SCALES,
    Dcsm,
    lay_on_canvas,
    normalized,
    rectified_difference,
    with_opponents,
)
from tag2mask.models.saliency.guided import guided
from tag2mask.models.tagging import Tagger
from tests.models.randomized import random_images, random_tagger

PRETRAINED = ("efficientnet_lite0",)
HEADING = (
    "| backbone | canvas | DCSM, s | port, frozen weights, s | times | apart "
    "| port, s | times | apart |"
)


class Port:
    """The straightforward DCSM.

    Args:
        tagger: The classifier.
        canvas: Side of the square, in pixels.
        train_weights: Whether gradients of the weights are computed as well.
    """

    def __init__(self, tagger: Tagger, canvas: int, train_weights: bool) -> None:
        self.tagger = guided(tagger).requires_grad_(train_weights)
        self.canvas = canvas

    def __call__(self, image: Tensor, classes: Tensor) -> Tensor:
        """Maps (T, H, W) for (3, H, W) in [0, 255]."""
        canvas, place = lay_on_canvas(image, self.canvas)
        sides = [round(scale * self.canvas) for scale in SCALES]
        scaled = [interpolate(canvas, (side, side), mode="bilinear") for side in sides]
        with torch.no_grad():
            highest = [self.tagger(x).class_maps.amax((0, 2, 3)).sigmoid() for x in scaled]
        seen = torch.stack(highest)
        chosen = with_opponents(classes, seen.sum(0)).tolist()
        total = torch.zeros(len(classes), self.canvas, self.canvas)
        for x, present in zip(scaled, seen > 0.5, strict=True):
            by_class = [self.magnitudes(x, index) for index in chosen]
            for row, index in enumerate(classes.tolist()):
                if present[index] or not (seen[:, index] > 0.5).any():
                    total[row] += differences(by_class, row)
        maps = normalized(total[:, place[0], place[1]])[None]
        return interpolate(maps, image.shape[1:], mode="bilinear")[0]

    def magnitudes(self, x: Tensor, index: int) -> list[Tensor]:
        """For one class and each tap the size of the gradient (canvas, canvas)."""
        backbone = self.tagger.backbone
        first = next(iter(backbone.layers))
        pixels = backbone.normalize(x).requires_grad_()
        top, inputs = backbone.above(pixels, [first, *backbone.taps])
        read = [inputs[tap] for tap in backbone.taps]
        for tensor in read:
            tensor.retain_grad()
        self.tagger.classifier(top)[0, index].sum().backward()
        found = [
            tensor.grad.abs().amax(1, keepdim=True) for tensor in read if tensor.grad is not None
        ]
        size = (self.canvas, self.canvas)
        return [interpolate(maps, size, mode="bilinear")[0, 0] for maps in found]


def differences(by_class: list[list[Tensor]], row: int) -> Tensor:
    """The excess of one class over the others, summed over the taps."""
    return torch.stack(
        [
            rectified_difference(own, others[tap])
            for other, others in enumerate(by_class)
            for tap, own in enumerate(by_class[row])
            if other != row
        ]
    ).sum(0)


def seconds(work: Callable[[], Tensor], repeats: int) -> tuple[float, Tensor]:
    """The least processor time of some runs, and the result."""
    found = []
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        found.append(time.process_time() - start)
    return min(found), result


def measure(backbone: str, canvas: int, tags: int, repeats: int) -> str:
    """A row of the table."""
    tagger = random_tagger(backbone)
    if backbone in PRETRAINED:
        # Random weights let a rounding error in the first layers grow into another map.
        tagger.backbone = BACKBONES[backbone](pretrained=True).eval()
    # All classes are seen, so that no scale is left out.
    torch.nn.init.constant_(tagger.classifier.bias, 100.0)  # type: ignore[arg-type]
    image, classes = random_images(3, canvas * 3 // 4, canvas), torch.arange(tags)
    scorer = Dcsm(tagger, canvas=canvas)
    ours, maps = seconds(lambda: scorer(image, classes), repeats)
    cells = [backbone, str(canvas), f"{ours:.2f}"]
    for train_weights in (False, True):
        port = Port(tagger, canvas, train_weights)
        theirs, expected = seconds(lambda port=port: port(image, classes), repeats)  # type: ignore[misc]
        apart = float((maps - expected).abs().max())
        cells += [f"{theirs:.2f}", f"{theirs / ours:.1f}", f"{apart:.0e}"]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbones", nargs="+", default=["efficientnet_lite0", "vgg16"])
    parser.add_argument("--canvas", type=int, default=288)
    parser.add_argument("--tags", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    print(HEADING)
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for backbone in given.backbones:
        print(measure(backbone, given.canvas, given.tags, given.repeats), flush=True)


if __name__ == "__main__":
    main()
