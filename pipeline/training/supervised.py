"""Supervised training of taggers, segmenters and affinity networks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn

from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.group import Group
from tag2mask.pipeline.training.loop import Step, Training, mixed_precision
from tag2mask.pipeline.training.losses import Loss
from tag2mask.pipeline.training.samples import Samples, to_device
from tag2mask.pipeline.training.schedule import Schedule
from tag2mask.pipeline.training.targets import Targets


class TrainingSettings(Schedule):
    """How a model is trained; the schedule is poly (Chen et al., ICLR 2015) with warm-up."""

    old_names: ClassVar[dict[str, str]] = {
        "passes": "max_epochs",
        "least": "min_steps",
        "head_factor": "head_lr_multiplier",
    }

    crop: int = Field(256, ge=32, multiple_of=4, description="Side of a crop, in pixels.")
    scale: tuple[float, float] = Field(
        (0.8, 1.6), description="Range of an image's longer side, relative to the crop."
    )
    learning_rate: float = Field(3e-4, gt=0, description="Highest learning rate of the backbone.")
    head_lr_multiplier: float = Field(
        10.0, gt=0, description="Learning rate of new layers, as a multiple."
    )
    weight_decay: float = Field(0.01, ge=0, description="Decoupled weight decay of AdamW.")
    warmup: int = Field(20, ge=0, description="Steps until the learning rate is at its highest.")
    power: float = Field(
        0.9, gt=0, description="Exponent of the poly schedule (1 - step / steps) ^ power."
    )
    max_epochs: float | None = Field(
        None, gt=0, description="Most epochs over the samples; null for no limit."
    )
    min_steps: int = Field(240, ge=1, description="Fewest steps, whatever max_epochs allows.")

    @field_validator("scale")
    @classmethod
    def _check_scale(cls, scale: tuple[float, float]) -> tuple[float, float]:
        if not 0 < scale[0] <= scale[1]:
            raise ValueError("a range of scales is two positive numbers, the smaller one first")
        return scale

    def fitted(self, samples: int) -> TrainingSettings:
        """The settings with the number of steps that suits a number of samples.

        A network fits the regularities of noisy masks first and memorizes their errors later.
        The number of epochs decides where one turns into the other (Arpit et al., ICML 2017).

        Args:
            samples: The number of training samples.
        """
        if self.max_epochs is None:
            return self
        enough = max(self.min_steps, math.ceil(self.max_epochs * samples / self.batch))
        return self.model_copy(update={"steps": min(self.steps, enough)})


@dataclass(frozen=True)
class SupervisedTraining(Training):
    """The training of one model by one loss; see :class:`tag2mask.pipeline.training.loop.Training`.

    Attributes:
        model: Trained in place, on the processor; moved to a GPU where there is one, and back.
        backbone: Its pretrained part; all other parameters learn ``head_lr_multiplier`` faster.
        loss: From the model's output and the batch's targets to a mean.
        samples: The batches; their seed seeds dropout too.
        settings: The schedule.
        checkpoints: Where the state is kept; cleared by the caller once the model is stored.
    """

    model: nn.Module
    backbone: nn.Module
    loss: Loss
    samples: Samples
    settings: TrainingSettings
    checkpoints: Checkpoints

    @property
    def module(self) -> nn.Module:
        """The model."""
        return self.model

    def prepare(self, device: torch.device, group: Group) -> None:
        """Moves the model to a device, in training mode, channels last."""
        self.model.to(device).to(memory_format=torch.channels_last).train()

    def make_optimizer(self) -> torch.optim.Optimizer:
        """AdamW, with a group of parameters for the backbone and one for the rest."""
        pretrained = {id(parameter) for parameter in self.backbone.parameters()}
        trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        return torch.optim.AdamW(
            [
                {"params": [p for p in trained if id(p) in pretrained], "factor": 1.0},
                {
                    "params": [p for p in trained if id(p) not in pretrained],
                    "factor": self.settings.head_lr_multiplier,
                },
            ],
            lr=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
        )

    def batches(
        self, first_step: int, device: torch.device, group: Group
    ) -> Iterator[tuple[Tensor, Targets]]:
        """Images (N, 3, crop, crop) float32 and their targets, on the device."""
        return (
            (
                images.to(device, torch.float32, memory_format=torch.channels_last),
                to_device(targets, device),
            )
            for images, targets in self.samples.batches(first_step, group.rank, group.size)
        )

    def make_step(self, optimizer: torch.optim.Optimizer, group: Group) -> Step:
        """The function that takes one optimizer step by the loss of a batch."""
        network = group.wrap_model(self.model)

        def step(batch: tuple[Tensor, Targets], done: int) -> dict[str, float]:
            images, targets = batch
            # Dropout differs between the processes: the crops of a batch differ too.
            torch.manual_seed(self.samples.seed * 1_000_003 + done + group.rank * 500_000_003)
            self._set_learning_rates(optimizer, done)
            with mixed_precision(images.device):
                output = network(images)
            objective, value = group.reduce_loss(self.loss(output, targets))
            optimizer.zero_grad(set_to_none=True)
            objective.backward()
            optimizer.step()
            return {"loss": value.item()}

        return step

    def _set_learning_rates(self, optimizer: torch.optim.Optimizer, step: int) -> None:
        settings = self.settings
        rate = settings.learning_rate * (1 - step / settings.steps) ** settings.power
        rate *= min(1.0, (step + 1) / (settings.warmup + 1))
        for group in optimizer.param_groups:
            group["lr"] = rate * group["factor"]

    def smooth(self, earlier: float, value: float) -> float:
        """The exponential moving average of the loss."""
        return 0.97 * earlier + 0.03 * value

    @contextmanager
    def arithmetic(self) -> Iterator[None]:
        """Rounds the smallest numbers to zero.

        Gradients of confident pixels fall below the smallest normal float, where processors are
        many times slower.
        """
        torch.set_flush_denormal(True)
        try:
            yield
        finally:
            torch.set_flush_denormal(False)

    def finish(self) -> None:
        """Moves the model to the processor, in evaluation mode."""
        self.model.to("cpu").to(memory_format=torch.channels_last).eval()
