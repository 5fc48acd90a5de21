"""The training loop of segmenters and systems: resumable, on a processor or a GPU."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.group import Group, SingleProcess
from tag2mask.pipeline.training.schedule import Schedule
from tag2mask.pipeline.training.trainable import Losses, ProgressCallback

# Gets a batch and the number of steps that are done; returns the loss terms of this step.
Step = Callable[[Any, int], dict[str, float]]
# Gets the number of steps that are done, the smoothed losses, the last batch, and whether it is
# the last call.
Observer = Callable[[int, Losses, Any, bool], None]


class Training(ABC):
    """A training as a loop of steps; see :class:`tag2mask.pipeline.training.trainable.Trainable`.

    Members provide the module, its optimizer, its batches and its step. Batches and all random
    numbers of a step must follow from the step's number alone. The module's state, the
    optimizer's state and the smoothed losses are in the checkpoint. So a resumed training takes
    the steps that it would have taken.

    Attributes:
        settings: The number of steps and of processes, and the time between checkpoints.
        checkpoints: Where the state is kept; cleared by the caller once the model is stored.
    """

    settings: Schedule
    checkpoints: Checkpoints

    @property
    @abstractmethod
    def module(self) -> nn.Module:
        """The module whose state is kept in checkpoints; trained in place."""

    @abstractmethod
    def prepare(self, device: torch.device, group: Group) -> None:
        """Moves the module to a device and into training mode, before its state is restored."""

    @abstractmethod
    def make_optimizer(self) -> torch.optim.Optimizer:
        """A new optimizer of the module's parameters."""

    @abstractmethod
    def batches(self, first_step: int, device: torch.device, group: Group) -> Iterator[Any]:
        """This process's shares of all batches from a step on, on the device."""

    @abstractmethod
    def make_step(self, optimizer: torch.optim.Optimizer, group: Group) -> Step:
        """The function that takes one step, once the module's state is restored."""

    @abstractmethod
    def smooth(self, earlier: float, value: float) -> float:
        """A smoothed loss after one more value."""

    @abstractmethod
    def finish(self) -> None:
        """Moves the module to the processor, ready for use."""

    def make_observer(self) -> Observer:
        """The function that gets every batch after its step, in the first process alone."""
        return lambda step, losses, batch, last: None

    def arithmetic(self) -> AbstractContextManager[None]:
        """The floating point settings of the steps; those of the process by default."""
        return nullcontext()

    @property
    def steps(self) -> int:
        """All steps, done or not."""
        return self.settings.steps

    @property
    def workers(self) -> int:
        """Processes that share every step."""
        return self.settings.workers

    def load_checkpoint(self) -> tuple[int, Losses]:
        """Gives the module its last state, ready for use.

        Returns:
            The number of steps that are done and the smoothed losses.
        """
        step, losses = self.checkpoints.restore(self.module, self.make_optimizer())
        self.finish()
        return step, losses

    def train(self, report: ProgressCallback, group: Group | None = None) -> dict[str, float]:
        """Trains the module in place, from the last checkpoint if there is one.

        The state after the last step is kept as well.

        Args:
            report: Gets the step and the smoothed losses, once a second at most, and at the end.
            group: The processes that share this training; this one alone by default.

        Returns:
            The smoothed losses, and ``seconds`` of this process.
        """
        group = group or SingleProcess()
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.prepare(device, group)
        optimizer = self.make_optimizer()
        step, losses = self.checkpoints.restore(self.module, optimizer)
        take_step, observe = self.make_step(optimizer, group), self.make_observer()
        started = time.monotonic()
        reported, saved = Clock(1.0), Clock(self.settings.checkpoint_seconds)
        batches = self.batches(step, device, group) if step < self.steps else ()
        with self.arithmetic():
            for batch in batches:
                for name, value in take_step(batch, step).items():
                    known = name in losses
                    losses[name] = self.smooth(losses[name], value) if known else value
                step += 1
                last = step == self.steps
                if reported.is_due(last):
                    report(step, dict(losses))
                if group.rank == 0:
                    if saved.is_due(last):
                        self.checkpoints.save(self.module, optimizer, step, losses)
                    observe(step, losses, batch, last)
                if last:
                    break
        self.finish()
        return {**losses, "seconds": time.monotonic() - started}


class Clock:
    """Tells when a repeated action is due again.

    Args:
        seconds: Time between two actions.
        now: The time in seconds.
    """

    def __init__(self, seconds: float, now: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._now = seconds, now
        self._last = now()

    def is_due(self, last: bool) -> bool:
        """Whether to act now, which starts the time again; always on the last call."""
        if not last and self._now() - self._last < self._seconds:
            return False
        self._last = self._now()
        return True


def mixed_precision(device: torch.device) -> torch.autocast:
    """Computes in bfloat16 inside a ``with`` block, on a GPU that has it."""
    mixed = device.type == "cuda" and torch.cuda.is_bf16_supported()
    return torch.autocast(device.type, torch.bfloat16, enabled=mixed)
