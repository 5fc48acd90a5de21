"""Convolutions whose backward pass is a convolution too, which libraries are faster at."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from tag2mask.models.saliency.winograd import convolve, transformed

# Fewer channels are over before the transforms of Winograd's way have paid.
WINOGRAD_CHANNELS = 128


class AdjointConv2d(nn.Module):
    """A convolution of stride one that sends gradients back by its mirrored filters.

    The same function with the same gradient of its input, for frozen layers. A library's own
    backward pass may fall back to a slow path: dilated filters for each channel took twenty
    times as long as the mirrored convolution does.

    Args:
        layer: Padded equally on both sides; its weights get no gradient.
    """

    mirrored: Tensor
    winograd: Tensor | None

    def __init__(self, layer: nn.Conv2d) -> None:
        super().__init__()
        self.layer = layer
        weight = layer.weight.detach()
        mirrored = weight.unflatten(0, (layer.groups, -1)).transpose(1, 2).flip(3, 4).flatten(0, 1)
        self.register_buffer("mirrored", mirrored.contiguous(), persistent=False)
        large = min(weight.shape[:2]) >= WINOGRAD_CHANNELS and layer.groups == 1
        suits = layer.kernel_size == (3, 3) and layer.dilation[0] == layer.dilation[1]
        # A GPU's library has Winograd's way itself, and needs no memory for its filters.
        suits = suits and weight.device.type == "cpu"
        filters = transformed(mirrored) if large and suits else None
        self.register_buffer("winograd", filters, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """What the layer makes of (N, C, H, W)."""
        return _Adjoint.apply(x, self)

    def send_back(self, gradient: Tensor, extent: torch.Size) -> Tensor:
        """The gradient of the input, of the size ``extent``, from that of the output."""
        layer = self.layer
        if layer.kernel_size == (1, 1) and layer.groups == 1:
            places = gradient.permute(0, 2, 3, 1)
            return (places @ self.mirrored[:, :, 0, 0].T).permute(0, 3, 1, 2)
        if self.winograd is not None and gradient.shape[2:] == extent:
            return convolve(gradient, self.winograd, layer.dilation[0])
        # A layer may pad by itself before it convolves: its sizes tell by how much.
        padding = [
            (dilation * (kernel - 1) + before - after) // 2
            for dilation, kernel, before, after in zip(
                layer.dilation, layer.kernel_size, extent, gradient.shape[2:], strict=True
            )
        ]
        return conv2d(gradient, self.mirrored, None, 1, padding, layer.dilation, layer.groups)


class _Adjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, module: AdjointConv2d) -> Tensor:  # noqa: ANN401
        ctx.module, ctx.extent = module, x.shape[2:]
        return module.layer(x)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: ANN401
        return _SentBack.apply(gradient, ctx.module, ctx.extent), None


class _SentBack(torch.autograd.Function):
    """Folds what ``torch.vmap`` maps over into the batch, which is one call and not many."""

    @staticmethod
    def forward(gradient: Tensor, module: AdjointConv2d, extent: torch.Size) -> Tensor:
        return module.send_back(gradient, extent)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401
        """Nothing is kept: there is no second derivative."""

    @staticmethod
    def vmap(
        info: Any,  # noqa: ANN401
        dims: tuple[int, None, None],
        gradient: Tensor,
        module: AdjointConv2d,
        extent: torch.Size,
    ) -> tuple[Tensor, int]:
        sent = module.send_back(gradient.movedim(dims[0], 0).flatten(0, 1), extent)
        return sent.unflatten(0, (info.batch_size, -1)), 0


def with_adjoints(layer: nn.Module) -> nn.Module:
    """The layer as :class:`AdjointConv2d` where its stride is one, else as it is."""
    if isinstance(layer, nn.Conv2d) and layer.stride == (1, 1) and layer.padding_mode == "zeros":
        return AdjointConv2d(layer)
    return layer
