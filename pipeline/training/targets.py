"""Targets of training samples: labels of a view, made from a row."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from torch import Tensor

from tag2mask.models.segmentation.weight_map import weight_map
from tag2mask.pipeline.records import BACKGROUND, IGNORE, Row
from tag2mask.pipeline.training.augmentation import PADDING, View

# Losses are taken on a grid of this stride. It is finer than the logits and costs a sixteenth of
# full size.
LABEL_STRIDE = 4
# The name under which a row of a scan holds the mask that a person corrected, if any.
CORRECTION = "correction"

# The labels of a crop: one array, or several where a loss needs several.
Labels = np.ndarray | tuple[np.ndarray, ...]
Targets = Tensor | tuple[Tensor, ...]
Target = Callable[[Row, View, np.random.Generator], Labels]


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
