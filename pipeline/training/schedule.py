"""What every training is told: how long, on how much at once, by how many processes."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Schedule(BaseModel):
    """Steps and who makes them; trainings add their own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    steps: int = Field(400, ge=1, description="Optimiser steps.")
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
