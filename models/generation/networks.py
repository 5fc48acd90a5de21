"""Networks of the GAN family: DCGAN's, for images, clips and voxels of any size.

DCGAN (Radford, Metz & Chintala, 2015): strided convolutions alone, batch normalization
(Ioffe & Szegedy, 2015) everywhere but at the generator's end and the discriminator's
beginning, weights drawn from N(0, 0.02).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from math import prod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tag2mask.models.adversarial import SLOPE, initialize
from tag2mask.models.generation.conditions.base import ConditionInputs, Reader

Shape = tuple[int, ...]

# By the number of axes of the output or the input.
CONVOLUTIONS: dict[int, Callable[..., nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED: dict[int, Callable[..., nn.Module]] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
NORMALIZATIONS: dict[int, Callable[..., nn.Module]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
WIDEST = 8  # times the width of the finest maps


def pyramid(shape: Shape, coarsest: int) -> list[Shape]:
    """Shapes from the coarsest to the given one; even axes are halved down to ``coarsest``."""
    shapes = [shape]
    while True:
        finer = shapes[0]
        coarser = tuple(n // 2 if n % 2 == 0 and n > coarsest else n for n in finer)
        if coarser == finer:
            return shapes
        shapes.insert(0, coarser)


def widths(levels: int, width: int) -> list[int]:
    """Channels from the coarsest level on, each half of those before, the last ``width``."""
    return [width * min(WIDEST, 2**level) for level in reversed(range(levels))]


def _kernel(coarse: Shape, fine: Shape) -> dict[str, Shape]:
    """A kernel of 4 and a stride of 2 on axes that double, of 3 and 1 on those that stay."""
    doubles = [c != f for c, f in zip(coarse, fine, strict=True)]
    return {
        "kernel_size": tuple(4 if double else 3 for double in doubles),
        "stride": tuple(2 if double else 1 for double in doubles),
        "padding": tuple(1 for _ in doubles),
    }


class Upsampler(nn.Module):
    """A vector to an image, clip or voxels; the last layer is linear and not normalized.

    Args:
        inputs: Length of the vector.
        outputs: Channels of the output.
        shape: Shape of the output: (S, S), (T, S, S) or (S, S, S).
        width: Channels of the last hidden level, 64 in the paper.
        coarsest: Largest extent of the first level, 4 in the paper.
        planes: Channels of maps that every level but the first also gets.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        shape: Shape,
        *,
        width: int,
        coarsest: int = 4,
        planes: int = 0,
    ) -> None:
        super().__init__()
        shapes = pyramid(shape, coarsest)
        channels = widths(len(shapes) - 1, width)
        transposed, normalization = TRANSPOSED[len(shape)], NORMALIZATIONS[len(shape)]
        self.axes = len(shape)
        self.first = transposed(inputs, channels[0], shapes[0], bias=False)
        self.bends = nn.ModuleList(
            nn.Sequential(normalization(number), nn.ReLU()) for number in channels
        )
        self.grow = nn.ModuleList()
        for level, (coarse, fine) in enumerate(pairwise(shapes)):
            last = level == len(channels) - 1
            number = outputs if last else channels[level + 1]
            kernel = _kernel(coarse, fine)
            self.grow.append(transposed(channels[level] + planes, number, **kernel, bias=last))
        initialize(self)

    def begin_at(self, ground: float) -> None:
        """Sets the value around which outputs begin; it is zero otherwise."""
        nn.init.constant_(self.get_parameter(f"grow.{len(self.grow) - 1}.bias"), ground)

    def forward(self, vector: Tensor, planes: Tensor) -> Tensor:
        """(N, Z) and (N, P, h, w) to (N, C, *shape), of any values."""
        x = self.first(vector[(...,) + (None,) * self.axes])
        for bend, grow in zip(self.bends, self.grow, strict=True):
            x = grow(with_planes(bend(x), planes))
        return x


class Downsampler(nn.Module):
    """An image, clip or voxels to features, the reverse of an :class:`Upsampler`.

    Args:
        inputs: Channels of the input.
        shape: Shape of the input.
        width: Channels of the first level.
        coarsest: Largest extent of the features.
        vector: Length of a vector that is joined with the maps of one level.
        joins: Number of that level. IcGAN found the first, 0, to be best; Reed et al. (2016) take
            the last, -1.
    """

    def __init__(
        self,
        inputs: int,
        shape: Shape,
        *,
        width: int,
        coarsest: int = 4,
        vector: int = 0,
        joins: int = 0,
    ) -> None:
        super().__init__()
        shapes = pyramid(shape, coarsest)[::-1]
        channels = widths(len(shapes) - 1, width)[::-1]
        convolution, normalization = CONVOLUTIONS[len(shape)], NORMALIZATIONS[len(shape)]
        self.outputs = features_of(shape, width=width, coarsest=coarsest)
        self.joins = joins % len(channels)
        self.shrink = nn.ModuleList()
        for level, (fine, coarse) in enumerate(pairwise(shapes)):
            number = inputs if level == 0 else channels[level - 1]
            kernel = _kernel(coarse, fine)
            layers: list[nn.Module] = [
                convolution(number, channels[level], **kernel, bias=level == 0)
            ]
            if level:
                layers.append(normalization(channels[level]))
            self.shrink.append(nn.Sequential(*layers, nn.LeakyReLU(SLOPE)))
        number = channels[self.joins]
        # Without a layer of its own the vector would only be added to the next maps.
        self.join = (
            nn.Sequential(convolution(number + vector, number, 1), nn.LeakyReLU(SLOPE))
            if vector
            else None
        )
        initialize(self)

    def forward(self, x: Tensor, vector: Tensor) -> Tensor:
        """(N, C, *shape) and (N, V) to features (N, C', *coarsest shape)."""
        for level, shrink in enumerate(self.shrink):
            x = shrink(x)
            if self.join is not None and level == self.joins:
                x = self.join(with_planes(x, vector[(...,) + (None,) * (x.dim() - 2)]))
        return x


def features_of(shape: Shape, *, width: int, coarsest: int = 4) -> int:
    """The number of values in the features of a :class:`Downsampler`."""
    shapes = pyramid(shape, coarsest)
    return widths(len(shapes) - 1, width)[0] * prod(shapes[0])


def with_planes(x: Tensor, planes: Tensor) -> Tensor:
    """Maps (N, C, *shape) with planes (N, P, ...), averaged or repeated to their shape."""
    if not planes.shape[1]:
        return x
    if planes.shape[2:] != x.shape[2:]:
        mode = "area" if planes.shape[-1] > x.shape[-1] else "nearest"
        planes = interpolate(planes, x.shape[2:], mode=mode)
    return torch.cat([x, planes.to(x.dtype)], dim=1)


class Generator(nn.Module):
    """Noise and a condition to generated samples.

    Args:
        reader: Reads the condition.
        body: Noise with the vector (N, Z + V), and planes, to samples.
        last: The function at the end, such as tanh.
    """

    def __init__(self, reader: Reader, body: nn.Module, last: nn.Module) -> None:
        super().__init__()
        self.reader, self.body, self.last = reader, body, last

    def forward(self, noise: Tensor, inputs: ConditionInputs) -> Tensor:
        """Noise (N, Z) and inputs to (N, C, ...)."""
        condition = self.reader(inputs)
        return self.last(self.body(torch.cat([noise, condition.vector], dim=1), condition.planes))


class DiscriminatorOutput(NamedTuple):
    """The output of a discriminator.

    Attributes:
        logits: (N, L), for being real and matching the condition, if there is one; one logit for
            the whole sample, or one for each of several places.
        features: (N, C, ...), the features of the logits.
    """

    logits: Tensor
    features: Tensor


class Discriminator(nn.Module):
    """Separates real from generated samples.

    Args:
        reader: Reads the condition.
        body: Samples with planes as further channels, and a vector, to features.
        features: Number of values of these features.
    """

    def __init__(self, reader: Reader, body: nn.Module, features: int) -> None:
        super().__init__()
        self.reader, self.body = reader, body
        self.judge = nn.Linear(features, 1)

    def forward(self, made: Tensor, inputs: ConditionInputs) -> DiscriminatorOutput:
        """Samples (N, C, ...) and the inputs that they should match."""
        condition = self.reader(inputs)
        features = self.body(with_planes(made, condition.planes), condition.vector)
        return DiscriminatorOutput(self.judge(features.flatten(1)), features)


class Encoder(nn.Module):
    """Images (N, 3, S, S) to vectors (N, outputs) of any values."""

    def __init__(self, size: int, outputs: int, *, width: int, coarsest: int = 4) -> None:
        super().__init__()
        self.body = Downsampler(3, (size, size), width=width, coarsest=coarsest)
        self.read = nn.Linear(self.body.outputs, outputs)

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        nothing = images.new_zeros(len(images), 0)
        return self.read(self.body(images, nothing).flatten(1))


@contextmanager
def eval_mode(network: nn.Module) -> Iterator[None]:
    """Evaluation mode inside of the block, so that no output depends on the rest of its batch."""
    before = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(before)
