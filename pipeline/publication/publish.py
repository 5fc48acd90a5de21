"""Publish: the last round's kept masks beside their images, as the dataset users keep."""

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
from tag2mask.pipeline.publication.quality import QualitySettings, agreement, flags
from tag2mask.pipeline.records import IGNORE, IMAGE, ROUND_SCHEMA, Row, decode_mask, palette
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
        ("near_duplicate_of", pa.string()),  # id of an image that this one looks like
        *((name, ROUND_SCHEMA.field(name).type) for name in _FROM_ROUND),
        ("round", pa.int32()),  # 0 for the seeds, counted up
        ("mask_sha256", pa.string()),  # of the PNG, as later rounds name it
        ("previous_round", pa.int32()),  # of the mask before this one; null for a first mask
        ("previous_mask", pa.string()),  # SHA-256 of its PNG
        ("agreement", pa.float32()),  # mean IoU of the two masks
        ("ignored", pa.float32()),  # share of the image without a label
        ("flags", pa.list_(pa.string())),  # tag2mask.pipeline.publication.quality.FLAGS
    ]
)


class PublishSettings(Settings):
    """What the published dataset says of itself."""

    old_names: ClassVar[dict[str, str]] = {"licence": "license"}

    license: str = Field(
        "unknown",
        pattern=r"^[a-z0-9][a-z0-9.\-]*$",
        description="License of the images, as Hugging Face names it: cc-by-4.0, other, unknown.",
    )
    quality: QualitySettings = QualitySettings()


def license_of(metadata: Mapping[str, Any]) -> str:
    """The license in a dataset's metadata, under its name of today or of the version before."""
    return PublishSettings.model_validate(metadata["publish"]).license


def colors_of(metadata: Mapping[str, Any]) -> dict[str, str]:
    """The colors of the classes in a dataset's metadata, as ``#rrggbb`` by class name."""
    found: dict[str, str] = metadata["colors"] if "colors" in metadata else metadata["colours"]
    return found


def dataset_schema(classes: Sequence[str]) -> pa.Schema:
    """The schema of a published dataset, with the features that Hugging Face reads.

    Images and masks are shown as images, tags as class names: pixel value 0 is named
    ``background`` there, so that a tag's number is its pixel value.
    """
    metadata = {"huggingface": json.dumps({"info": {"features": features(classes)}})}
    return DATASET_SCHEMA.with_metadata(metadata)


def features(classes: Sequence[str]) -> dict[str, Any]:
    """Hugging Face's features of the columns whose type does not say what they are."""
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
    rounds: Sequence[Table], split: str | None, settings: dict[str, Any]
) -> dict[str, Any]:
    """What a dataset says of itself beside what its last round does.

    Args:
        rounds: From the seeds to the last.
        split: Of the images; None where the source has none.
        settings: A dictionary of :class:`PublishSettings`.
    """
    classes = rounds[-1].metadata["classes"]
    return {
        "split": split_name(split),
        "publish": settings,
        "colors": colors(classes),
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
    """What :class:`Publish` reads; ``number`` is that of the last round."""
    own = ["image", "height", "width", "tags", "near_duplicate_of"]
    last = [f"round{number}.{name}" for name in (*_FROM_ROUND, "kept")]
    return [*own, *last, *(f"round{index}.mask" for index in range(number))]


def is_kept(labeled: Row | None) -> bool:
    """Whether an image's row of the last round passed its filter."""
    return bool(labeled and labeled["kept"])


def split_name(split: str | None) -> str:
    """A source's split as the letters, digits and _ that Hugging Face allows."""
    return re.sub(r"\W+", "_", split or "train")


def part_name(split: str | None) -> str:
    """The names of the files, by which Hugging Face and others know the split."""
    return f"data/{split_name(split)}-{{number:05d}}-of-{{count:05d}}"


def colors(classes: Sequence[str]) -> dict[str, str]:
    """The palette of the masks as ``#rrggbb`` by class name, background first."""
    return {
        name: f"#{palette()[3 * value : 3 * value + 3].hex()}"
        for value, name in enumerate(["background", *classes])
    }


class Publish:
    """Joins an image with its row of the last round and with its mask of an earlier one.

    The scan names the rounds ``round0``, ``round1`` and so on.

    Args:
        number: Of the last round, whose masks are published.
        quality: Settings of the flags, as a dictionary of :class:`QualitySettings`.
    """

    def __init__(self, number: int, quality: dict[str, Any]) -> None:
        self.number = number
        self.quality = QualitySettings.model_validate(quality)

    def __call__(self, rows: list[Row]) -> list[Row]:
        """One dataset row for each."""
        return [self._publish(row) for row in rows]

    def _publish(self, row: Row) -> Row:
        last = row[f"round{self.number}"]
        mask = decode_mask(last["mask"]["bytes"])
        published = {
            **row,
            **{name: last[name] for name in _FROM_ROUND},
            # A model's masks hold tags alone; a person's may add to them.
            "tags": sorted({*row["tags"], *last["classes"]}),
            "round": self.number,
            "mask_sha256": _digest(last),
            "ignored": float((mask == IGNORE).mean()),
            **self._lineage(row, mask),
        }
        return {**published, "flags": flags(published, self.quality)}

    def _lineage(self, row: Row, mask: np.ndarray) -> Row:
        """The nearest earlier round that has a mask of the image, kept or not."""
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
