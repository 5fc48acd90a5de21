"""MaskStream: the images and masks of a published dataset, one after another."""

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
    """Streams a published dataset, every row exactly once over all ranks and workers.

    An epoch has one order, which follows from the seed and the epoch alone. Each rank takes
    a range of it (their lengths differ by one at most); the workers of a rank deal its
    batches out in turn, so that a DataLoader hands them out in the epoch's order, whatever
    the number of workers. What has been seen is therefore one number, from which
    :class:`tag2mask.pipeline.dataset.MaskLoader` goes on in the middle of an epoch.

    Rows that lie side by side are read together, by threads and ahead of their use.

    Args:
        uri: The dataset, a local path or an fsspec URI.
        where: Which rows are wanted, decided without reading an image; None wants all.
        transform: As for :class:`tag2mask.pipeline.dataset.MaskDataset`. What it draws from torch's
            generator follows from seed, epoch and row, so that it is the same when resumed.
        shuffle: Whether every epoch is a new permutation, instead of the order of the files.
        seed: Of the permutations and the transforms.
        batch: Samples of a batch; a DataLoader around the stream should have the same.
        rank: This process among those that train together; by default torch.distributed's.
        world: How many there are.
        threads: Reading and decoding, in each worker.

    Attributes:
        rows: The wanted rows: small columns and class table.
        epoch: Number of the epoch that is or will be streamed, from 0.

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
            raise ValueError(f"rank {self.rank} is none of {self.world}")
        self.rows = DatasetRows(uri, where or RowFilter())
        self.transform = transform
        self.shuffle = shuffle
        self.seed = seed
        self.batch = batch
        self.threads = threads
        self.epoch = 0
        self._start = 0  # of the next iteration
        self._position = 0  # of the current one

    def __len__(self) -> int:
        """The number of rows of this rank in a whole epoch."""
        low, high = self._range()
        return high - low

    def __iter__(self) -> Iterator[Sample]:
        """The samples of this rank (in a DataLoader's worker, of this worker) in an epoch."""
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
        """Counts from where this iteration starts; the next one starts at the beginning.

        Returns:
            The rows of the epoch that are done already.
        """
        self._position, self._start = self._start, 0
        return self._position

    def advance(self, count: int) -> None:
        """Counts rows that were handed out."""
        self._position += count

    def end_epoch(self) -> None:
        """The next iteration is that of the next epoch."""
        self.epoch += 1
        self._position = 0

    def state_dict(self) -> dict[str, Any]:
        """Where the stream is, as JSON values."""
        return {**self._identity(), "epoch": self.epoch, "position": self._position}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Goes on where a stream of the same rows was, with any number of workers.

        Raises:
            UserError: If the state is of other rows, another seed or other ranks.
        """
        wrong = [name for name, value in self._identity().items() if state.get(name) != value]
        if wrong:
            raise UserError(
                f"the state of another stream: {', '.join(wrong)} differ; open the stream with "
                "the dataset, filter, seed and ranks that it had"
            )
        self.epoch, self._start = state["epoch"], state["position"]
        self._position = self._start

    def _identity(self) -> dict[str, Any]:
        """What the order of the rows follows from."""
        return {
            "rows": len(self.rows),
            "shuffle": self.shuffle,
            "seed": self.seed,
            "rank": self.rank,
            "world": self.world,
        }

    def _range(self) -> tuple[int, int]:
        """The positions of this rank in an epoch."""
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
            finally:  # whoever stops in the middle does not wait for the rest
                for _, future in pending:
                    future.cancel()

    def _pairs(self, run: np.ndarray) -> list[Pair]:
        return [decode_pair(*files) for files in self.rows.images(int(run[0]), len(run))]

    def _finished(self, run: np.ndarray, pairs: Future[list[Pair]], epoch: int) -> Iterator[Sample]:
        for index, pair in zip(run.tolist(), pairs.result(), strict=True):
            if self.transform is None:
                yield make_sample(self.rows, index, pair, None)
                continue
            # Not drawn from where torch's generator happens to be: a resumed stream goes on
            # as if it had never stopped.
            state = np.random.SeedSequence([self.seed, epoch, index]).generate_state(1)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(int(state[0]))
                sample = make_sample(self.rows, index, pair, self.transform)
            yield sample
