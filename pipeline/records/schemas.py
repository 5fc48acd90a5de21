"""Arrow schemas of the tables, and the identity of a row.

The column types suit the readers: Hugging Face reads images from
``struct<bytes: binary, path: string>`` and class lists from ``list<int64>``.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa

Row = dict[str, Any]


def image_id(data: bytes) -> str:
    """Compute the id of an image: the SHA-256 of its bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def shard_of(row_id: str, shards: int) -> int:
    """The shard of a row, ``id mod shards``, the same in every table of a run."""
    return int(row_id[:16], 16) % shards


IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

# One ingested image. An image that could not be read keeps its row, with a null image and the
# reason in ``error``, so that no image disappears unnoticed.
IMAGES_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image", IMAGE),  # decodes directly to RGB; the path is relative to the source
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("tags", pa.list_(pa.int64())),  # pixel values, sorted, 1 to len(classes)
        ("near_duplicate_of", pa.string()),  # id of the kept image
        ("error", pa.string()),
    ]
)

# One image in one labeling round. Maps are 8-bit PNGs at 1/8 (confidence) and 1/4 (scores,
# probabilities) of the image's size. That is enough for augmentation, soft labels and filtering,
# and takes 1 % of the space of a full-resolution softmax.
ROUND_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("mask", IMAGE),
        ("classes", pa.list_(pa.int64())),  # foreground classes that the mask shows
        ("area", pa.list_(pa.float32())),  # share of the image, one value for each of classes
        ("confidence", pa.list_(pa.float32())),  # mean probability, one value for each of classes
        ("mask_confidence", pa.float32()),  # mean probability over the labeled pixels
        ("confidence_map", IMAGE),
        ("tag_probability", pa.list_(pa.float32())),  # the tagger's probability of each tag
        ("scores", pa.list_(pa.binary())),  # seed rounds: one map for each tag, in tag order
        ("probabilities", pa.list_(pa.binary())),  # background, then one for each tag
        ("source", pa.string()),  # dcsm, cam, saliency, initial, enhanced, powerful
        ("model", pa.string()),  # SHA-256 of the weights, empty without a model
        ("kept", pa.bool_()),
        ("reason", pa.string()),  # the filter's reason for rejecting the mask, empty if kept
        ("error", pa.string()),
    ]
)
