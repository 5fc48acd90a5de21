"""Guided back-propagation (Springenberg et al., ICLR workshop 2015)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from tag2mask.models.saliency.rewiring import Network, rewired

RECTIFIERS = (nn.ReLU, nn.ReLU6)


class GuidedReLU(nn.Module):
    """A rectifier whose backward pass lets only positive gradients through.

    The gradient is masked twice: by the active inputs and by its own sign.

    Args:
        rectifier: ``nn.ReLU`` or ``nn.ReLU6``.
    """

    def __init__(self, rectifier: nn.Module) -> None:
        super().__init__()
        self.ceiling = 6.0 if isinstance(rectifier, nn.ReLU6) else math.inf

    def forward(self, x: Tensor) -> Tensor:
        """Rectifies, out of place, because the input may be a tap's own tensor."""
        return _Guided.apply(x, self.ceiling)


class _Guided(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, ceiling: float) -> Tensor:  # noqa: ANN401
        y = x.clamp(0, ceiling)
        ctx.save_for_backward(y)
        ctx.ceiling = ceiling
        return y

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        (y,) = ctx.saved_tensors
        passed = torch.ops.aten.hardtanh_backward(gradient, y, 0, ctx.ceiling)
        return passed.relu_(), None


def guided(network: Network) -> Network:
    """A frozen copy of a network in evaluation mode, with every rectifier guided.

    Args:
        network: A network whose rectifiers are ``nn.ReLU`` or ``nn.ReLU6`` modules inside it.

    Returns:
        The copy; the network itself is unchanged.
    """
    return rewired(network, RECTIFIERS, GuidedReLU)
