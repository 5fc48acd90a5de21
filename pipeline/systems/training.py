"""The training of a system: its optimizer steps, resumable and data-parallel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from tag2mask.models.system import Batch, OptimizerStep, System
from tag2mask.pipeline.systems.batches import Batches, to_batch
from tag2mask.pipeline.systems.ema import Averaged
from tag2mask.pipeline.systems.training_log import TrainingLog
from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.group import Group
from tag2mask.pipeline.training.loop import Clock, Observer, Step, Training, mixed_precision
from tag2mask.pipeline.training.schedule import Schedule
from tag2mask.pipeline.training.trainable import Losses

# Share of a smoothed loss that is kept at each step.
SMOOTHING = 0.95
# Rows of a sample grid.
ROWS = 8


class SystemTrainingSettings(Schedule):
    """How a system is trained; the learning rates are those of its optimizer steps."""

    steps: int = Field(
        20_000, ge=1, description="Training steps; each takes all optimizer steps of the system."
    )
    old_names: ClassVar[dict[str, str]] = {"rate": "learning_rate"}

    learning_rate: float = Field(
        1.0, gt=0, description="Factor of the learning rate of every optimizer step."
    )
    average: float = Field(0.999, ge=0, lt=1, description="Decay of the moving average.")
    seed: int = Field(0, ge=0, description="Random seed of weights, order, views and noise.")
    sheet_seconds: float = Field(60.0, gt=0, description="Time between sample grids.")


@dataclass(frozen=True)
class SystemTraining(Training):
    """The training of a system; see :class:`tag2mask.pipeline.training.loop.Training`.

    Attributes:
        system: Trained in place.
        data: The batches of images, masks and tags.
        settings: The schedule.
        checkpoints: Where the state is kept; cleared by the caller once the system is stored.
        log: Where losses and sample grids are written.
        averaged: The system with the moving average of its networks.
    """

    system: System
    data: Batches
    settings: SystemTrainingSettings
    checkpoints: Checkpoints
    log: TrainingLog
    averaged: Averaged = field(init=False)

    def __post_init__(self) -> None:
        """Adds the moving average."""
        object.__setattr__(self, "averaged", Averaged(self.system, self.settings.average))

    @property
    def module(self) -> nn.Module:
        """The system with the moving average."""
        return self.averaged

    def prepare(self, device: torch.device, group: Group) -> None:
        """Moves the system to a device, in training mode, with the group's batch statistics."""
        group.sync_batch_norm(self.averaged)
        self.averaged.to(device).train()

    def make_optimizer(self) -> torch.optim.Optimizer:
        """One Adam for all networks that learn, a group of parameters for each."""
        names = dict.fromkeys(
            name
            for optimizer_step in self.system.optimizer_steps()
            for name in optimizer_step.networks
        )
        groups = [{"params": list(self._parameters(name)), "name": name} for name in names]
        learning = [group for group in groups if group["params"]]
        # A system may only remember its images, and Adam refuses to have no parameters.
        return torch.optim.Adam(learning or [{"params": [], "name": ""}], lr=1.0)

    def batches(self, first_step: int, device: torch.device, group: Group) -> Iterator[Batch]:
        """Batches as :class:`tag2mask.models.system.System` takes them, on the device."""
        stream = self.data.stream(first_step, group.rank, group.size)
        return (to_batch(parts, device) for parts in stream)

    def make_step(self, optimizer: torch.optim.Optimizer, group: Group) -> Step:
        """The function that takes every optimizer step once and updates the moving average."""

        def step(batch: Batch, done: int) -> dict[str, float]:
            terms = self._take_optimizer_steps(optimizer, batch, done, group)
            self.averaged.update(done + 1)
            return terms

        return step

    def smooth(self, earlier: float, value: float) -> float:
        """The exponential moving average of a loss term."""
        return value + SMOOTHING * (earlier - value)

    def make_observer(self) -> Observer:
        """The function that writes losses and sample grids, every ``sheet_seconds``."""
        written = Clock(self.settings.sheet_seconds)

        def observe(step: int, losses: Losses, batch: Batch, last: bool) -> None:
            if written.is_due(last):
                self.log.write(step, losses, self._sheet(batch))

        return observe

    def finish(self) -> None:
        """Puts the averages in their places and the system on the processor, ready for use."""
        self.averaged.use()
        self.averaged.to("cpu")
        self.system.eval()

    def _take_optimizer_steps(
        self, optimizer: torch.optim.Optimizer, batch: Batch, step: int, group: Group
    ) -> dict[str, float]:
        """The terms of all losses in this process, by optimizer step and term."""
        found: dict[str, float] = {}
        settings, device = self.settings, batch["image"].device
        for number, optimizer_step in enumerate(self.system.optimizer_steps()):
            rate = optimizer_step.rate(step / self.steps)
            if rate is None:
                continue
            seed = [settings.seed, step, number, group.rank]
            rng = torch.Generator(device).manual_seed(_mixed(seed))
            # Dropout draws from torch's own generator.
            torch.manual_seed(_mixed([*seed, 1]))
            with mixed_precision(device):
                terms = self.system.losses(optimizer_step.name, batch, rng)
            if not group.all_agree(bool(terms)):
                continue
            share = len(batch["image"]) / settings.batch
            self._update(
                optimizer, optimizer_step, torch.stack([*terms.values()]).sum(), rate, group, share
            )
            found |= {
                f"{optimizer_step.name}.{name}": value.item() for name, value in terms.items()
            }
        return found

    def _update(
        self,
        optimizer: torch.optim.Optimizer,
        optimizer_step: OptimizerStep,
        loss: Tensor,
        rate: float,
        group: Group,
        share: float,
    ) -> None:
        """Updates the networks of an optimizer step, and no others."""
        parameters = [p for name in optimizer_step.networks for p in self._parameters(name)]
        optimizer.zero_grad(set_to_none=True)
        # Only these gradients are computed; the optimizer skips parameters without one.
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        averaged = group.average_gradients(parameters, gradients, share)
        for parameter, gradient in zip(parameters, averaged, strict=True):
            parameter.grad = gradient
        for place in optimizer.param_groups:
            if place["name"] in optimizer_step.networks:
                place["lr"], place["betas"] = (
                    rate * self.settings.learning_rate,
                    optimizer_step.betas,
                )
        optimizer.step()

    def _parameters(self, network: str) -> Iterator[torch.nn.Parameter]:
        return (p for p in self.system.get_submodule(network).parameters() if p.requires_grad)

    @torch.no_grad()
    def _sheet(self, batch: Batch) -> Tensor:
        """The sample grid of the system with the averages, on the processor."""
        rng = torch.Generator(batch["image"].device).manual_seed(self.settings.seed)
        with self.averaged.in_use() as system:
            return system.show({name: value[:ROWS] for name, value in batch.items()}, rng).cpu()


def _mixed(numbers: list[int]) -> int:
    """A seed below 2 ** 63 that follows from some numbers."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (2**63 - 1)
    return seed
