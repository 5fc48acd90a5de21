"""What a row is: identities, the class table, the mask codec and the Arrow schemas.

Facts about readers (which Arrow types Hugging Face recognises as pictures and class
names) decide the column types: pictures are ``struct<bytes: binary, path: string>``,
class lists are ``list<int64>``.
"""

from __future__ import annotations

import hashlib
import io
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image
from pydantic import BaseModel, ConfigDict, field_validator

from pipeline.errors import UserError

Row = dict[str, Any]

BACKGROUND = 0
IGNORE = 255
MAX_CLASSES = 254

VOC_CLASSES = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)


class ClassTable(BaseModel):
    """The classes of a run, in the order of their pixel values.

    Args:
        names: Foreground class names; ``names[i]`` has the pixel value ``i + 1``.
            Pixel value 0 is background, 255 is ignore.

    Raises:
        ValueError: If a name is empty or stands twice, or there are more than 254.
    """

    model_config = ConfigDict(frozen=True)

    names: tuple[str, ...]

    @field_validator("names")
    @classmethod
    def _check_names(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if not names or len(names) > MAX_CLASSES:
            raise ValueError(f"a class table holds 1 to {MAX_CLASSES} names, not {len(names)}")
        if len(set(names)) != len(names) or not all(names):
            raise ValueError("class names must be different and not empty")
        return names

    def __len__(self) -> int:
        """The number of foreground classes."""
        return len(self.names)

    def index(self, name: str) -> int:
        """The pixel value of a class name, 1 to ``len(self)``.

        Raises:
            UserError: If the name is not in the table; the sentence lists the names.
        """
        if name not in self.names:
            raise UserError(f"unknown class {name!r}: this run knows {', '.join(self.names)}")
        return self.names.index(name) + 1

    def name(self, index: int) -> str:
        """The name of a pixel value; 0 is ``background``, 255 is ``ignore``."""
        if index in (BACKGROUND, IGNORE):
            return "background" if index == BACKGROUND else "ignore"
        return self.names[index - 1]


@cache
def palette() -> bytes:
    """The 256-entry VOC palette as 768 bytes RGB (bit-interleaved class index)."""
    colours = np.zeros((256, 3), np.uint8)
    index = np.arange(256)
    for shift in range(7, -1, -1):
        for channel in range(3):
            colours[:, channel] |= (((index >> channel) & 1) << shift).astype(np.uint8)
        index >>= 3
    return colours.tobytes()


def image_id(data: bytes) -> str:
    """The identity of a picture: the SHA-256 of its bytes, 64 hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def shard_of(row_id: str, shards: int) -> int:
    """The shard of a row, ``id mod shards``, the same in every table of a run."""
    return int(row_id[:16], 16) % shards


def encode_mask(mask: np.ndarray) -> bytes:
    """A label map (H, W) uint8 as an 8-bit palette PNG whose pixel values are classes.

    Raises:
        ValueError: If the array is not two-dimensional uint8.
    """
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise ValueError(f"a mask is (H, W) uint8, not {mask.shape} {mask.dtype}")
    picture = Image.fromarray(mask, mode="P")
    picture.putpalette(palette())
    return _png(picture)


def decode_mask(data: bytes) -> np.ndarray:
    """The label map (H, W) uint8 of a palette or 8-bit grey PNG.

    Raises:
        ValueError: If the PNG holds colours or 16-bit values: its pixels are no classes.
    """
    with Image.open(io.BytesIO(data)) as picture:
        if picture.mode not in ("P", "L"):
            raise ValueError(f"a mask is a palette or grey PNG, not mode {picture.mode}")
        return np.array(picture, dtype=np.uint8)


def encode_map(values: np.ndarray) -> bytes:
    """A map (H, W) of floats in [0, 1] as an 8-bit grey PNG (steps of 1/255)."""
    return _png(Image.fromarray(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8), mode="L"))


def decode_map(data: bytes) -> np.ndarray:
    """The inverse of :func:`encode_map`: (H, W) float32 in [0, 1]."""
    with Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture, dtype=np.float32) / 255


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

# One ingested picture. A picture that could not be read keeps its row, with ``error``
# saying why and a null picture, so that nothing disappears without a trace.
IMAGES_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("image", PICTURE),  # decodes to RGB without further care; path is source-relative
        ("height", pa.int32()),
        ("width", pa.int32()),
        ("tags", pa.list_(pa.int64())),  # pixel values, sorted, 1 to len(classes)
        ("near_duplicate_of", pa.string()),  # id of the picture that stands for it
        ("error", pa.string()),
    ]
)

# One picture at one labelling round. Maps are 8-bit PNGs at 1/8 (confidence) and 1/4
# (scores, probabilities) of the picture's size: enough for augmentation, soft labels and
# filtering, and a hundredth of a full-resolution softmax.
ROUND_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("mask", PICTURE),
        ("classes", pa.list_(pa.int64())),  # those that the mask shows, without background
        ("area", pa.list_(pa.float32())),  # share of the picture, one for each of classes
        ("confidence", pa.list_(pa.float32())),  # mean probability, one for each of classes
        ("mask_confidence", pa.float32()),  # mean probability over the labelled pixels
        ("confidence_map", PICTURE),
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
