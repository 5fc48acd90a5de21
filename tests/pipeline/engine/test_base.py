"""One stage on one batch: halved batches, error rows and errors that end the run."""

from __future__ import annotations

import pytest
import torch

from tag2mask.pipeline.engine.base import run_stage
from tag2mask.pipeline.errors import StorageError
from tag2mask.pipeline.records import Row


class NeedsSmallBatches:
    """Has memory for a few rows."""

    def __init__(self, most: int, error: Exception) -> None:
        self.most = most
        self.error = error
        self.sizes: list[int] = []

    def __call__(self, rows: list[Row]) -> list[Row]:
        self.sizes.append(len(rows))
        if len(rows) > self.most:
            raise self.error
        return [{**row, "done": True} for row in rows]


ROWS: list[Row] = [{"id": str(number)} for number in range(10)]
NO_MEMORY = torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def test_a_batch_that_does_not_fit_on_the_gpu_is_halved() -> None:
    stage = NeedsSmallBatches(2, NO_MEMORY)
    assert run_stage(stage, ROWS, 8) == [{**row, "done": True} for row in ROWS]
    assert stage.sizes == [8, 4, 2, 2, 4, 2, 2, 2]


def test_a_row_that_never_fits_gets_the_error() -> None:
    done = run_stage(NeedsSmallBatches(0, NO_MEMORY), ROWS[:3], 8)
    message = "OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
    assert done == [{**row, "error": message} for row in ROWS[:3]]


def test_a_storage_error_ends_the_run() -> None:
    with pytest.raises(StorageError):
        run_stage(NeedsSmallBatches(0, StorageError("s3://b does not answer")), ROWS, 8)
