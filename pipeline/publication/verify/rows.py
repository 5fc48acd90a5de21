"""Checks of one row: its image, its mask, and the columns that describe them."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tag2mask.pipeline.publication.quality import FLAGS
from tag2mask.pipeline.records import BACKGROUND, IGNORE, Row, palette
from tag2mask.pipeline.records.mask_rows import CONFIDENCE_STRIDE, reduced_size

_HEX = re.compile(r"[0-9a-f]{64}")
# Columns that hold a SHA-256, and the value of a row that has none.
_HASHES = {
    "id": ...,
    "mask_sha256": ...,
    "model": "",
    "previous_mask": None,
    "near_duplicate_of": None,
}
# Shares and probabilities are stored in single precision.
_TOLERANCE = 1e-5


def row_issues(row: Row, classes: int) -> list[str]:
    """Find all problems of a row.

    Args:
        row: A row with all columns of a dataset.
        classes: Number of foreground classes.

    Returns:
        One message for each problem.
    """
    issues = [*_tag_issues(row, classes), *_image_issues(row), *_provenance_issues(row)]
    try:
        mask = _mask(row)
    except (OSError, ValueError, TypeError) as error:
        return [*issues, f"the mask {error}"]
    return [*issues, *_mask_issues(row, mask), *_number_issues(row, mask), *_map_issues(row)]


def _tag_issues(row: Row, classes: int) -> Iterator[str]:
    tags = row["tags"] or []
    if not tags or tags != sorted(set(tags)) or not 1 <= tags[0] <= tags[-1] <= classes:
        yield f"the tags are {row['tags']}, not ascending values from 1 to {classes}"


def _image_issues(row: Row) -> Iterator[str]:
    try:
        image = _decoded(row["image"])
    except (OSError, ValueError, TypeError) as error:
        yield f"the image {error}"
        return
    if image.format not in ("JPEG", "PNG") or image.mode != "RGB":
        yield f"the image is {image.format} {image.mode}, not JPEG or PNG in RGB"
    if image.size != (row["width"], row["height"]):
        yield f"the image is {_size(image.size)}, not {row['width']}x{row['height']}"


def _mask(row: Row) -> np.ndarray:
    image = _decoded(row["mask"])
    if image.format != "PNG" or image.mode != "P":
        raise ValueError(f"is {image.format} {image.mode}, not a PNG with a palette")
    if image.size != (row["width"], row["height"]):
        raise ValueError(f"is {_size(image.size)}, not {row['width']}x{row['height']}")
    values = np.array(image, np.uint8)
    colors = bytes(image.getpalette("RGB") or [])
    if len(colors) <= 3 * int(values.max()) or not palette().startswith(colors):
        raise ValueError("does not have VOC's palette")
    return values


def _mask_issues(row: Row, mask: np.ndarray) -> Iterator[str]:
    shown = set(np.unique(mask).tolist()) - {BACKGROUND, IGNORE}
    stray = sorted(shown - set(row["tags"] or ()))
    if stray:
        yield f"the mask shows the classes {stray}, which the image's tags do not list"
    if row["classes"] != sorted(shown):
        yield f"classes are {row['classes']}, but the mask shows {sorted(shown)}"
    digest = hashlib.sha256(row["mask"]["bytes"]).hexdigest()
    if row["mask_sha256"] != digest:
        yield "mask_sha256 is not that of the mask"


def _number_issues(row: Row, mask: np.ndarray) -> Iterator[str]:
    classes = row["classes"] or []
    shares = [float((mask == value).mean()) for value in classes]
    if not _close(row["area"], shares):
        yield f"area is {row['area']}, but the mask's shares are {shares}"
    if not _close([row["ignored"]], [float((mask == IGNORE).mean())]):
        yield f"ignored is {row['ignored']}, but the mask's share is {(mask == IGNORE).mean()}"
    confidence = row["confidence"] or []
    if len(confidence) != len(classes) or not _probabilities(confidence):
        yield f"confidence is {row['confidence']}, not one probability for each of classes"
    found = row["tag_probability"]
    if found is not None and (len(found) != len(row["tags"] or ()) or not _probabilities(found)):
        yield f"tag_probability is {found}, not one probability for each of tags"
    if not _probabilities([row["mask_confidence"]]):
        yield f"mask_confidence is {row['mask_confidence']}, not a probability"
    if "class_confidence" in row:  # datasets of version 0.1 lack it
        yield from _confidence_issues(row)


def _confidence_issues(row: Row) -> Iterator[str]:
    found, tags = row["class_confidence"], row["tags"] or []
    if found is None or len(found) != len(tags) or not _probabilities(found):
        yield f"class_confidence is {found}, not one probability for each of tags"
        return
    for tag, value in zip(tags, found, strict=True):
        if value and tag not in (row["classes"] or ()):
            yield f"class_confidence of the tag {tag} is {value}, but the mask does not show it"
    if tags and not _close([row["object_confidence"]], [min(found)]):
        yield f"object_confidence is {row['object_confidence']}, not the least of class_confidence"


def _map_issues(row: Row) -> Iterator[str]:
    if row["confidence_map"] is None:  # masks drawn by people have none
        return
    try:
        image = _decoded(row["confidence_map"])
    except (OSError, ValueError, TypeError) as error:
        yield f"the confidence map {error}"
        return
    height, width = reduced_size(row["height"], row["width"], CONFIDENCE_STRIDE)
    if image.format != "PNG" or image.mode != "L" or image.size != (width, height):
        yield (
            f"the confidence map is {image.format} {image.mode} {_size(image.size)}, "
            f"not PNG L {width}x{height}"
        )


def _provenance_issues(row: Row) -> Iterator[str]:
    for name, absent in _HASHES.items():
        if row[name] != absent and not _HEX.fullmatch(row[name] or ""):
            yield f"{name} is {row[name]!r}, not a SHA-256"
    if not row["source"]:
        yield "the source is missing"
    if row["round"] is None or row["round"] < 0:
        yield f"round is {row['round']}, not a number of at least 0"
    lineage = [row[name] is None for name in ("previous_round", "previous_mask", "agreement")]
    if any(lineage) != all(lineage):
        yield "previous_round, previous_mask and agreement must be all present or all absent"
    elif not all(lineage) and not 0 <= row["previous_round"] < row["round"]:
        yield f"previous_round is {row['previous_round']}, not below the round {row['round']}"
    unknown = set(row["flags"] or ()) - set(FLAGS)
    if row["flags"] is None or unknown:
        yield f"unknown flags {sorted(unknown)}"


def _decoded(stored: Row | None) -> Image.Image:
    if not stored or not stored["bytes"]:
        raise ValueError("is missing")
    try:
        image = Image.open(io.BytesIO(stored["bytes"]))
        image.load()
    except Exception as error:  # Pillow raises SyntaxError, struct.error and others
        raise ValueError(f"cannot be decoded: {error}") from error
    return image


def _size(size: tuple[int, int]) -> str:
    return f"{size[0]}x{size[1]}"


def _close(stored: list[float | None] | None, true: list[float]) -> bool:
    return (
        stored is not None
        and len(stored) == len(true)
        and all(
            one is not None and abs(one - two) <= _TOLERANCE
            for one, two in zip(stored, true, strict=True)
        )
    )


def _probabilities(values: list[float | None]) -> bool:
    return all(value is not None and 0 <= value <= 1 + _TOLERANCE for value in values)
