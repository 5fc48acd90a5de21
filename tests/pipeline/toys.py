"""A toy problem: images whose color says the class, in tables that the steps can read."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tag2mask.pipeline.labeling.recipe import Recipe, read_recipe
from tag2mask.pipeline.records import IMAGES_SCHEMA, Row, encode_map, encode_mask, image_id
from tag2mask.pipeline.tables.scan import Scan
from tag2mask.pipeline.tables.table import Table
from tag2mask.pipeline.training.trainable import ProgressCallback
from tests.pipeline.small_tables import SHARDS, writer

CLASSES = ("cat", "dog", "bird")
# Background and the three classes, far apart in every channel.
COLORS = np.array([[20, 20, 20], [230, 40, 40], [40, 230, 40], [40, 40, 230]], np.uint8)


def png(pixels: np.ndarray) -> bytes:
    """An image or map as a PNG."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def labels(number: int, tags: Sequence[int], height: int = 48, width: int = 64) -> np.ndarray:
    """A label map: one rectangle for each tag, in columns of their own."""
    random = np.random.default_rng(number)
    mask = np.zeros((height, width), np.uint8)
    step = width // len(tags)
    for position, tag in enumerate(tags):
        top = int(random.integers(0, height // 4))
        left = position * step + int(random.integers(0, step // 4))
        mask[top : top + height // 2, left : left + step // 2] = tag
    return mask


def image_row(number: int, tags: Sequence[int]) -> Row:
    """A row of the images table; the noise keeps ids apart."""
    mask = labels(number, tags)
    noise = np.random.default_rng(number).integers(0, 12, (*mask.shape, 3), np.uint8)
    data = png(COLORS[mask] + noise)
    return {
        "id": image_id(data),
        "image": {"bytes": data, "path": f"{number}.png"},
        "height": mask.shape[0],
        "width": mask.shape[1],
        "tags": list(tags),
        "error": None,
    }


def tags_of(number: int) -> list[int]:
    """Tags 1, 2, 3, 1, …, and every fifth image has two."""
    tag = 1 + number % len(CLASSES)
    return sorted({tag, tag % len(CLASSES) + 1}) if number % 5 == 4 else [tag]


def images_table(root: Path | str, count: int, shards: int = SHARDS) -> Table:
    """A committed images table of toy images."""
    metadata = {"classes": list(CLASSES)}
    images = writer(root, "images", IMAGES_SCHEMA, metadata=metadata, shards=shards)
    images.stage([image_row(number, tags_of(number)) for number in range(count)])
    return images.commit()


def round_row(row: Row) -> Row:
    """The ground truth mask of a toy image as a round's row, certain on the left half alone."""
    number = int(Path(row["image"]["path"]).stem)
    mask = labels(number, row["tags"])
    height, width = mask.shape
    certain = np.full((height // 8, width // 8), 0.5)
    certain[:, : width // 16] = 0.9
    chosen = [(mask == tag).astype(float)[::4, ::4] for tag in (0, *row["tags"])]
    return {
        "id": row["id"],
        "mask": {"bytes": encode_mask(mask), "path": row["image"]["path"]},
        "classes": row["tags"],
        "area": [float((mask == tag).mean()) for tag in row["tags"]],
        "confidence": [0.7] * len(row["tags"]),
        "mask_confidence": 0.7,
        "confidence_map": {"bytes": encode_map(certain), "path": None},
        "probabilities": [encode_map(values) for values in chosen],
        "source": "toy",
        "model": "",
        "kept": True,
        "reason": "",
    }


def round_table(
    root: Path | str, images: Table, name: str = "toy", changes: Row | None = None
) -> Table:
    """A committed round with the ground truth masks of a toy images table.

    Args:
        root: Folder of the run.
        images: The images.
        name: Of the round.
        changes: Values that all rows get.
    """
    rounds = writer(root, name, metadata=images.metadata)
    rounds.stage([{**round_row(row), **(changes or {})} for row in images.rows()])
    return rounds.commit()


def toy_scan(root: Path | str, count: int) -> Scan:
    """Toy images joined with their ground truth masks as the round ``toy``."""
    images = images_table(root, count)
    return Scan(images, {"toy": round_table(root, images)})


class SilentReporter:
    """Keeps what a run says."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def info(self, sentence: str) -> None:
        self.said.append(sentence)

    def rows(self, step: str, total: int) -> Callable[[int], None]:
        return lambda done: None

    def steps(self, step: str, total: int) -> ProgressCallback:
        return lambda done, loss: None


_TRAINING = (
    '{"steps": 4, "batch": 4, "crop": 64, "learning_rate": 3e-3, "head_lr_multiplier": 1, '
    '"warmup": 1}'
)
_EVERYTHING = '{"simple_area": [0, 1], "tag_area": 0, "objects_area": 1}'
# Settings with which every step takes a second, and the filter keeps everything.
TINY_SETTINGS = (
    "shards=3",
    'backbone={"name": "tiny", "output_stride": 8, "pretrained": false}',
    f"tagger.training={_TRAINING}",
    "tagger.pooling=average",
    'seeds.settings={"canvas": 64, "scales": [1]}',
    f"seeds.select={_EVERYTHING}",
    "affinity=null",
    "segmenter.width=8",
    "segmenter.dropout=0.1",
    "segmenter.from_tagger=true",
    f"segmenter.training={_TRAINING}",
    "relabel.size=64",
    "relabel.crf=none",
    f"select={_EVERYTHING}",
)


def tiny_recipe(*changes: str) -> Recipe:
    """A recipe of the tiny settings and some changes, each as key=value."""
    return read_recipe(None, [*TINY_SETTINGS, *changes])
