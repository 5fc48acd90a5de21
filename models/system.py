"""Systems: networks that are trained together, each by its own loss, in optimizer steps.

A generator against its discriminator, encoders on a frozen generator, one backbone with many
decoders: each is one module that names its optimizer steps and gives the loss of each.
:mod:`tag2mask.pipeline.systems` trains, stores and resumes any system through this interface.
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

# Images and their labels by name; see :class:`System` for the names.
Batch = Mapping[str, Tensor]


class SystemSettings(Settings):
    """Settings of every system; members add their own fields."""

    size: int = Field(64, ge=8, description="Side of the square images, in pixels.")
    classes: int = Field(1, ge=1, description="Number of foreground classes C.")


@dataclass(frozen=True)
class OptimizerStep:
    """One optimizer step of every training step: some networks, updated by one loss.

    Attributes:
        name: Name of the optimizer step, for the loss and the log.
        networks: The system's submodules that learn in it, such as ``generator`` or
            ``first.generator``; all others stay as they are.
        learning_rate: Learning rate of Adam.
        betas: Betas of Adam; DCGAN (Radford et al., 2015) found 0.5 to be stable.
        final: Factor of the learning rate at the last training step; the rate falls linearly in
            the second half of the span (Isola et al., CVPR 2017).
        span: The part of the training in which the step is taken, from 0 to 1. For example,
            encoders begin after the generator that they invert.
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
            progress: Share of the training steps that are done, from 0 to below 1.
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
    zeros and ones. A system makes everything else from these, such as edges, low resolution, a
    moved cut-out or a sentence. It draws from the given random generator, so that a step gets
    the same data after a resume.

    Args:
        settings: The member's settings, an instance of its :attr:`settings_type`; a system is
            rebuilt from them alone before its weights are loaded.

    Attributes:
        settings_type: The class of the member's settings.
        averaged: Names of submodules, as in :attr:`OptimizerStep.networks`, that are replaced by
            their exponential moving average after the training.
        view: The view of the images: ``image`` (whole images with background) or ``cutout`` (one
            object each, filling the image, on white, with a mask of this object alone).
    """

    settings_type: ClassVar[type[SystemSettings]] = SystemSettings
    averaged: ClassVar[tuple[str, ...]] = ()
    view: ClassVar[str] = "image"

    def __init__(self, settings: SystemSettings) -> None:
        super().__init__()
        self.settings = settings

    @abstractmethod
    def optimizer_steps(self) -> tuple[OptimizerStep, ...]:
        """The optimizer steps of a training step, in their order."""

    @abstractmethod
    def losses(self, step: str, batch: Batch, rng: torch.Generator) -> dict[str, Tensor]:
        """The terms of an optimizer step's loss by name, scalars with gradients.

        Their sum is minimized. Without any term, the optimizer step is skipped.

        Args:
            step: Name of an optimizer step.
            batch: See the class.
            rng: Random generator for all draws, on the batch's device.
        """

    @abstractmethod
    def show(self, batch: Batch, rng: torch.Generator) -> Tensor:
        """Images for people, such as input, output and ground truth side by side.

        Args:
            batch: See the class.
            rng: Random generator for all draws, on the batch's device.

        Returns:
            (N, 3, H, W) RGB in [-1, 1], one row of the sample grid for each of the batch.
        """
