"""Pairs of masks and ground truth masks, from which every score is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tag2mask.pipeline.errors import UserError
from tag2mask.pipeline.evaluation.ground_truth import GroundTruthFolder
from tag2mask.pipeline.records import IGNORE, ClassTable, Row, decode_mask

__all__ = ["Comparison", "check_labels", "iter_pairs"]


@dataclass(frozen=True)
class Comparison:
    """One image's mask and ground truth, of one size.

    Attributes:
        path: Path of the image.
        ground_truth: (H, W) uint8: 0 to K, and 255 for pixels that do not count.
        prediction: (H, W) uint8: 0 to K, and 255 for pixels without a label.
        confidence: (h, w) uint8, highest probability in steps of 1/255 on a coarser grid;
            None where the mask has no such map.
        objects: Confidence of the object of each tag, by pixel value; None where it is unknown.
    """

    path: str
    ground_truth: np.ndarray
    prediction: np.ndarray
    confidence: np.ndarray | None = None
    objects: Mapping[int, float] | None = None


def iter_pairs(
    rows: Iterable[Row],
    ground_truth: GroundTruthFolder,
    classes: ClassTable,
    *,
    resize: bool = False,
) -> Iterator[Comparison]:
    """Pair masks with their ground truth one by one; skip images without ground truth.

    Args:
        rows: Rows with these entries:

            - ``path``: path of the image relative to its source,
            - ``mask``: the prediction as (H, W) uint8 or as PNG bytes. None means that labeling
              failed, and counts as a mask without any label,
            - ``confidence_map``: optional gray PNG as bytes,
            - ``objects``: optional confidence of the object of each tag, by pixel value.
        ground_truth: The ground truth masks.
        classes: The run's class table, with which ``ground_truth`` was opened.
        resize: Resize a prediction of another size to the ground truth's, by nearest neighbor.
            Off by default: different sizes nearly always mean a wrong pairing or a rotated
            image.

    Yields:
        One pair for each image that has a ground truth mask.

    Raises:
        UserError: If sizes differ without ``resize``, or a prediction is not a mask of these
            classes.
    """
    for row in rows:
        true = ground_truth.mask(row["path"])
        if true is None:
            continue
        confidence = row.get("confidence_map")
        try:
            prediction = _prediction(row["mask"], true.shape, resize)
            check_labels("prediction", prediction, len(classes))
            grid = decode_mask(confidence) if confidence else None
        except (OSError, ValueError) as error:
            raise UserError(f"the mask of {row['path']} cannot be scored: {error}") from error
        yield Comparison(row["path"], true, prediction, grid, row.get("objects"))


def check_labels(name: str, values: np.ndarray, classes: int) -> None:
    """Check that a label map holds only classes and 255.

    Args:
        name: Name of the map in the message.
        values: (H, W) uint8.
        classes: K, the number of foreground classes.

    Raises:
        ValueError: If the map holds another value.
    """
    stray = np.unique(values[(values > classes) & (values != IGNORE)])
    if stray.size:
        raise ValueError(
            f"the {name} holds {stray.tolist()}: allowed are 0 to {classes} and {IGNORE}"
        )


def _prediction(
    mask: np.ndarray | bytes | None, shape: tuple[int, int], resize: bool
) -> np.ndarray:
    if mask is None:
        return np.full(shape, IGNORE, np.uint8)
    mask = decode_mask(mask) if isinstance(mask, bytes) else mask
    if mask.shape == shape:
        return mask
    if not resize:
        raise ValueError(
            f"it is {mask.shape[1]}x{mask.shape[0]} and the ground truth is "
            f"{shape[1]}x{shape[0]}: fix the pairing, or resize with nearest neighbor"
        )
    resized = Image.fromarray(mask).resize((shape[1], shape[0]), Image.Resampling.NEAREST)
    return np.array(resized, dtype=np.uint8)
