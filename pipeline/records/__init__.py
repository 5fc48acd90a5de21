"""Rows of all tables: identities, class table, mask codec and Arrow schemas."""

from tag2mask.pipeline.records.class_table import (
    BACKGROUND,
    IGNORE,
    MAX_CLASSES,
    VOC_CLASSES,
    ClassTable,
)
from tag2mask.pipeline.records.codecs import (
    decode_map,
    decode_mask,
    encode_map,
    encode_mask,
    palette,
)
from tag2mask.pipeline.records.schemas import (
    IMAGE,
    IMAGES_SCHEMA,
    ROUND_SCHEMA,
    Row,
    image_id,
    shard_of,
)

__all__ = [
    "BACKGROUND",
    "IGNORE",
    "IMAGE",
    "IMAGES_SCHEMA",
    "MAX_CLASSES",
    "ROUND_SCHEMA",
    "VOC_CLASSES",
    "ClassTable",
    "Row",
    "decode_map",
    "decode_mask",
    "encode_map",
    "encode_mask",
    "image_id",
    "palette",
    "shard_of",
]
