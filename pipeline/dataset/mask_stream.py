"""MaskStream: sequential reading of the images and masks of a published dataset."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from torch.utils.data import IterableDataset, get_worker_info

from tag2mask.pipeline.dataset.row_filter import RowFilter
from tag2mask.pipeline.dataset.rows import DatasetRows
from tag2mask.pipeline.dataset.sample import Pair, PairTransform, Sample, decode_pair, make_sample
from tag2mask.pipeline.errors import UserError


class MaskStream(IterableDataset[Sample]):
    """A stream of a published dataset: every row exactly once over all ranks and workers.

    The order of an epoch depends only on the seed and the epoch. Each rank takes a range of it;
    the ranges' lengths differ by at most one. The workers of a rank take its batches in turn, so
    a DataLoader delivers them in the epoch's order with any number of workers. So one number
    describes the position, and :class:`tag2mask.pipeline.dataset.MaskLoader` can resume in the
    middle of an epoch.

    Adjacent rows of a file are read together, by threads and ahead of their use.

    Args:
        uri: URI of the dataset, a local path or an fsspec URI.
        where: Conditions on the wanted rows, decided without reading images; None selects all.
        transform: As for :class:`tag2mask.pipeline.dataset.MaskDataset`. Its draws from torch's
            generator depend on seed, epoch and row, so that they are the same after resuming.
        shuffle: Use a new permutation for every epoch, instead of the order of the files.
        seed: Seed of the permutations and the transforms.
        batch: Batch size; a DataLoader around the stream should use the same.
        rank: Rank of this process in the training; by default torch.distributed's.
        world: Number of ranks; by default torch.distributed's.
        threads: Number of threads that read and decode, in each worker.

    Attributes:
        rows: The wanted rows: small columns and class table.
        epoch: Number of the current or next epoch, from 0.

    Raises:
        UserError: If there is no dataset, or no row passes the filter.
        ValueError: If the rank is not below the number of ranks.
    """

    def __init__(
        self,
        uri: str,
        *,
        where: RowFilter | None = None,
        transform: PairTransform | None = None,
        shuffle: bool = False,
        seed: int = 0,
        batch: int = 16,
        rank: int | None = None,
        world: int | None = None,
        threads: int = 2,
    ) -> None:
        together = torch.distributed.is_available() and torch.distributed.is_initialized()
        self.rank = (torch.distributed.get_rank() if together else 0) if rank is None else rank
        self.world = (
            (torch.distributed.get_world_size() if together else 1) if world is None else world
        )
        if not 0 <= self.rank < self.world:
            raise ValueError(
                f"unknown rank {self.rank}: {self.world} ranks are 0 to {self.world - 1}"
            )
        self.rows = DatasetRows(uri, where or RowFilter())
        self.transform = transform
        self.shuffle = shuffle
        self.seed = seed
        self.batch = batch
        self.threads = threads
        self.epoch = 0
        self._start = 0  # first row of the next iteration
        self._position = 0  # next row of the current iteration

    def __len__(self) -> int:
        """The number of rows of this rank in a whole epoch."""
        low, high = self._range()
        return high - low

    def __iter__(self) -> Iterator[Sample]:
        """Iterate this rank's samples of an epoch; in a DataLoader's worker, this worker's."""
        worker = get_worker_info()
        if worker is not None:
            yield from self._samples(worker.id, worker.num_workers)
            return
        samples = self._samples(0, 1)
        self.begin_epoch()
        for sample in samples:
            self.advance(1)
            yield sample
        self.end_epoch()

    def begin_epoch(self) -> int:
        """Begin counting at this iteration's start; the next one starts at row 0.

        Returns:
            The number of rows of the epoch that are already done.
        """
        self._position, self._start = self._start, 0
        return self._position

    def advance(self, count: int) -> None:
        """Count delivered rows."""
        self._position += count

    def end_epoch(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1
        self._position = 0

    def state_dict(self) -> dict[str, Any]:
        """The position of the stream as JSON values."""
        return {**self._identity(), "epoch": self.epoch, "position": self._position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume at the position of a stream of the same rows, with any number of workers.

        Raises:
            UserError: If the state has other rows, another seed or other ranks.
        """
        wrong = [name for name, value in self._identity().items() if state.get(name) != value]
        if wrong:
            raise UserError(
                f"the state is from another stream: {', '.join(wrong)} differ; open the stream "
                "with the same dataset, filter, seed and ranks"
            )
        self.epoch, self._start = state["epoch"], state["position"]
        self._position = self._start

    def _identity(self) -> dict[str, Any]:
        """The values that determine the order of the rows."""
        return {
            "rows": len(self.rows),
            "shuffle": self.shuffle,
            "seed": self.seed,
            "rank": self.rank,
            "world": self.world,
        }

    def _range(self) -> tuple[int, int]:
        """The range of this rank's positions in an epoch."""
        count = len(self.rows)
        return count * self.rank // self.world, count * (self.rank + 1) // self.world

    def _samples(self, worker: int, workers: int) -> Iterator[Sample]:
        low, high = self._range()
        order = np.arange(len(self.rows))
        if self.shuffle:
            order = np.random.default_rng([self.seed, self.epoch]).permutation(order)
        first, step = low + self._start + worker * self.batch, workers * self.batch
        chunks = [
            order[start : min(start + self.batch, high)] for start in range(first, high, step)
        ]
        return self._read([run for chunk in chunks for run in self.rows.runs(chunk)], self.epoch)

    def _read(self, runs: list[np.ndarray], epoch: int) -> Iterator[Sample]:
        pending: deque[tuple[np.ndarray, Future[list[Pair]]]] = deque()
        with ThreadPoolExecutor(self.threads) as readers:
            try:
                for run in runs:
                    pending.append((run, readers.submit(self._pairs, run)))
                    if len(pending) > 2 * self.threads:
                        yield from self._finished(*pending.popleft(), epoch)
                while pending:
                    yield from self._finished(*pending.popleft(), epoch)
            finally:  # a caller that stops early does not wait for the rest
                for _, future in pending:
                    future.cancel()

    def _pairs(self, run: np.ndarray) -> list[Pair]:
        return [decode_pair(*files) for files in self.rows.images(int(run[0]), len(run))]

    def _finished(self, run: np.ndarray, pairs: Future[list[Pair]], epoch: int) -> Iterator[Sample]:
        for index, pair in zip(run.tolist(), pairs.result(), strict=True):
            if self.transform is None:
                yield make_sample(self.rows, index, pair, None)
                continue
            # A seed for each row, independent of the generator's state, so that a resumed stream
            # continues as if it had never stopped.
            state = np.random.SeedSequence([self.seed, epoch, index]).generate_state(1)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(state[0]))
                sample = make_sample(self.rows, index, pair, self.transform)
            yield sample
