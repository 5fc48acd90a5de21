"""Convolutions whose backward pass is a convolution too, which libraries are faster at."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d


class AdjointConv2d(nn.Module):
    """A convolution of stride one that sends gradients back by its mirrored filters.

    The same function with the same gradient of its input, for frozen layers. A library's own
    backward pass may fall back to a slow path; dilated ones for each channel took twenty
    times as long as the mirrored convolution does.

    Args:
        layer: Padded equally on both sides; its weights get no gradient.
    """

    mirrored: Tensor

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.layer = layer
        groups, weight = layer.groups, layer.weight.detach()
        mirrored = weight.unflatten(0, (groups, -1)).transpose(1, 2).flip(3, 4).flatten(0, 1)
        self.register_buffer("mirrored", mirrored.contiguous(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """What the layer makes of (N, C, H, W)."""
        return _Adjoint.apply(x, self.mirrored, self.layer)


class _Adjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, mirrored: Tensor, layer: nn.Conv2d) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(mirrored)
        ctx.layer, ctx.extent = layer, x.shape[2:]
        return layer(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        (mirrored,) = ctx.saved_tensors
        layer: nn.Conv2d = ctx.layer
        if mirrored.shape[2:] == (1, 1) and layer.groups == 1:
            places = gradient.permute(0, 2, 3, 1)
            return (places @ mirrored[:, :, 0, 0].T).permute(0, 3, 1, 2), None, None
        # A layer may pad by itself before it convolves: its sizes tell by how much.
        padding = [
            (dilation * (kernel - 1) + before - after) // 2
            for dilation, kernel, before, after in zip(
                layer.dilation, layer.kernel_size, ctx.extent, gradient.shape[2:], strict=True
            )
        ]
        sent = conv2d(gradient, mirrored, None, 1, padding, layer.dilation, layer.groups)
        return sent, None, None


def with_adjoints(layer: nn.Module) -> nn.Module:
    """The layer as :class:`AdjointConv2d` where its stride is one, else as it is."""
    if isinstance(layer, nn.Conv2d) and layer.stride == (1, 1) and layer.padding_mode == "zeros":
        return AdjointConv2d(layer)
    return layer
