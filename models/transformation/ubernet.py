"""UberNet (Kokkinos, CVPR 2017): one backbone and a small decoder for each of many tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn.functional import interpolate

from tag2mask.models.adversarial import initialize
from tag2mask.models.system import Batch, OptimizerStep, SystemSettings
from tag2mask.models.transformation.base import TransformingSystem
from tag2mask.models.transformation.colors import label_colors
from tag2mask.models.transformation.encoder_decoder import Encoder, padded, widths_of
from tag2mask.models.transformation.tasks import TASKS, Task


class UberNetSettings(SystemSettings):
    """Settings of the backbone, the decoders and their losses."""

    width: int = Field(64, ge=1, description="Channels of the backbone's first level.")
    levels: int = Field(5, ge=2, le=7, description="Halvings of the side.")
    decoder: int = Field(64, ge=1, description="Channels of every decoder, at all its levels.")
    tasks: dict[str, float] = Field(
        {name: task.weight for name, task in TASKS.items()},
        description="The tasks with the weights γ of their losses.",
    )
    learning_rate: float = Field(1e-3, gt=0, description="Learning rate of Adam.")

    @field_validator("tasks")
    @classmethod
    def _exist(cls, tasks: dict[str, float]) -> dict[str, float]:
        unknown = sorted(set(tasks) - set(TASKS))
        if unknown or not tasks:
            found = f"unknown tasks {', '.join(unknown)}" if unknown else "no task"
            raise ValueError(f"{found}; choose some of {', '.join(TASKS)}")
        return tasks


class TaskDecoder(nn.Module):
    """One task's decoder: the features of every level of a backbone, added from coarse to fine.

    Every level is normalized for the task alone and reduced to a few channels (section 2.1). So
    the backbone has most of the parameters, and a further task costs little.

    Args:
        widths: Channels of the backbone's levels, from fine to coarse.
        outputs: Channels of the image.
        width: Channels of every level of the decoder.
    """

    def __init__(self, widths: Sequence[int], outputs: int, width: int) -> None:
        super().__init__()
        self.read = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(number), nn.Conv2d(number, width, 1)) for number in widths
        )
        self.refine = nn.ModuleList(
            nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, padding=1))
            for _ in widths
        )
        self.last = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.ConvTranspose2d(width, outputs, 4, stride=2, padding=1),
        )
        initialize(self)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """(N, width, H / 2, W / 2) and coarser ones of the backbone to (N, outputs, H, W)."""
        x: Tensor | None = None
        for level in reversed(range(len(features))):
            seen = self.read[level](features[level])
            if x is not None:
                seen = seen + interpolate(x, seen.shape[2:], mode="bilinear")
            x = seen + self.refine[level](seen)
        return self.last(x)


class UberNet(TransformingSystem):
    """A shared encoder, and a decoder with skips and its own normalization for each task.

    A batch without labels for a task gives its decoder no gradient at all. With gradients of zero
    instead, Adam's momentum would still move the decoder. So each task is updated after its own
    samples, asynchronously (section 3.1.2). The backbone keeps only the outputs of its levels for
    the backward pass and computes the rest again (section 3.2).
    """

    settings_type: ClassVar[type[SystemSettings]] = UberNetSettings
    settings: UberNetSettings

    def __init__(self, settings: UberNetSettings) -> None:
        super().__init__(settings)
        widths = widths_of(settings.width, settings.levels)
        self.backbone = Encoder(3, widths)
        self.tasks: dict[str, Task] = {}
        for name in settings.tasks:
            self.tasks[name] = TASKS[name](settings.classes, settings.size)
            self.add_module(name, TaskDecoder(widths, self.tasks[name].channels, settings.decoder))

    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """One optimizer step of all networks."""
        networks = ("backbone", *self.tasks)
        return (OptimizerStep("tasks", networks, self.settings.learning_rate, (0.9, 0.999), 0.1),)

    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """γ times the loss of each task with labels in the batch."""
        del step, rng
        outputs = self(batch["image"], recompute=True)
        losses = {name: task.loss(outputs[name], batch) for name, task in self.tasks.items()}
        weights = self.settings.tasks
        return {name: weights[name] * loss for name, loss in losses.items() if loss is not None}

    def forward(self, images: Tensor, recompute: bool = False) -> dict[str, Tensor]:
        """The outputs of the decoders.

        Args:
            images: (N, 3, H, W) RGB in [-1, 1].
            recompute: See :meth:`~tag2mask.models.transformation.encoder_decoder.Encoder.forward`.

        Returns:
            Task to (N, its channels, H, W).
        """
        height, width = images.shape[-2:]
        features = self.backbone(padded(images, self.backbone.stride), recompute)
        return {
            name: self.get_submodule(name)(features)[..., :height, :width] for name in self.tasks
        }

    def made_size(self, height: int, width: int) -> tuple[int, int]:
        """One image for each task, side by side."""
        return height, width * len(self.tasks)

    def transform(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The outputs of all tasks, side by side."""
        del rng
        images = batch["image"]
        outputs = self(images)
        shown = [task.colors(outputs[name], images) for name, task in self.tasks.items()]
        return torch.cat(shown, dim=3)

    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """The image, the outputs of all tasks, and the mask."""
        made = self.transform(batch, rng)
        return torch.cat([batch["image"], made, label_colors(batch["mask"])], dim=3)
