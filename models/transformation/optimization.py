"""Images found by optimization: the pixels are the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Optimizer = Literal["adam", "lbfgs"]

RATE = {"adam": 0.03, "lbfgs": 1.0}  # Adam's rate is in units of the range [-1, 1]


def optimize_images(
    start: Tensor, loss: Callable[[Tensor], Tensor], steps: int, optimizer: Optimizer = "adam"
) -> Tensor:
    """Minimizes a loss of images.

    Args:
        start: (N, 3, H, W) RGB in [-1, 1].
        loss: Images to a scalar, the sum over images, so that they do not slow each other down.
        steps: Largest number of evaluations of the loss.
        optimizer: ``lbfgs`` treats all images as one problem, ``adam`` every pixel by itself.

    Returns:
        Images of the same shape in [-1, 1].
    """
    with torch.enable_grad():
        images = start.detach().clone().requires_grad_(True)

        def closure() -> Tensor:
            method.zero_grad()
            value = loss(images)
            (images.grad,) = torch.autograd.grad(value, images)
            return value

        method: torch.optim.Optimizer
        if optimizer == "lbfgs":
            method = torch.optim.LBFGS([images], RATE["lbfgs"], steps, steps)
            method.step(closure)
        else:
            method = torch.optim.Adam([images], RATE["adam"])
            for _ in range(steps):
                method.step(closure)
                with torch.no_grad():
                    images.clamp_(-1, 1)
    return images.detach().clamp(-1, 1)
