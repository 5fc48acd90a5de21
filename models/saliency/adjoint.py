"""Convolutions whose backward pass is a convolution too, because libraries are faster at it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from tag2mask.models.saliency.winograd import convolve, transformed

# With fewer channels, Winograd's transforms cost more than they save.
WINOGRAD_CHANNELS = 128


class AdjointConv2d(nn.Module):
    """A convolution of stride one that sends gradients back by its mirrored filters.

    It is the same function with the same gradient of its input, for frozen layers. A library's own
    backward pass may take a slow path. Dilated depthwise filters took 20 times as long as the
    mirrored convolution.

    Args:
        layer: The layer, padded equally on both sides; its weights get no gradient.
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
        # A GPU's library has Winograd's filtering itself, without memory for its filters.
        suits = suits and weight.device.type == "cpu"
        filters = transformed(mirrored) if large and suits else None
        self.register_buffer("winograd", filters, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """The layer's output for (N, C, H, W)."""
        return _Adjoint.apply(x, self)

    def send_back(self, gradient: Tensor, extent: torch.Size) -> Tensor:
        """The gradient of the input, of the size ``extent``, from that of the output."""
        layer = self.layer
        if layer.kernel_size == (1, 1) and layer.groups == 1:
            places = gradient.permute(0, 2, 3, 1)
            return (places @ self.mirrored[:, :, 0, 0].T).permute(0, 3, 1, 2)
        if self.winograd is not None and gradient.shape[2:] == extent:
            return convolve(gradient, self.winograd, layer.dilation[0])
        # A layer may pad by itself before it convolves. Its sizes give the padding.
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
    """Folds the mapped axis of ``torch.vmap`` into the batch, for one call instead of many."""

    @staticmethod
    def forward(gradient: Tensor, module: AdjointConv2d, extent: torch.Size) -> Tensor:
        return module.send_back(gradient, extent)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:  # noqa: ANN401
        """Keeps nothing, because there is no second derivative."""

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
    """The layer as :class:`AdjointConv2d` if its stride is one, else as it is."""
    if isinstance(layer, nn.Conv2d) and layer.stride == (1, 1) and layer.padding_mode == "zeros":
        return AdjointConv2d(layer)
    return layer
