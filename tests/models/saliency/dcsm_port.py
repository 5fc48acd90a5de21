"""DCSM a second time, to compare with: NumPy, plain loops, one backward pass for each class.

Written from the description of the authors' procedures alone and sharing nothing with
``tag2mask.models.saliency``: gradients are propagated by hand, layer by layer, and resizing is
written out. Slow, and only for taggers in double precision whose backbone is a chain of plain
layers.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional, grad

from tag2mask.models.tagging import Tagger

Array = np.ndarray


def bilinear(image: Array, height: int, width: int) -> Array:
    """(H, W) to (height, width): pixels are squares, and the edge goes on beyond the border."""

    def weights(source: int, target: int) -> Array:
        matrix = np.zeros((target, source))
        for i in range(target):
            place = min(max((i + 0.5) * source / target - 0.5, 0), source - 1)
            low = int(place)
            high = min(low + 1, source - 1)
            matrix[i, low] += 1 - (place - low)
            matrix[i, high] += place - low
        return matrix

    return weights(image.shape[0], height) @ image @ weights(image.shape[1], width).T


def plain_layers(layer: nn.Module) -> list[nn.Module]:
    if isinstance(layer, nn.Sequential):
        return [plain for child in layer for plain in plain_layers(child)]
    return [layer]


def backward(layer: nn.Module, x: Tensor, gradient: Tensor) -> Tensor:
    """The gradient of a layer's input; a rectifier passes positive values both ways."""
    if isinstance(layer, nn.Conv2d):
        return grad.conv2d_input(
            x.shape,
            layer.weight,
            gradient,
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
        )
    if isinstance(layer, nn.BatchNorm2d) and layer.running_var is not None:
        factor = layer.weight / torch.sqrt(layer.running_var + layer.eps)
        return gradient * factor[None, :, None, None]
    if isinstance(layer, nn.MaxPool2d):
        _, winners = functional.max_pool2d(
            x,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            ceil_mode=layer.ceil_mode,
            return_indices=True,
        )
        spread = torch.zeros_like(x).flatten(2)
        return spread.scatter_add(2, winners.flatten(2), gradient.flatten(2)).view_as(x)
    if isinstance(layer, nn.ReLU):
        return gradient * (x > 0) * (gradient > 0)
    raise TypeError(f"no backward pass for {type(layer).__name__}")


@torch.no_grad()
def guided_gradients(tagger: Tagger, image: Tensor, class_index: int) -> dict[str, Array]:
    """By tap, lowest first: the signed gradient (channels, h, w) at its input."""
    backbone = tagger.backbone
    x = (image[None] - backbone.mean) / backbone.std
    passed = []
    for name, part in backbone.layers.items():
        for number, layer in enumerate(plain_layers(part)):
            passed.append((name if number == 0 else "", layer, x))
            x = layer(x)
    maps = tagger.classifier(x)
    gradient = torch.zeros_like(maps)
    gradient[:, class_index] = 1
    gradient = backward(tagger.classifier, x, gradient)
    found = {}
    for name, layer, x in reversed(passed):
        gradient = backward(layer, x, gradient)
        if name in backbone.taps:
            found[name] = gradient[0].numpy()
        if name == backbone.taps[0]:
            break
    return {name: found[name] for name in backbone.taps}


@torch.no_grad()
def image_scores(tagger: Tagger, image: Tensor) -> Array:
    """The highest logit of each class anywhere."""
    return tagger(image[None]).class_maps[0].amax(dim=(1, 2)).numpy()


def scaled(image: Array, height: int, width: int) -> Tensor:
    channels = [bilinear(channel, height, width) for channel in image]
    return torch.from_numpy(np.stack(channels))


def topped_up(tags: list[int], evidence: Array, number: int) -> list[int]:
    others = sorted(set(range(len(evidence))) - set(tags), key=lambda c: -evidence[c])
    return tags + others[: max(0, number - len(tags))]


def matlab_dcsm(tagger: Tagger, image: Tensor, tags: list[int], canvas: int) -> Array:
    """The reference procedure: (T, H, W)."""
    height, width = image.shape[1:]
    factor = canvas / max(height, width)
    inner = (round(height * factor), round(width * factor))
    top, left = (canvas - inner[0]) // 2, (canvas - inner[1]) // 2
    laid = np.zeros((3, canvas, canvas))
    original = scaled(image.numpy(), *inner).numpy()
    laid[:, top : top + inner[0], left : left + inner[1]] = original

    inputs = [scaled(laid, round(s * canvas), round(s * canvas)) for s in (0.8, 1.0, 1.2)]
    seen = [1 / (1 + np.exp(-image_scores(tagger, scale))) for scale in inputs]
    candidates = topped_up(tags, np.sum(seen, axis=0), 4)

    maps = []
    for tag in tags:
        total = np.zeros((canvas, canvas))
        at_no_scale = all(scores[tag] <= 0.5 for scores in seen)
        for scale, scores in zip(inputs, seen, strict=True):
            if scores[tag] <= 0.5 and not at_no_scale:
                continue
            gradients = {c: guided_gradients(tagger, scale, c) for c in candidates}
            for tap in tagger.backbone.taps:
                strength = {
                    c: bilinear(np.abs(gradients[c][tap]).max(axis=0), canvas, canvas)
                    for c in candidates
                }
                for opponent in candidates:
                    difference = strength[tag] - strength[opponent]
                    if opponent == tag or difference.max() <= 0:
                        continue
                    squashed = np.tanh(3 * difference / difference.max())
                    total += np.where(squashed > 0, squashed, 0)
        cropped = total[top : top + inner[0], left : left + inner[1]]
        if cropped.max() > 0:
            cropped = np.tanh(3 * cropped / cropped.max())
            cropped = cropped / cropped.max()
        maps.append(bilinear(cropped, height, width))
    return np.stack(maps)


def caffe_dcsm(tagger: Tagger, image: Tensor, tags: list[int], canvas: int) -> Array:
    """The authors' Caffe layers: (T, H, W)."""

    def max_normalized(values: Array) -> Array:
        highest = values.max()
        return np.tanh(3 * values / highest) if highest > 0 else np.zeros_like(values)

    warped = scaled(image.numpy(), canvas, canvas)
    candidates = topped_up(tags, image_scores(tagger, warped), 3)
    gradients = {c: guided_gradients(tagger, warped, c) for c in candidates}
    maps = []
    for tag in tags:
        total = np.zeros((canvas, canvas))
        for tap in tagger.backbone.taps:
            strength = {c: gradients[c][tap].max(axis=0) for c in candidates}
            stacked = np.zeros_like(strength[tag])
            for opponent in candidates:
                if opponent != tag:
                    stacked += max_normalized(strength[tag] - strength[opponent])
            total += bilinear(max_normalized(stacked), canvas, canvas)
        highest = total.max()
        final = np.maximum(total / highest, 0) if highest > 0 else np.zeros_like(total)
        maps.append(bilinear(final, *image.shape[1:]))
    return np.stack(maps)
