"""Publish: the last round's kept masks beside their pictures, as the dataset users keep."""

from __future__ import annotations

import json

import pyarrow as pa

from pipeline.records import PICTURE, ROUND_SCHEMA, Row

_FROM_ROUND = (
    "mask",
    "classes",
    "area",
    "confidence",
    "mask_confidence",
    "confidence_map",
    "source",
    "model",
)

DATASET_FIELDS = [
    ("id", pa.string()),
    ("image", PICTURE),
    ("height", pa.int32()),
    ("width", pa.int32()),
    ("tags", pa.list_(pa.int64())),
    *((name, ROUND_SCHEMA.field(name).type) for name in _FROM_ROUND),
]


def dataset_schema(classes: list[str]) -> pa.Schema:
    """The schema of a published dataset, with the features that Hugging Face reads.

    Pictures and masks are shown as pictures, tags as class names: pixel value 0 is named
    ``background`` there, so that a tag's number is its pixel value.
    """
    picture = {"_type": "Image"}
    # "Sequence" is the older name of "List", and readable by all versions.
    names = {
        "_type": "Sequence",
        "feature": {"_type": "ClassLabel", "names": ["background", *classes]},
    }
    features = {
        "image": picture,
        "mask": picture,
        "confidence_map": picture,
        "tags": names,
        "classes": names,
    }
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema(DATASET_FIELDS, metadata=metadata)


class Publish:
    """Joins a picture with its row of the last round, which the scan names ``round``."""

    def __call__(self, rows: list[Row]) -> list[Row]:
        """One dataset row for each."""
        return [{**row, **{name: row["round"][name] for name in _FROM_ROUND}} for row in rows]
