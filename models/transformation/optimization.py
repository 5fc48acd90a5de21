"""Pictures found by optimisation: the pixels are the parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

Optimiser = Literal["adam", "lbfgs"]

RATE = {"adam": 0.03, "lbfgs": 1.0}  # Adam's in units of the range [-1, 1]


def optimise_pictures(
    start: Tensor, loss: Callable[[Tensor], Tensor], steps: int, optimiser: Optimiser = "adam"
) -> Tensor:
    """Moves pictures down a loss.

    Args:
        start: (N, 3, H, W) RGB in [-1, 1].
        loss: Of such pictures, a scalar; the sum over pictures, so that they do not slow each
            other down.
        steps: Evaluations of the loss, at most.
        optimiser: ``lbfgs`` sees all pictures as one problem; ``adam`` goes pixel by pixel.

    Returns:
        Pictures of the same shape in [-1, 1].
    """
    with torch.enable_grad():
        pictures = start.detach().clone().requires_grad_(True)

        def closure() -> Tensor:
            method.zero_grad()
            value = loss(pictures)
            (pictures.grad,) = torch.autograd.grad(value, pictures)
            return value

        method: torch.optim.Optimizer
        if optimiser == "lbfgs":
            method = torch.optim.LBFGS([pictures], RATE["lbfgs"], steps, steps)
            method.step(closure)
        else:
            method = torch.optim.Adam([pictures], RATE["adam"])
            for _ in range(steps):
                method.step(closure)
                with torch.no_grad():
                    pictures.clamp_(-1, 1)
    return pictures.detach().clamp(-1, 1)
