"""Arrow schemas of the tables, and the identity of a row.

Facts about readers decide the column types. Hugging Face reads images from
``struct<bytes: binary, path: string>`` and class lists from ``list<int64>``.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa

Row = dict[str, Any]


def image_id(data: bytes) -> str:
    """The identity of an image: the SHA-256 of its bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def shard_of(row_id: str, shards: int) -> int:
    """The shard of a row, ``id mod shards``, the same in every table of a run."""
    return int(row_id[:16], 16) % shards


IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

# One ingested image. An image that could not be read keeps its row, with ``error``
# saying why and a null image, so that nothing disappears without a trace.
IMAGES_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image", IMAGE),  # decodes to RGB without further care; path is source-relative
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("tags", pa.list_(pa.int64())),  # pixel values, sorted, 1 to len(classes)
        ("near_duplicate_of", pa.string()),  # id of the image that stands for it
        ("error", pa.string()),
    ]
)

# One image at one labeling round. Maps are 8-bit PNGs at 1/8 (confidence) and 1/4
# (scores, probabilities) of the image's size: enough for augmentation, soft labels and
# filtering, and a hundredth of a full-resolution softmax.
ROUND_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("mask", IMAGE),
        ("classes", pa.list_(pa.int64())),  # those that the mask shows, without background
        ("area", pa.list_(pa.float32())),  # share of the image, one for each of classes
        ("confidence", pa.list_(pa.float32())),  # mean probability, one for each of classes
        ("mask_confidence", pa.float32()),  # mean probability over the labeled pixels
        ("confidence_map", IMAGE),
        ("tag_probability", pa.list_(pa.float32())),  # the tagger's, one for each tag
        ("scores", pa.list_(pa.binary())),  # seed rounds: one map for each tag, in tag order
        ("probabilities", pa.list_(pa.binary())),  # background, then one for each tag
        ("source", pa.string()),  # dcsm, cam, saliency, initial, enhanced, powerful
        ("model", pa.string()),  # SHA-256 of the weights, empty where no model took part
        ("kept", pa.bool_()),
        ("reason", pa.string()),  # why the filter left it out, empty when kept
        ("error", pa.string()),
    ]
)
