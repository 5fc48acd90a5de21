"""One training loop for taggers and segmenters: resumable, on a processor or a GPU."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field, field_validator
from torch import nn

from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.group import Group, SingleProcess
from tag2mask.pipeline.training.losses import Loss
from tag2mask.pipeline.training.samples import Samples, to_device
from tag2mask.pipeline.training.schedule import Schedule
from tag2mask.pipeline.training.trainable import Losses, ProgressCallback


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
        """The settings with the steps that suit so many samples.

        Noisy masks are first understood and then learnt by heart, errors and all; where one
        turns into the other depends on how often each is seen (Arpit et al., ICML 2017).
        """
        if self.max_epochs is None:
            return self
        enough = max(self.min_steps, math.ceil(self.max_epochs * samples / self.batch))
        return self.model_copy(update={"steps": min(self.steps, enough)})


@dataclass(frozen=True)
class Training:
    """What is trained, on what and how.

    See :class:`tag2mask.pipeline.training.trainable.Trainable`.


    Attributes:
        model: Trained in place, on the processor; to_device to a GPU where there is one, and back.
        backbone: Its pretrained part; all other parameters learn ``head_lr_multiplier`` faster.
        loss: From the model's output and the batch's targets to a mean.
        samples: Batches; their seed seeds dropout too.
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
    def steps(self) -> int:
        """All steps, done or not."""
        return self.settings.steps

    @property
    def workers(self) -> int:
        """Processes that share every step."""
        return self.settings.workers

    def train(self, report: ProgressCallback, group: Group | None = None) -> dict[str, float]:
        """Trains the model in place.

        See :func:`train`.
        """
        return train(self, report, group)

    def load_checkpoint(self) -> tuple[int, Losses]:
        """Gives the model its last state: the steps that are done, the loss."""
        self.model.to(memory_format=torch.channels_last).eval()
        return self.resume()[1:]

    def resume(self) -> tuple[torch.optim.Optimizer, int, Losses]:
        """Gives the model and a new optimizer their last state."""
        optimizer = _optimizer(self.model, self.backbone, self.settings)
        return optimizer, *self.checkpoints.restore(self.model, optimizer)


def train(
    training: Training, report: ProgressCallback, group: Group | None = None
) -> dict[str, float]:
    """Trains a model in place, from the last checkpoint if there is one.

    A resumed training makes the steps that it would have made: the batches follow from the
    step, the randomness of dropout too, and the optimizer's state is in the checkpoint. The
    last state is kept as well.

    Args:
        training: What to train.
        report: Gets the step and the smoothed loss, once a second at most.
        group: The processes that make this training together; this one alone by default.

    Returns:
        ``loss`` (smoothed) and ``seconds`` (of this process).
    """
    group = group or SingleProcess()
    model, settings, samples = training.model, training.settings, training.samples
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    mixed = device.type == "cuda" and torch.cuda.is_bf16_supported()
    model.to(device).to(memory_format=torch.channels_last).train()
    optimizer, step, losses = training.resume()
    smoothed = losses.get("loss", 0.0)
    network = group.wrap_model(model)
    started = saved = told = time.monotonic()
    batches = samples.batches(step, group.rank, group.size) if step < settings.steps else ()
    # Gradients of confident pixels fall below the smallest normal float, where processors
    # are many times slower.
    torch.set_flush_denormal(True)
    for images, targets in batches:
        # Processes that share a batch draw apart: their crops are not the same crops.
        torch.manual_seed(samples.seed * 1_000_003 + step + group.rank * 500_000_003)
        _set_rates(optimizer, settings, step)
        images = images.to(device, torch.float32, memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16, enabled=mixed):
            output = network(images)
        objective, value = group.reduce_loss(training.loss(output, to_device(targets, device)))
        optimizer.zero_grad(set_to_none=True)
        objective.backward()
        optimizer.step()
        step += 1
        smoothed = value.item() if step == 1 else 0.97 * smoothed + 0.03 * value.item()
        now, last = time.monotonic(), step == settings.steps
        if now - told >= 1 or last:
            report(step, {"loss": smoothed})
            told = now
        if group.rank == 0 and (now - saved >= settings.checkpoint_seconds or last):
            training.checkpoints.save(model, optimizer, step, {"loss": smoothed})
            saved = now
        if last:
            break
    torch.set_flush_denormal(False)
    model.to("cpu").eval()
    return {"loss": smoothed, "seconds": time.monotonic() - started}


def _optimizer(
    model: nn.Module, backbone: nn.Module, settings: TrainingSettings
) -> torch.optim.Optimizer:
    pretrained = {id(parameter) for parameter in backbone.parameters()}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(
        [
            {"params": [p for p in trained if id(p) in pretrained], "factor": 1.0},
            {
                "params": [p for p in trained if id(p) not in pretrained],
                "factor": settings.head_lr_multiplier,
            },
        ],
        lr=settings.learning_rate,
        weight_decay=settings.weight_decay,
    )


def _set_rates(optimizer: torch.optim.Optimizer, settings: TrainingSettings, step: int) -> None:
    rate = settings.learning_rate * (1 - step / settings.steps) ** settings.power
    rate *= min(1.0, (step + 1) / (settings.warmup + 1))
    for group in optimizer.param_groups:
        group["lr"] = rate * group["factor"]
