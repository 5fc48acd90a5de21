"""The schedule of every training: steps, batch, checkpoints, processes."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from tag2mask.models.settings import Settings


class Schedule(Settings):
    """Steps, batch and processes; trainings add their own settings."""

    steps: int = Field(400, ge=1, description="Optimizer steps.")
    batch: int = Field(16, ge=1, description="Samples in a step.")
    checkpoint_seconds: float = Field(60.0, gt=0, description="Time between checkpoints.")
    workers: int = Field(
        1, ge=1, description="Processes that share the samples of a step; several need Ray."
    )

    @model_validator(mode="after")
    def _check_workers(self) -> Self:
        if self.workers > self.batch:
            raise ValueError(
                f"{self.workers} workers cannot share a batch of {self.batch}: each needs a sample"
            )
        return self
