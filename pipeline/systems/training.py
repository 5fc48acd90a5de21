"""The training of a system: its turns, step by step, resumable and data-parallel."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from tag2mask.models.system import Batch, System, Turn
from tag2mask.pipeline.systems.batches import Batches, as_batch
from tag2mask.pipeline.systems.ema import Averaged
from tag2mask.pipeline.systems.training_log import Logbook
from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.group import Group, SingleProcess
from tag2mask.pipeline.training.schedule import Schedule
from tag2mask.pipeline.training.trainable import Losses, ProgressCallback

# How much of a smoothed loss is kept at each step.
SMOOTHING = 0.95
# Of a sample grid.
ROWS = 8


class SystemTrainingSettings(Schedule):
    """How a system is trained; the learning rates are those of its turns."""

    steps: int = Field(20_000, ge=1, description="Steps, each of all turns.")
    old_names: ClassVar[dict[str, str]] = {"rate": "learning_rate"}

    learning_rate: float = Field(
        1.0, gt=0, description="Factor of the learning rate of every turn."
    )
    average: float = Field(0.999, ge=0, lt=1, description="Decay of the moving average.")
    seed: int = Field(0, ge=0, description="Random seed of weights, order, views and noise.")
    sheet_seconds: float = Field(60.0, gt=0, description="Time between sample grids.")


@dataclass(frozen=True)
class SystemTraining:
    """A system, and how it is trained; see :class:`tag2mask.pipeline.training.trainable.Trainable`.

    Attributes:
        system: Trained in place.
        batches: What it sees.
        settings: The schedule.
        checkpoints: Where the state is kept.
        logbook: Where losses and sample grids go.
    """

    system: System
    batches: Batches
    settings: SystemTrainingSettings
    checkpoints: Checkpoints
    logbook: Logbook
    averaged: Averaged = field(init=False)

    def __post_init__(self) -> None:
        """Adds the moving average."""
        object.__setattr__(self, "averaged", Averaged(self.system, self.settings.average))

    @property
    def steps(self) -> int:
        """All steps, done or not."""
        return self.settings.steps

    @property
    def workers(self) -> int:
        """Processes that share every step."""
        return self.settings.workers

    def load_checkpoint(self) -> tuple[int, Losses]:
        """Gives the system its last state, averages in their places: steps done, losses."""
        step, losses = self.checkpoints.restore(self.averaged, self._optimizer())
        self.averaged.use()
        self.system.eval()
        return step, losses

    def train(self, report: ProgressCallback, group: Group | None = None) -> dict[str, float]:
        """Trains the system in place, from the last checkpoint if there is one.

        A resumed training makes the steps that it would have made: batches and noise follow
        from the seed and the step, the optimizer's state and the averages are in the
        checkpoint.

        Args:
            report: Gets the step and the smoothed losses, once a second at most.
            group: The processes that make this training together; this one alone by default.

        Returns:
            The smoothed losses by turn and term, and ``seconds`` of this process.
        """
        group = group or SingleProcess()
        settings = self.settings
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        group.sync_batch_norm(self.averaged)
        self.averaged.to(device).train()
        optimizer = self._optimizer()
        step, losses = self.checkpoints.restore(self.averaged, optimizer)
        smoothed = dict(losses)
        started = time.monotonic()
        saved, told = _Clock(settings.checkpoint_seconds), _Clock(1.0)
        shown = _Clock(settings.sheet_seconds)
        stream = self.batches.stream(step, group.rank, group.size) if step < self.steps else ()
        for parts in stream:
            batch = as_batch(parts, device)
            for name, value in self._step(optimizer, batch, step, group).items():
                smoothed[name] = value + SMOOTHING * (smoothed.get(name, value) - value)
            step += 1
            self.averaged.update(step)
            last = step == self.steps
            if told.due(last):
                report(step, smoothed)
            if group.rank == 0 and saved.due(last):
                self.checkpoints.save(self.averaged, optimizer, step, smoothed)
            if group.rank == 0 and shown.due(last):
                self.logbook.write(step, smoothed, self._sheet(batch))
            if last:
                break
        self.averaged.use()
        self.averaged.to("cpu")
        self.system.eval()
        return {**smoothed, "seconds": time.monotonic() - started}

    def _step(
        self, optimizer: torch.optim.Optimizer, batch: Batch, step: int, group: Group
    ) -> dict[str, float]:
        """Takes every turn once.

        Returns:
            The terms of all losses, of this process.
        """
        found: dict[str, float] = {}
        settings, device = self.settings, batch["image"].device
        mixed = device.type == "cuda" and torch.cuda.is_bf16_supported()
        for number, turn in enumerate(self.system.turns()):
            rate = turn.rate(step / self.steps)
            if rate is None:
                continue
            seed = [settings.seed, step, number, group.rank]
            rng = torch.Generator(device).manual_seed(_mixed(seed))
            # Dropout draws from torch's own generator.
            torch.manual_seed(_mixed([*seed, 1]))
            with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
                terms = self.system.losses(turn.name, batch, rng)
            if not group.all_agree(bool(terms)):
                continue
            share = len(batch["image"]) / settings.batch
            self._move(optimizer, turn, torch.stack([*terms.values()]).sum(), rate, group, share)
            found |= {f"{turn.name}.{name}": value.item() for name, value in terms.items()}
        return found

    def _move(
        self,
        optimizer: torch.optim.Optimizer,
        turn: Turn,
        loss: Tensor,
        rate: float,
        group: Group,
        share: float,
    ) -> None:
        """One step of the networks of a turn, and of no others."""
        parameters = [p for name in turn.networks for p in self._parameters(name)]
        optimizer.zero_grad(set_to_none=True)
        # Only these gradients are computed; the optimizer passes by what has none.
        gradients = torch.autograd.grad(loss, parameters, allow_unused=True)
        averaged = group.average_gradients(parameters, gradients, share)
        for parameter, gradient in zip(parameters, averaged, strict=True):
            parameter.grad = gradient
        for place in optimizer.param_groups:
            if place["name"] in turn.networks:
                place["lr"], place["betas"] = rate * self.settings.learning_rate, turn.betas
        optimizer.step()

    def _parameters(self, network: str) -> Iterator[torch.nn.Parameter]:
        return (p for p in self.system.get_submodule(network).parameters() if p.requires_grad)

    def _optimizer(self) -> torch.optim.Optimizer:
        """One Adam for all networks that have a turn, a group of parameters for each."""
        names = dict.fromkeys(name for turn in self.system.turns() for name in turn.networks)
        groups = [{"params": list(self._parameters(name)), "name": name} for name in names]
        learning = [group for group in groups if group["params"]]
        # A system may only remember what it sees, and Adam refuses to have nothing to do.
        return torch.optim.Adam(learning or [{"params": [], "name": ""}], lr=1.0)

    @torch.no_grad()
    def _sheet(self, batch: Batch) -> Tensor:
        """What the system shows with the averages, on the processor."""
        rng = torch.Generator(batch["image"].device).manual_seed(self.settings.seed)
        with self.averaged.in_use() as system:
            return system.show({name: value[:ROWS] for name, value in batch.items()}, rng).cpu()


class _Clock:
    """Says when something is due again."""

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._now = seconds, now
        self._last = now()

    def due(self, last: bool) -> bool:
        if not last and self._now() - self._last < self._seconds:
            return False
        self._last = self._now()
        return True


def _mixed(numbers: list[int]) -> int:
    """A seed that follows from some numbers, below 2 ** 63."""
    seed = 0
    for number in numbers:
        seed = (seed * 1_000_003 + number + 1) % (2**63 - 1)
    return seed
