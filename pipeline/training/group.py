"""The processes of a training: a single one, or several that share the crops of every step.

A data-parallel step is the step that one process would take on the whole batch. Gradients are
those of the mean over the whole batch, whatever the shares, and batch statistics are taken over
the whole batch. So the number of workers changes a training by the order of its sums and by the
draws of dropout alone. Neither difference grows as shares get small.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from tag2mask.models.batch_norm import normalize_globally
from tag2mask.pipeline.training.losses import Mean


class Group(Protocol):
    """The processes of one training, from the point of view of one of them.

    Attributes:
        rank: Number of this process, from 0.
        size: Number of processes.
    """

    rank: int
    size: int

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """The module to call instead of a model, so that all processes train the same one."""
        ...

    def reduce_loss(self, share: Mean) -> tuple[Tensor, Tensor]:
        """The mean over the whole batch, from the mean over this process's share.

        Args:
            share: The mean over this process's crops.

        Returns:
            The objective to back-propagate here, and the mean over the whole batch.
        """
        ...

    def sync_batch_norm(self, model: nn.Module) -> None:
        """Makes batch normalization use the statistics of the whole batch, in place."""
        ...

    def all_agree(self, wanted: bool) -> bool:
        """Whether the argument is true in all processes."""
        ...

    def average_gradients(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None], share: float
    ) -> list[Tensor | None]:
        """Gradients of the whole batch's mean loss, from those of this process's mean.

        Args:
            parameters: The parameters, the same in every process.
            gradients: The gradient of each parameter; None where the loss has none.
            share: This process's share of the batch, from 0 to 1.
        """
        ...


class SingleProcess:
    """A single process, which gets every batch as a whole."""

    rank, size = 0, 1

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """The model itself."""
        return model

    def reduce_loss(self, share: Mean) -> tuple[Tensor, Tensor]:
        """The mean as it is."""
        return share.value, share.value.detach()

    def sync_batch_norm(self, model: nn.Module) -> None:
        """Does nothing, because every batch is whole."""

    def all_agree(self, wanted: bool) -> bool:
        """The argument itself."""
        return wanted

    def average_gradients(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None], share: float
    ) -> list[Tensor | None]:
        """The gradients as they are."""
        return list(gradients)


class DistributedGroup:
    """The default group of ``torch.distributed``, which must be initialized."""

    def __init__(self) -> None:
        self.rank = distributed.get_rank()
        self.size = distributed.get_world_size()

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """The model with averaged gradients and, in place, global batch statistics."""
        normalize_globally(model)
        # Gradients are summed in buckets. With find_unused_parameters the buckets never change.
        # Without, they are divided again after the first step, and the sums of a resumed training
        # would differ in their last bits from those of an uninterrupted one.
        return DistributedDataParallel(model, find_unused_parameters=True)

    def reduce_loss(self, share: Mean) -> tuple[Tensor, Tensor]:
        """The weighted mean of all shares."""
        sums = torch.stack([share.value.detach() * share.weight, share.weight]).double()
        distributed.all_reduce(sums)
        total, weight = sums[0], sums[1].clamp(min=1)
        # DistributedDataParallel averages gradients over the processes with equal weights.
        return share.value * (share.weight * self.size / weight).float(), total / weight

    def sync_batch_norm(self, model: nn.Module) -> None:
        """Replaces local batch statistics by global ones, in place."""
        normalize_globally(model)

    def all_agree(self, wanted: bool) -> bool:
        """Whether the argument is true in all processes."""
        vote = torch.tensor(int(wanted), device=self._device())
        distributed.all_reduce(vote, distributed.ReduceOp.MIN)
        return bool(vote)

    def average_gradients(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None], share: float
    ) -> list[Tensor | None]:
        """The weighted sum over all processes, for parameters with a gradient in any of them."""
        reached = torch.tensor([g is not None for g in gradients], device=self._device()).int()
        distributed.all_reduce(reached, distributed.ReduceOp.MAX)
        parts = [
            (torch.zeros_like(parameter) if gradient is None else gradient * share).flatten()
            for parameter, gradient in zip(parameters, gradients, strict=True)
        ]
        together = torch.cat(parts)
        distributed.all_reduce(together)
        return [
            part.view_as(parameter) if used else None
            for parameter, part, used in zip(
                parameters, together.split([len(part) for part in parts]), reached, strict=True
            )
        ]

    @staticmethod
    def _device() -> str:
        # NCCL takes tensors of GPUs alone.
        return "cuda" if distributed.get_backend() == "nccl" else "cpu"
