"""The DenseCRF in PyTorch: many images at once, on a GPU if there is one.

It has the same lattice and the same steps as the compiled member. Sums over the pixels of a corner
run in the order of the pixels, because atomic additions would change the last bits from call to
call.

Shapes are B images padded to H rows and W columns, P = B H W pixels and M corners.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from tag2mask.models.crf.base import Crf
from tag2mask.models.crf.mean_field import Kernel, gaussian_taps, mean_field
from tag2mask.models.crf.parameters import CrfParameters
from tag2mask.models.crf.permutohedral import (
    CORNERS,
    FEATURES,
    GAIN,
    IMAGE_FACTOR,
    KEY_FACTORS,
    KEY_STEPS,
    LIFT,
)

# The logarithm for labels that an image does not have; infinity would become NaN.
_ABSENT = -1e4


class TorchCrf(Crf):
    """All images of a call at once.

    Args:
        parameters: Weights and widths.
        device: Name of the device; by default a GPU if there is one.
    """

    def __init__(self, parameters: CrfParameters, device: str | None = None) -> None:
        super().__init__(parameters)
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")

    @torch.no_grad()
    def refine(
        self, images: Sequence[np.ndarray], log_unaries: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        """All images at once, padded to the largest and to the most labels."""
        if not images:
            return []
        settings = self.parameters
        padded = self._padded([image.transpose(2, 0, 1) for image in images], 0)
        inside = self._padded([np.ones((1, *i.shape[:2]), np.float32) for i in images], 0)
        unary = self._padded(log_unaries, _ABSENT)
        bilateral = BatchedLattice(padded, settings.bilateral_sxy, settings.bilateral_srgb)
        kernels = [
            Kernel(bilateral, inside, settings.bilateral_weight),
            Kernel(BatchedGaussian(settings.gaussian_sxy), inside, settings.gaussian_weight),
        ]
        marginals = mean_field(unary, kernels, settings.iterations).cpu().numpy()
        return [
            found[tuple(slice(extent) for extent in given.shape)]
            for found, given in zip(marginals, log_unaries, strict=True)
        ]

    def _padded(self, arrays: Sequence[np.ndarray], value: float) -> Tensor:
        shape = np.max([array.shape for array in arrays], axis=0)
        stacked = np.full((len(arrays), *shape), value, np.float32)
        for target, array in zip(stacked, arrays, strict=True):
            target[tuple(slice(extent) for extent in array.shape)] = array
        return torch.from_numpy(stacked).to(self.device)


class BatchedGaussian:
    """Filters with ``exp(-|dp|²/2 sxy²)``, cut off at three times its width.

    Args:
        sxy: Width in pixels.
    """

    def __init__(self, sxy: float) -> None:
        self._taps = gaussian_taps(sxy).tolist()

    def __call__(self, values: Tensor) -> Tensor:
        """(B, C, H, W), each channel filtered, with zeros beyond the border."""
        # Sums of shifted copies, because a library's convolution may choose another order of
        # summation for another number of images.
        _, _, height, width = values.shape
        radius = len(self._taps) // 2
        padded = pad(values, (radius, radius, radius, radius))
        column = torch.zeros_like(padded[:, :, :height])
        for place, tap in enumerate(self._taps):
            column += tap * padded[:, :, place : place + height]
        smooth = torch.zeros_like(values)
        for place, tap in enumerate(self._taps):
            smooth += tap * column[:, :, :, place : place + width]
        return smooth


class BatchedLattice:
    """Filters with ``exp(-|dp|²/2 sxy² - |dI|²/2 srgb²)`` inside of each image.

    Args:
        images: (B, 3, H, W) float in [0, 255].
        sxy: Width in pixels.
        srgb: Width in gray levels.
    """

    def __init__(self, images: Tensor, sxy: float, srgb: float) -> None:
        first, order, weights = _locate(images, sxy, srgb)
        steps = torch.from_numpy(KEY_STEPS).to(images.device)
        walked = steps[order].cumsum(dim=1).roll(1, dims=1)
        walked[:, 0] = 0
        keys = first[:, None] + walked
        found, corners = keys.unique(return_inverse=True)
        self._weights = weights
        self._corners = corners
        # A stable sort keeps the pixels of a corner in their order.
        self._touches = corners.flatten().argsort(stable=True)
        self._lengths = corners.flatten().bincount(minlength=len(found))
        self._up = [_places(found, found + step) for step in steps]
        self._down = [_places(found, found - step) for step in steps]

    def __call__(self, values: Tensor) -> Tensor:
        """(B, C, H, W), each channel filtered."""
        batch, channels, height, width = values.shape
        flat = values.permute(0, 2, 3, 1).reshape(-1, channels)
        sent = (self._weights.reshape(-1, 1)[self._touches]) * flat[self._touches // CORNERS]
        splat = torch.segment_reduce(sent, "sum", lengths=self._lengths, axis=0)
        # One more corner, always zero, represents neighbors that no pixel touches.
        values = pad(splat, (0, 0, 0, 1))
        for up, down in zip(self._up, self._down, strict=True):
            values = pad(values[:-1] + (values[up] + values[down]) / 2, (0, 0, 0, 1))
        # Added one by one, because a library's sum chooses its order by the number of channels,
        # which depends on the image with the most labels.
        sliced = torch.zeros_like(flat)
        for weights, corners in zip(self._weights.T, self._corners.T, strict=True):
            sliced += GAIN * weights[:, None] * values[corners]
        return sliced.reshape(batch, height, width, channels).permute(0, 3, 1, 2)


def _locate(images: Tensor, sxy: float, srgb: float) -> tuple[Tensor, Tensor, Tensor]:
    """The simplex of every pixel.

    Returns:
        The key of its first corner (P,), the directions from each corner to the next (P, 6), and
        the barycentric weights of the corners (P, 6).
    """
    batch, _, height, width = images.shape
    device = images.device
    y = torch.arange(height, device=device).view(1, -1, 1).expand(batch, -1, width)
    x = torch.arange(width, device=device).view(1, 1, -1).expand(batch, height, -1)
    widths = torch.tensor([sxy] * 2 + [srgb] * 3, device=device)
    features = torch.stack([x, y, *images.unbind(dim=1)], dim=-1).reshape(-1, FEATURES)
    lifted = features * (torch.from_numpy(LIFT).to(device) / widths)
    # The product with the lifting matrix: later features, less a multiple of the earlier ones.
    after = pad(lifted.flip(1).cumsum(dim=1).flip(1), (0, 1))
    multiples = torch.arange(CORNERS, device=device)
    raised = after - multiples * pad(lifted, (1, 0))

    # The nearest point whose coordinates are multiples of six. If it lies beside the plane, the
    # coordinates at the ends of the order are moved until it is on the plane.
    nearest = (raised / CORNERS + 0.5).floor() * CORNERS
    rest = raised - nearest
    order = rest.argsort(dim=1, descending=True, stable=True)
    rank = order.argsort(dim=1) + (nearest.sum(dim=1, keepdim=True) / CORNERS).round().long()
    moves = CORNERS * ((rank < 0).long() - (rank >= CORNERS).long())
    nearest += moves
    rest = raised - nearest
    order = (FEATURES - rank - moves).argsort(dim=1)

    sorted_rest = rest.gather(1, order) / CORNERS
    weights = sorted_rest - sorted_rest.roll(1, dims=1)
    weights[:, 0] += 1
    factors = torch.from_numpy(KEY_FACTORS).to(device)
    image = torch.arange(batch, device=device).repeat_interleave(height * width)
    first = (nearest.long() * factors).sum(dim=1) + IMAGE_FACTOR * image
    return first, order, weights


def _places(found: Tensor, keys: Tensor) -> Tensor:
    """The places of keys in the sorted ``found``; one behind the end for missing keys."""
    places = torch.searchsorted(found, keys).clamp(max=len(found) - 1)
    return torch.where(found[places] == keys, places, len(found))
