"""Training samples: rows in shuffled buffers become crops and targets."""

from __future__ import annotations

import io
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import Row
from tag2mask.pipeline.tables.scan import Scan, ScanUnit
from tag2mask.pipeline.training.augmentation import PADDING, View, random_view
from tag2mask.pipeline.training.targets import Labels, Target, Targets

# Rows that are shuffled together. Reading row groups in random order, and rows in random
# order inside a buffer, keeps reads sequential on any storage and memory bounded.
BUFFER_ROWS = 4096
# Draws a view from an image's width and height, the crop, the scales and a random generator.
Views = Callable[[int, int, int, tuple[float, float], np.random.Generator], View]


@dataclass(frozen=True)
class Samples:
    """An endless, resumable stream of batches.

    The batch of a step follows from the seed and the step alone. So a resumed training gets the
    batches that it would have got.

    Args:
        scan: The rows; every row must hold an image and what ``target`` reads.
        target: Makes the target of a view.
        batch: Samples in a batch.
        crop: Side of a crop, in pixels.
        scale: Range of the image's longer side, relative to the crop.
        seed: Random seed of the order and the views.
        views: Draws the view of a sample.
    """

    scan: Scan
    target: Target
    batch: int
    crop: int
    scale: tuple[float, float]
    seed: int
    views: Views = random_view

    def batches(
        self, first_step: int = 0, rank: int = 0, of: int = 1
    ) -> Iterator[tuple[Tensor, Targets]]:
        """Batches from a step on: images (N, 3, crop, crop) uint8 and stacked targets.

        The next batch is prepared in a thread while the caller computes.

        Args:
            first_step: Number of the first step.
            rank: Number of this process among those that share the batches, from 0. The process
                gets every ``of``-th sample of a batch, from number ``rank`` on.
            of: Number of processes.
        """
        with ThreadPoolExecutor(1) as ahead:
            pending: Future[tuple[Tensor, Targets]] | None = None
            for numbered_rows in self._rows(first_step, rank, of):
                prepared = ahead.submit(self._batch, numbered_rows)
                if pending is not None:
                    yield pending.result()
                pending = prepared

    def _batch(self, numbered_rows: list[tuple[int, Row]]) -> tuple[Tensor, Targets]:
        samples = [self._sample(row, number) for number, row in numbered_rows]
        images = torch.from_numpy(np.stack([image for image, _ in samples]))
        return images.permute(0, 3, 1, 2), _stacked([target for _, target in samples])

    def _sample(self, row: Row, number: int) -> tuple[np.ndarray, Labels]:
        rng = np.random.default_rng([self.seed, 0, number])
        with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
            rgb = image.convert("RGB")
        view = self.views(rgb.width, rgb.height, self.crop, self.scale, rng)
        return view.of(rgb, Image.Resampling.BILINEAR, PADDING), self.target(row, view, rng)

    def _rows(self, first_step: int, rank: int, of: int) -> Iterator[list[tuple[int, Row]]]:
        """The rows of one share of each batch, with the numbers of their samples."""
        first = first_step * self.batch
        share = len(range(rank, self.batch, of))
        number = 0
        units: set[ScanUnit] = set()
        rows: dict[str, Row] = {}
        batch: list[tuple[int, Row]] = []
        for buffer in self._buffers():
            numbered = list(enumerate(buffer, number))
            number += len(buffer)
            if number <= first:
                continue
            own = [(n, p) for n, p in numbered if n >= first and n % self.batch % of == rank]
            wanted = {unit for unit, _ in buffer}
            if wanted != units:  # a dataset that fits into one buffer is read once
                units, rows = wanted, {}
            rows |= _read(place for _, place in own if place[1] not in rows)
            for n, (_, row_id) in own:
                batch.append((n, rows[row_id]))
                if len(batch) == share:
                    yield batch
                    batch = []

    def _buffers(self) -> Iterator[list[tuple[ScanUnit, str]]]:
        """Units and ids in their random order, epoch after epoch, without end."""
        units = self.scan.units()
        if not units:
            raise UserError("there is no image to train on: see the counts of the steps before")
        for epoch in itertools.count():
            rng = np.random.default_rng([self.seed, 1, epoch])
            buffer: list[tuple[ScanUnit, str]] = []
            for index in rng.permutation(len(units)):
                buffer += [(units[index], row_id) for row_id in units[index].ids]
                if len(buffer) >= BUFFER_ROWS:
                    yield _shuffled(buffer, rng)
                    buffer = []
            if buffer:
                yield _shuffled(buffer, rng)


def _stacked(labels: Sequence[Labels]) -> Targets:
    if isinstance(labels[0], tuple):
        return tuple(torch.from_numpy(np.stack(part)) for part in zip(*labels, strict=True))
    return torch.from_numpy(np.stack(labels))


def to_device(targets: Targets, device: torch.device) -> Targets:
    """Targets on a device."""
    if isinstance(targets, tuple):
        return tuple(part.to(device) for part in targets)
    return targets.to(device)


def _read(places: Iterable[tuple[ScanUnit, str]]) -> dict[str, Row]:
    """Rows by id; each unit reads only the requested rows."""
    wanted: dict[ScanUnit, list[str]] = defaultdict(list)
    for unit, row_id in places:
        wanted[unit].append(row_id)
    found = {}
    for unit, ids in wanted.items():
        found.update({row["id"]: row for row in replace(unit, ids=tuple(ids)).read()})
    return found


def _shuffled(
    buffer: list[tuple[ScanUnit, str]], rng: np.random.Generator
) -> list[tuple[ScanUnit, str]]:
    return [buffer[index] for index in rng.permutation(len(buffer))]
