"""Training samples: rows in shuffled buffers become crops and targets."""

from __future__ import annotations

import io
import itertools
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from tag2mask.models.segmentation.weight_map import weight_map
from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.records import BACKGROUND, IGNORE, Row
from tag2mask.pipeline.tables.manifest import table_key
from tag2mask.pipeline.tables.scan import Scan, ScanUnit
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.augmentation import PADDING, View, random_view

# Losses are taken on a grid of this stride. It is finer than the logits and costs a sixteenth of
# full size.
LABEL_STRIDE = 4
# Rows that are shuffled together. Reading row groups in random order, and rows in random
# order inside a buffer, keeps reads sequential on any storage and memory bounded.
BUFFER_ROWS = 4096
# The name under which a row of a scan holds the mask that a person corrected, if any.
CORRECTION = "correction"

# The labels of a crop: one array, or several where a loss needs several.
Labels = np.ndarray | tuple[np.ndarray, ...]
Targets = Tensor | tuple[Tensor, ...]
Target = Callable[[Row, View, np.random.Generator], Labels]
# Draws a view from an image's width and height, the crop, the scales and a random generator.
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
    """The hard mask of a round as (h, w) int64.

    Args:
        source: The round's name in the scan.
    """

    source: str

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> np.ndarray:
        """(crop / 4, crop / 4) class indices, 255 outside of the image."""
        with Image.open(io.BytesIO(row[self.source]["mask"]["bytes"])) as mask:
            return _reduced(view.of(mask, Image.Resampling.NEAREST, IGNORE)).astype(np.int64)


@dataclass(frozen=True)
class WeightedMaskTarget:
    """The hard mask of a round and U-Net's pixel weights, as (h, w) each.

    Args:
        source: The round's name in the scan.
    """

    source: str

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> Labels:
        """Class indices int64, 255 outside of the image, and weights float32."""
        with Image.open(io.BytesIO(row[self.source]["mask"]["bytes"])) as mask:
            labels = view.of(mask, Image.Resampling.NEAREST, IGNORE)
        # Distances are in pixels of the crop, so weights are taken before the reduction.
        weights = weight_map(labels, IGNORE)
        return _reduced(labels).astype(np.int64), np.ascontiguousarray(_reduced(weights))


@dataclass(frozen=True)
class ConfidentMaskTarget:
    """A hard mask without its least certain pixels, at a threshold drawn for every sample.

    This is our reading of the survey's augmentation "by the probability values of the output"
    (Yanai & Shimoda 2017, section 2.3; there are no further details). An image yields several
    training samples. Each ignores the pixels of its mask below another probability.

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
    """The probabilities of a seed round as (K, h, w), zeros outside of the image.

    Args:
        source: The round's name in the scan.
        classes: Number of foreground classes C; K is C + 1.
    """

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
class FixedMaskTarget(ABC):
    """A fixed mask for some images, and another target for all others.

    Args:
        otherwise: The target of all other images.
        classes: Number of foreground classes.
        soft: Whether a target is (C + 1, h, w) probabilities and not (h, w) classes.
    """

    otherwise: Target
    classes: int
    soft: bool

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> Labels:
        """The fixed mask if there is one, in the shape and dtype of ``otherwise``."""
        mask = self.fixed_mask(row, view, rng)
        if mask is None:
            return self.otherwise(row, view, rng)
        return one_hot(mask, self.classes) if self.soft else mask

    @abstractmethod
    def fixed_mask(self, row: Row, view: View, rng: np.random.Generator) -> np.ndarray | None:
        """The fixed mask as in :class:`MaskTarget`, None if the row has none."""


class CorrectedTarget(FixedMaskTarget):
    """The mask that a person drew or confirmed, for images that have one."""

    def fixed_mask(self, row: Row, view: View, rng: np.random.Generator) -> np.ndarray | None:
        """The person's mask, None if the image has none."""
        return None if row.get(CORRECTION) is None else MaskTarget(CORRECTION)(row, view, rng)


class NegativeTarget(FixedMaskTarget):
    """Background for images without tags, which show none of the classes."""

    def fixed_mask(self, row: Row, view: View, rng: np.random.Generator) -> np.ndarray | None:
        """Background inside of the image, if it has no tag."""
        if row["tags"]:
            return None
        empty = Image.new("L", (row["width"], row["height"]), BACKGROUND)
        return _reduced(view.of(empty, Image.Resampling.NEAREST, IGNORE)).astype(np.int64)


class WeightedNegativeTarget(NegativeTarget):
    """Background and its weights, which are those of :class:`WeightedMaskTarget` for one class."""

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> Labels:
        """Background with weight 1 inside of the image, and ``otherwise`` for tagged images."""
        mask = self.fixed_mask(row, view, rng)
        if mask is None:
            return self.otherwise(row, view, rng)
        return mask, (mask != IGNORE).astype(np.float32)


def one_hot(mask: np.ndarray, classes: int) -> np.ndarray:
    """A mask (h, w) as (C + 1, h, w) float32; ignored pixels are zero and in no loss."""
    return (mask == np.arange(classes + 1)[:, None, None]).astype(np.float32)


@dataclass(frozen=True)
class WeakTarget:
    """Labels of a weak loss: tags, seeds and the image, see ``WeakLabels``.

    Args:
        classes: Number of foreground classes.
        source: Name in the scan of the round whose masks are the seeds; None for no seeds.
    """

    classes: int
    source: str | None = None

    def __call__(self, row: Row, view: View, rng: np.random.Generator) -> Labels:
        """Tags (C,) float32, seeds (h, w) int64, 255 without, image (3, h, w) uint8."""
        with Image.open(io.BytesIO(row["image"]["bytes"])) as image:
            small = _reduced(view.of(image.convert("RGB"), Image.Resampling.BILINEAR, PADDING))
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


@dataclass(frozen=True)
class TrainingSet:
    """The images of a training, the target of each, and what both add to the model's key.

    A set grows by :meth:`with_corrections` and :meth:`with_negatives`, in this order: the number
    of negatives usually follows from the number of all other images.

    Attributes:
        scan: The rows; every row holds an image and the columns that ``target`` reads.
        target: Makes the target of a view.
        views: Draws the view of a sample.
        soft: Whether a target is (C + 1, h, w) probabilities and not (h, w) classes.
        key_inputs: JSON values by name for the model's key.
    """

    scan: Scan
    target: Target
    views: Views = random_view
    soft: bool = False
    key_inputs: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_round(
        cls,
        images: Table,
        masks: Table,
        target: Target,
        columns: Sequence[str] = ("mask",),
        *,
        views: Views = random_view,
        soft: bool = False,
    ) -> TrainingSet:
        """The images whose mask a round kept.

        Args:
            images: The images.
            masks: The round, ``round`` in the rows.
            target: Makes the target of a view.
            columns: The round's columns that the target reads.
            views: Draws the view of a sample.
            soft: Whether a target is probabilities.
        """
        read = ["image", "tags", *(f"round.{column}" for column in columns)]
        scan = Scan(images, {"round": masks}, columns=read).where(
            lambda row: bool(row["round"] and row["round"]["kept"]), ["round.kept"]
        )
        key_inputs = {"round": masks.fingerprint, "kind": masks.manifest.key}
        return cls(scan, target, views, soft, key_inputs)

    def with_corrections(self, corrections: Table | None) -> TrainingSet:
        """Adds all images that people corrected; their masks replace any other target.

        Args:
            corrections: The table of corrections; None changes nothing.
        """
        if corrections is None:
            return self
        columns = self.scan.columns
        scan = replace(
            self.scan,
            joined={**self.scan.joined, CORRECTION: corrections},
            columns=None if columns is None else [*columns, f"{CORRECTION}.mask"],
            ids={*self.scan.wanted_ids(), *corrections.ids()},
        )
        return replace(
            self,
            scan=scan,
            target=CorrectedTarget(self.target, len(self.class_names), self.soft),
            key_inputs={**self.key_inputs, "corrections": corrections.fingerprint},
        )

    def with_negatives(
        self, ids: AbstractSet[str], target: type[NegativeTarget] | None = NegativeTarget
    ) -> TrainingSet:
        """Adds images that show none of the classes.

        Args:
            ids: The ids of the images, which have no tag; none of them changes nothing.
            target: Makes the target of a negative; None if the set's target serves it too.
        """
        if not ids:
            return self
        scan = replace(
            self.scan,
            ids={*self.scan.wanted_ids(), *ids},
            columns=[*(self.scan.columns or ()), "height", "width"],
        )
        ours = self.target
        if target is not None:
            ours = target(self.target, len(self.class_names), self.soft)
        negatives = table_key(ids=sorted(ids))
        return replace(
            self, scan=scan, target=ours, key_inputs={**self.key_inputs, "negatives": negatives}
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the foreground classes, in the order of the pixel values."""
        return tuple(self.scan.images.metadata["classes"])

    def __len__(self) -> int:
        """The number of images."""
        return len(self.scan)

    def samples(self, batch: int, crop: int, scale: tuple[float, float], seed: int) -> Samples:
        """The endless stream of batches; arguments are those of :class:`Samples`."""
        return Samples(self.scan, self.target, batch, crop, scale, seed, self.views)


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
