"""Systems: networks that are trained together, each by its own loss, in steps.

A generator against its discriminator, encoders on a frozen generator, one backbone with many
decoders: all are one module that names its steps and gives the loss of each. What trains,
stores and resumes it (:mod:`tag2mask.pipeline.systems`) knows nothing else of it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from tag2mask.models.settings import Settings

# What is known of some images, by name; see :class:`System` for the names.
Batch = Mapping[str, Tensor]


class SystemSettings(Settings):
    """What every system is built from; members add their own fields."""

    size: int = Field(64, ge=8, description="Side of the square images, in pixels.")
    classes: int = Field(1, ge=1, description="Number of foreground classes C.")


@dataclass(frozen=True)
class OptimizerStep:
    """One optimizer step of every training step: some networks, moved by one loss.

    Attributes:
        name: Of the step, for the loss and the log.
        networks: The system's submodules that learn in it, such as ``generator`` or
            ``first.generator``; all others keep still.
        learning_rate: Of Adam.
        betas: Of Adam; DCGAN (Radford et al., 2015) found 0.5 to be stable.
        final: Factor of the learning rate at the last step; it falls linearly in the second
            half of the span (Isola et al., CVPR 2017).
        span: The part of the training in which the step is taken, from 0 to 1: encoders
            begin when the generator that they invert has ended.
    """

    name: str
    networks: tuple[str, ...]
    learning_rate: float = 2e-4
    betas: tuple[float, float] = (0.5, 0.999)
    final: float = 1.0
    span: tuple[float, float] = (0.0, 1.0)

    def rate(self, progress: float) -> float | None:
        """The learning rate at a point of the training; None outside of the span.

        Args:
            progress: Steps that are done, relative to all: from 0 to below 1.
        """
        first, last = self.span
        if not first <= progress < last:
            return None
        late = max(0.0, 2 * (progress - first) / (last - first) - 1)
        return self.learning_rate * (1 - late * (1 - self.final))


class System(nn.Module, ABC):
    """Networks that are trained together on images and their masks.

    A batch holds, on one device, ``image`` (N, 3, S, S) float32 RGB in [-1, 1], ``mask``
    (N, S, S) int64 with 0 for background and 255 for ignore, and ``tags`` (N, C) float32 of
    zeros and ones. Everything else, such as edges, low resolution, a moved cut-out or a
    sentence, a system makes of these itself, by the generator that it is given: so the same
    step sees the same data after a resume.

    Args:
        settings: Of the member, an instance of its :attr:`settings_type`; a system is rebuilt
            from them alone before its weights are loaded.

    Attributes:
        settings_type: The class of the member's settings.
        averaged: Names of submodules, as in :attr:`OptimizerStep.networks`; what is used of them is
            their exponential moving average.
        view: What the images are: ``image`` (whole ones, background included) or
            ``cutout`` (one object each, filling the image, the background white, its mask
            holding this object alone).
    """

    settings_type: ClassVar[type[SystemSettings]] = SystemSettings
    averaged: ClassVar[tuple[str, ...]] = ()
    view: ClassVar[str] = "image"

    def __init__(self, settings: SystemSettings) -> None:
        super().__init__()
        self.settings = settings

    @abstractmethod
    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """The steps of a step, in their order."""

    @abstractmethod
    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The terms of a step's loss by name, scalars with gradients; their sum is minimized.

        No term at all leaves the step out.

        Args:
            step: Name of a step.
            batch: See the class.
            rng: For all randomness, on the batch's device.
        """

    @abstractmethod
    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """What a person looks at, such as input, output and ground truth side by side.

        Args:
            batch: See the class.
            rng: For all randomness, on the batch's device.

        Returns:
            (N, 3, H, W) RGB in [-1, 1], one row of the sample grid for each of the batch.
        """
