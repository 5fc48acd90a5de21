"""Who trains: one process alone, or several that share the crops of every step.

A data-parallel step is the step that one process would make on the whole batch: gradients
are those of the mean over the whole batch, whatever the shares, and layers that normalize by
batch statistics see the whole batch. So the number of workers changes a training by the
order of its sums and by the draws of dropout, and by nothing that grows as shares get small.
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
    """The processes of one training, seen from one of them.

    Attributes:
        rank: Which one this is, from 0.
        size: How many there are.
    """

    rank: int
    size: int

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """What to call instead of a model, so that all processes train the same."""
        ...

    def reduce_loss(self, share: Mean) -> tuple[Tensor, Tensor]:
        """The mean over the whole batch, from that over this process's share of it.

        Args:
            share: The mean over this process's crops.

        Returns:
            What to back-propagate here, and the mean over the whole batch.
        """
        ...

    def sync_batch_norm(self, model: nn.Module) -> None:
        """Makes layers that normalize by batch statistics see the whole batch, in place."""
        ...

    def all_agree(self, wanted: bool) -> bool:
        """Whether all processes want the same thing."""
        ...

    def average_gradients(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None], share: float
    ) -> list[Tensor | None]:
        """Gradients of the whole batch's mean loss, from those of this process's mean.

        Args:
            parameters: The same in every process.
            gradients: Of these; None where a loss does not reach one.
            share: How much of the batch is this process's.
        """
        ...


class SingleProcess:
    """One process, which sees all of every batch."""

    rank, size = 0, 1

    def wrap_model(self, model: nn.Module) -> nn.Module:
        """The model itself."""
        return model

    def reduce_loss(self, share: Mean) -> tuple[Tensor, Tensor]:
        """The mean as it is."""
        return share.value, share.value.detach()

    def sync_batch_norm(self, model: nn.Module) -> None:
        """Does nothing: its batches are whole."""

    def all_agree(self, wanted: bool) -> bool:
        """What this process wants."""
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
        # With find_unused_parameters the buckets, in which gradients are summed, are those of
        # the start for ever; else they are cut again after the first step, and the sums of a
        # continued training would differ in their last bits from those of an undisturbed one.
        return DistributedDataParallel(model, find_unused_parameters=True)

    def reduce_loss(self, share: Mean) -> tuple[Tensor, Tensor]:
        """The weighted mean of all shares."""
        sums = torch.stack([share.value.detach() * share.weight, share.weight]).double()
        distributed.all_reduce(sums)
        total, weight = sums[0], sums[1].clamp(min=1)
        # Gradients are averaged over the processes, as if all shares were alike.
        return share.value * (share.weight * self.size / weight).float(), total / weight

    def sync_batch_norm(self, model: nn.Module) -> None:
        """Puts global batch statistics in the place of local ones."""
        normalize_globally(model)

    def all_agree(self, wanted: bool) -> bool:
        """Whether all want it."""
        vote = torch.tensor(int(wanted), device=self._device())
        distributed.all_reduce(vote, distributed.ReduceOp.MIN)
        return bool(vote)

    def average_gradients(
        self, parameters: Sequence[Tensor], gradients: Sequence[Tensor | None], share: float
    ) -> list[Tensor | None]:
        """The weighted sum over all processes, of what any of them has reached."""
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
        # NCCL knows no tensors but those of GPUs.
        return "cuda" if distributed.get_backend() == "nccl" else "cpu"
