"""Publication of the last round's kept masks with their images as a dataset."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
from pydantic import Field

from tag2mask.models.settings import Settings
from tag2mask.pipeline.publication.confidence import ConfidenceCalibration
from tag2mask.pipeline.publication.quality import QualitySettings, agreement, find_flags
from tag2mask.pipeline.records import (
    IGNORE,
    IMAGE,
    ROUND_SCHEMA,
    ClassTable,
    Row,
    decode_mask,
    palette,
)
from tag2mask.pipeline.records.confidence_thresholds import class_thresholds
from tag2mask.pipeline.tables.table import Table

_FROM_ROUND = (
    "mask",
    "classes",
    "area",
    "confidence",
    "mask_confidence",
    "confidence_map",
    "tag_probability",
    "source",
    "model",
)

DATASET_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image", IMAGE),
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("tags", pa.list_(pa.int64())),
        ("near_duplicate_of", pa.string()),  # id of the kept image, if this is its near-duplicate
        *((name, ROUND_SCHEMA.field(name).type) for name in _FROM_ROUND),
        ("round", pa.int32()),  # number of the round; 0 for the seeds
        ("mask_sha256", pa.string()),  # SHA-256 of the PNG, by which later rounds name it
        ("previous_round", pa.int32()),  # round of the previous mask; null for a first mask
        ("previous_mask", pa.string()),  # SHA-256 of the previous mask's PNG
        ("agreement", pa.float32()),  # mean IoU of the mask and the previous one
        ("ignored", pa.float32()),  # share of the image without a label
        ("flags", pa.list_(pa.string())),  # tag2mask.pipeline.publication.quality.FLAGS
        # One calibrated value for each of tags, and the least of them; see
        # tag2mask.pipeline.publication.confidence. Datasets of version 0.1 lack both.
        ("class_confidence", pa.list_(pa.float32())),
        ("object_confidence", pa.float32()),
    ]
)
ADDED_COLUMNS = ("class_confidence", "object_confidence")


class PublishSettings(Settings):
    """Settings of the published dataset: license and quality flags."""

    old_names: ClassVar[dict[str, str]] = {"licence": "license"}

    license: str = Field(
        "unknown",
        pattern=r"^[a-z0-9][a-z0-9.\-]*$",
        description="License of the images, as Hugging Face names it: cc-by-4.0, other, unknown.",
    )
    quality: QualitySettings = QualitySettings()


def license_of(metadata: Mapping[str, Any]) -> str:
    """The license in a dataset's metadata, under its current or its earlier name."""
    return PublishSettings.model_validate(metadata["publish"]).license


def colors_of(metadata: Mapping[str, Any]) -> dict[str, str]:
    """The classes' colors in a dataset's metadata, as ``#rrggbb`` by class name."""
    found: dict[str, str] = metadata["colors"] if "colors" in metadata else metadata["colours"]
    return found


def dataset_schema(classes: Sequence[str]) -> pa.Schema:
    """Make the schema of a published dataset, with Hugging Face's features in its metadata.

    Hugging Face shows images and masks as images, and tags as class names. Pixel value 0 is named
    ``background`` there, so that a tag's number is its pixel value.

    Args:
        classes: Foreground class names in the order of their pixel values.
    """
    metadata = {"huggingface": json.dumps({"info": {"features": features(classes)}})}
    return DATASET_SCHEMA.with_metadata(metadata)


def features(classes: Sequence[str]) -> dict[str, Any]:
    """Make Hugging Face's features of the columns whose Arrow type is ambiguous."""
    image = {"_type": "Image"}
    # "Sequence" is the older name of "List", and readable by all versions.
    names = {
        "_type": "Sequence",
        "feature": {"_type": "ClassLabel", "names": ["background", *classes]},
    }
    return {
        "image": image,
        "mask": image,
        "confidence_map": image,
        "tags": names,
        "classes": names,
    }


def dataset_metadata(
    rounds: Sequence[Table],
    split: str | None,
    settings: dict[str, Any],
    calibration: ConfidenceCalibration,
) -> dict[str, Any]:
    """Make a dataset's metadata, in addition to those of its last round.

    Args:
        rounds: Tables of the rounds, from the seeds to the last.
        split: Split of the images; None for a source without splits.
        settings: A dictionary of :class:`PublishSettings`.
        calibration: Calibration of the confidence of objects.
    """
    classes = rounds[-1].metadata["classes"]
    return {
        "split": split_name(split),
        "publish": settings,
        "colors": hex_colors(classes),
        "confidence": calibration.model_dump(),
        "rounds": [
            {
                "name": table.manifest.kind,
                "masks": len(table),
                "kept": sum(bool(row["kept"]) for row in table.rows(["kept"])),
                "fingerprint": table.fingerprint,
            }
            for table in rounds
        ],
    }


def published_columns(number: int) -> list[str]:
    """The columns that :class:`Publish` reads; ``number`` is the last round's number."""
    own = ["image", "height", "width", "tags", "near_duplicate_of"]
    last = [f"round{number}.{name}" for name in (*_FROM_ROUND, "kept")]
    return [*own, *last, *(f"round{index}.mask" for index in range(number))]


def is_kept(labeled: Row | None) -> bool:
    """Whether an image's row of the last round passed its filter."""
    return bool(labeled and labeled["kept"])


def split_name(split: str | None) -> str:
    """A source's split in the letters, digits and _ that Hugging Face allows."""
    return re.sub(r"\W+", "_", split or "train")


def part_name(split: str | None) -> str:
    """The template of the files' names, from which Hugging Face and others derive the split."""
    return f"data/{split_name(split)}-{{number:05d}}-of-{{count:05d}}"


def hex_colors(classes: Sequence[str]) -> dict[str, str]:
    """The colors of the masks as ``#rrggbb`` by class name, background first."""
    return {
        name: f"#{palette()[3 * value : 3 * value + 3].hex()}"
        for value, name in enumerate(["background", *classes])
    }


class Publish:
    """A stage that joins an image with its row of the last round and its previous mask.

    The scan names the rounds ``round0``, ``round1`` and so on.

    Args:
        number: Number of the last round, whose masks are published.
        quality: A dictionary of :class:`QualitySettings`.
        classes: Class names by pixel value, from 1.
        calibration: A dictionary of
            :class:`tag2mask.pipeline.publication.confidence.ConfidenceCalibration`.

    Raises:
        UserError: If a threshold names no class.
    """

    def __init__(
        self,
        number: int,
        quality: dict[str, Any],
        classes: Sequence[str],
        calibration: dict[str, Any],
    ) -> None:
        self.number = number
        self.quality = QualitySettings.model_validate(quality)
        table = ClassTable(names=tuple(classes))
        self.thresholds = class_thresholds(self.quality.confidence, table)
        self.calibration = ConfidenceCalibration.model_validate(calibration)

    def __call__(self, rows: list[Row]) -> list[Row]:
        """Map rows of the scan to rows of the dataset."""
        return [self._publish(row) for row in rows]

    def _publish(self, row: Row) -> Row:
        last = row[f"round{self.number}"]
        mask = decode_mask(last["mask"]["bytes"])
        published = {
            **row,
            **{name: last[name] for name in _FROM_ROUND},
            # A model's mask holds only the image's tags; a person's mask may hold more classes.
            "tags": sorted({*row["tags"], *last["classes"]}),
            "round": self.number,
            "mask_sha256": _digest(last),
            "ignored": float((mask == IGNORE).mean()),
            **self._lineage(row, mask),
        }
        confidence = self.calibration.of_tags(published)
        published |= {
            "class_confidence": confidence,
            "object_confidence": min(confidence, default=0.0),
        }
        return {**published, "flags": find_flags(published, self.quality, self.thresholds)}

    def _lineage(self, row: Row, mask: np.ndarray) -> Row:
        """Columns on the last earlier round that has a mask of the image, kept or not."""
        for number in reversed(range(self.number)):
            earlier = row[f"round{number}"]
            if earlier and earlier["mask"]:
                before = decode_mask(earlier["mask"]["bytes"])
                return {
                    "previous_round": number,
                    "previous_mask": _digest(earlier),
                    "agreement": agreement(mask, before),
                }
        return {"previous_round": None, "previous_mask": None, "agreement": None}


def _digest(labeled: Row) -> str:
    return hashlib.sha256(labeled["mask"]["bytes"]).hexdigest()
