"""Guided back-propagation (Springenberg et al., ICLR workshop 2015)."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn


class GuidedReLU(nn.Module):
    """A rectifier whose backward pass lets only positive gradients through.

    The gradient is masked twice: by the sign of the input, which the rectifier does, and
    by its own sign, which the hook on the output does before the rectifier sees it.
    """

    def __init__(self, rectifier: nn.Module) -> None:
        super().__init__()
        self.rectifier = rectifier

    def forward(self, x: Tensor) -> Tensor:
        """Rectifies; the hook exists only where gradients are recorded."""
        # The rectifier must not work in place: its output may be the tap's own tensor.
        y = self.rectifier(x)
        if y.requires_grad:
            y.register_hook(torch.relu)
        return y


def guided(module: nn.Module) -> nn.Module:
    """A frozen copy of a network in evaluation mode, with every rectifier guided.

    Args:
        module: Any network whose rectifiers are ``nn.ReLU`` or ``nn.ReLU6`` modules.

    Returns:
        The copy; the network itself is not touched.
    """
    copied = copy.deepcopy(module).eval().requires_grad_(False)
    if isinstance(copied, nn.ReLU | nn.ReLU6):
        return GuidedReLU(type(copied)(inplace=False))
    _guide_children(copied)
    return copied


def _guide_children(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.ReLU | nn.ReLU6):
            setattr(module, name, GuidedReLU(type(child)(inplace=False)))
        else:
            _guide_children(child)
