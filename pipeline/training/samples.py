"""Training samples: rows read in shuffled buffers, turned into crops and their targets."""

from __future__ import annotations

import io
import itertools
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tag2mask.models.segmentation.weight_map import weight_map
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import BACKGROUND, IGNORE, Row
from tag2mask.pipeline.tables.scan import Scan, ScanUnit
from tag2mask.pipeline.training.augmentation import PADDING, View, random_view

# Losses are taken on a grid of this stride: finer than the logits, and a sixteenth of the
# cost of full size.
LABEL_STRIDE = 4
# Rows that are shuffled together. Reading row groups in random order, and rows in random
# order inside a buffer, keeps reads sequential on any storage and memory bounded.
BUFFER_ROWS = 4096

# What is known of a crop: one array, or several where a loss needs more than one thing.
Labels = np.ndarray | tuple[np.ndarray, ...]
Targets = Tensor | tuple[Tensor, ...]
Target = Callable[[Row, View, np.random.Generator], Labels]
# Draws a view from an image's width and height, the crop, the scales and what is random.
Views = Callable[[int, int, int, tuple[float, float], np.random.Generator], View]


@dataclass(frozen=True)
class TagTarget:
    """The image's tags as a (C,) vector of zeros and ones."""

    classes: int

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> np.ndarray:
        """(C,) float32."""
        target = np.zeros(self.classes, np.float32)
        target[np.asarray(row["tags"], np.int64) - 1] = 1
        return target


@dataclass(frozen=True)
class MaskTarget:
    """The hard mask of a round (named ``source`` in the scan) as (h, w) int64."""

    source: str

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> np.ndarray:
        """(crop / 4, crop / 4) class indices, 255 outside of the image."""
        with Image.open(io.BytesIO(row[self.source]["mask"]["bytes"])) as mask:
            return _reduced(view.of(mask, Image.Resampling.NEAREST, IGNORE)).astype(np.int64)


@dataclass(frozen=True)
class WeightedMaskTarget:
    """The hard mask of a round and U-Net's weights of its pixels, as (h, w) each."""

    source: str

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> Labels:
        """Class indices int64, 255 outside of the image, and weights float32."""
        with Image.open(io.BytesIO(row[self.source]["mask"]["bytes"])) as mask:
            labels = view.of(mask, Image.Resampling.NEAREST, IGNORE)
        # Distances are in pixels of the crop, so they are taken before it is reduced.
        weights = weight_map(labels, IGNORE)
        return _reduced(labels).astype(np.int64), np.ascontiguousarray(_reduced(weights))


@dataclass(frozen=True)
class ConfidentMaskTarget:
    """A hard mask without its least certain pixels: one of several for the same image.

    Our reading of the survey's augmentation "by the probability values of the output"
    (Yanai & Shimoda 2017, section 2.3; it says no more): an image yields several
    training samples, each from its mask cut at another probability; what lies below is
    ignored. The threshold is drawn again for every sample.

    Args:
        source: The round's name in the scan.
        thresholds: Probabilities to choose from; 0 keeps every pixel.
    """

    source: str
    thresholds: tuple[float, ...]

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> np.ndarray:
        """(crop / 4, crop / 4) class indices, 255 where ignored."""
        mask = MaskTarget(self.source)(row, view, rng)
        with Image.open(io.BytesIO(row[self.source]["confidence_map"]["bytes"])) as certainty:
            certain = _reduced(view.of(certainty, Image.Resampling.BILINEAR, 0))
        mask[certain < 255 * rng.choice(self.thresholds)] = IGNORE
        return mask


@dataclass(frozen=True)
class SoftTarget:
    """The probabilities of a seed round as (K, h, w), zeros outside of the image."""

    source: str
    classes: int

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> np.ndarray:
        """(C + 1, crop / 4, crop / 4) float32, each pixel summing to one or to zero."""
        side = view.crop // LABEL_STRIDE
        target = np.zeros((self.classes + 1, side, side), np.float32)
        channels = [BACKGROUND, *row["tags"]]
        for channel, data in zip(channels, row[self.source]["probabilities"], strict=True):
            with Image.open(io.BytesIO(data)) as probability:
                values = view.of(probability, Image.Resampling.BILINEAR, 0)
            target[channel] = _reduced(values).astype(np.float32)
        total = target.sum(axis=0, keepdims=True)
        return np.divide(target, total, out=target, where=total > 0)


@dataclass(frozen=True)
class KnownTarget(ABC):
    """Another target, but the mask itself for those images whose mask is beyond doubt.

    Args:
        otherwise: The target of all other images.
        classes: Number of foreground classes.
        soft: Whether a target is (C + 1, h, w) probabilities and not (h, w) classes.
    """

    otherwise: Target
    classes: int
    soft: bool

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> Labels:
        """As ``otherwise``; of a known mask no pixel is in doubt."""
        mask = self.known(row, view, rng)
        if mask is None:
            return self.otherwise(row, view, rng)
        return one_hot(mask, self.classes) if self.soft else mask

    @abstractmethod
    def known(self, row: Row, view: View, rng: np.random.Generator) -> np.ndarray | None:
        """The mask as :class:`MaskTarget` gives one, None where it is not known."""


class NegativeTarget(KnownTarget):
    """Background for images without tags: they show none of the classes."""

    def known(self, row: Row, view: View, rng: np.random.Generator) -> np.ndarray | None:
        """Background inside of the image, if it has no tag."""
        if row["tags"]:
            return None
        empty = Image.new("L", (row["width"], row["height"]), BACKGROUND)
        return _reduced(view.of(empty, Image.Resampling.NEAREST, IGNORE)).astype(np.int64)


class WeightedNegativeTarget(NegativeTarget):
    """The same, with the weights that :class:`WeightedMaskTarget` gives to what is all alike."""

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> Labels:
        """As ``otherwise``; background weighs one, what is outside of the image nothing."""
        mask = self.known(row, view, rng)
        if mask is None:
            return self.otherwise(row, view, rng)
        return mask, (mask != IGNORE).astype(np.float32)


def one_hot(mask: np.ndarray, classes: int) -> np.ndarray:
    """A mask (h, w) as (C + 1, h, w) float32; ignored pixels sum to zero: no loss sees them."""
    return (mask == np.arange(classes + 1)[:, None, None]).astype(np.float32)


@dataclass(frozen=True)
class WeakTarget:
    """Labels of a weak loss: tags, seeds and the image, see ``WeakLabels``.

    Args:
        classes: Number of foreground classes.
        source: The round whose masks are the seeds, by its name in the scan; None for none.
    """

    classes: int
    source: str | None = None

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> Labels:
        """Tags (C,) float32, seeds (h, w) int64, 255 without, image (3, h, w) uint8."""
        with Image.open(io.BytesIO(row["image"]["bytes"])) as picture:
            small = _reduced(view.of(picture.convert("RGB"), Image.Resampling.BILINEAR, PADDING))
        seeds = np.full(small.shape[:2], IGNORE, np.int64)
        if self.source is not None:
            seeds = MaskTarget(self.source)(row, view, rng)
        tags = TagTarget(self.classes)(row, view, rng)
        return tags, seeds, np.ascontiguousarray(small.transpose(2, 0, 1))


def _reduced(values: np.ndarray) -> np.ndarray:
    """Every fourth pixel, at the center of its cell."""
    half = LABEL_STRIDE // 2
    return values[half::LABEL_STRIDE, half::LABEL_STRIDE]


@dataclass(frozen=True)
class Samples:
    """An endless, resumable stream of batches.

    The batch of a step follows from the seed and the step alone: a training that continues
    from a checkpoint sees the batches that it would have seen.

    Args:
        scan: The rows; every row must hold an image and what ``target`` reads.
        target: Makes the target of a view.
        batch: Samples in a batch.
        crop: Side of a crop, in pixels.
        scale: Range of the image's longer side, relative to the crop.
        seed: Of the order and the views.
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
            first_step: Where to start.
            rank: Which of the processes that share the batches this is, from 0: it reads and
                gets every ``of``-th sample of a batch from number ``rank`` on.
            of: How many they are.
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
        with Image.open(io.BytesIO(row["image"]["bytes"])) as picture:
            rgb = picture.convert("RGB")
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
            if wanted != units:  # a data set that fits into one buffer is read once
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


def moved(targets: Targets, device: torch.device) -> Targets:
    """Targets on a device."""
    if isinstance(targets, tuple):
        return tuple(part.to(device) for part in targets)
    return targets.to(device)


def _read(places: Iterable[tuple[ScanUnit, str]]) -> dict[str, Row]:
    """Rows by id; of each unit only those that are asked for."""
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
