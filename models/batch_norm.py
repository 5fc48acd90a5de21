"""Batch normalization over a batch that several processes share."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, distributed, nn


class _Sum(torch.autograd.Function):
    """The sum over all processes, whose gradient is the sum over their gradients."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ANN401 - torch's own type
        total = values.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        return _Sum.forward(ctx, gradient)


def _sum(values: Tensor) -> Tensor:
    return cast(Tensor, _Sum.apply(values))


class GlobalBatchNorm2d(nn.BatchNorm2d):
    """Batch normalization by the statistics of all processes of the default group.

    As ``torch.nn.SyncBatchNorm``, which is for GPUs alone; in evaluation it is an ordinary
    :class:`torch.nn.BatchNorm2d`, with the same parameters and buffers.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalizes (N, C, H, W); N may differ between the processes."""
        if not self.training:
            return super().forward(x)
        values = x.float()
        count = values.new_tensor(values.numel() // self.num_features)
        distributed.all_reduce(count)
        mean = _sum(values.sum(dim=(0, 2, 3))) / count
        centered = values - mean.view(1, -1, 1, 1)
        # In two passes, because the mean of squares less the square of the mean loses digits if
        # the mean is large.
        variance = _sum(centered.square().sum(dim=(0, 2, 3))) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        scale = self.weight * (variance + self.eps).rsqrt()
        return (centered * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)).to(x.dtype)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        share = cast(float, self.momentum)
        cast(Tensor, self.running_mean).lerp_(mean, share)
        cast(Tensor, self.running_var).lerp_(variance, share)
        cast(Tensor, self.num_batches_tracked).add_(1)


def normalize_globally(model: nn.Module) -> None:
    """Replaces, in place, every layer that normalizes by the statistics of its batch.

    The new layers share the parameters and buffers of the old ones. Layers with frozen
    statistics, which are subclasses of BatchNorm2d, stay as they are.
    """
    for name, layer in model.named_children():
        # torch's own convert_sync_batchnorm would also replace the frozen layers and unfreeze them.
        if type(layer) is nn.BatchNorm2d:
            setattr(model, name, _global(layer))
        else:
            normalize_globally(layer)


def _global(layer: nn.BatchNorm2d) -> GlobalBatchNorm2d:
    with torch.device("meta"):
        twin = GlobalBatchNorm2d(layer.num_features, layer.eps, layer.momentum)
    twin.weight, twin.bias = layer.weight, layer.bias
    twin.running_mean, twin.running_var = layer.running_mean, layer.running_var
    twin.num_batches_tracked = layer.num_batches_tracked
    return twin.train(layer.training)
