"""The interface between engines and trainings: a training resumes from its last checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from tag2mask.pipeline.training.checkpoint import Checkpoints
from tag2mask.pipeline.training.group import Group

# Smoothed losses by name.
Losses = Mapping[str, float]
# Gets the step and the losses.
ProgressCallback = Callable[[int, Losses], None]


class Trainable(Protocol):
    """Models with their data and schedule; picklable."""

    @property
    def steps(self) -> int:
        """All steps, done or not."""
        ...

    @property
    def workers(self) -> int:
        """Processes that share every step."""
        ...

    @property
    def checkpoints(self) -> Checkpoints:
        """Where the state is kept; cleared by the caller once the model is stored."""
        ...

    def train(self, report: ProgressCallback, group: Group | None = None) -> dict[str, float]:
        """Trains in place, from the last checkpoint if there is one, and keeps the last state.

        Args:
            report: Gets the step and the losses, once a second at most, and at the end.
            group: The processes that share this training; this one alone by default.

        Returns:
            The losses, and ``seconds`` of this process.
        """
        ...

    def load_checkpoint(self) -> tuple[int, Losses]:
        """Gives the models their last state, ready for use.

        Returns:
            The number of steps that are done and the smoothed losses.
        """
        ...
