"""Evaluation by the Pascal VOC protocol: one confusion matrix summed over all pictures.

K foreground classes, so that pixel values are 0 (background) to K; H rows, W columns. The
decisions that change the figures:

- Pixels whose truth is 255 (VOC's void borders) are left out.
- A prediction of 255 is a miss: it stays in the union of its true class, so ignoring the
  difficult pixels never raises a score. It is nobody's false positive, and the share of
  pixels that carry a label is reported beside the scores.
- The matrix is summed first and scores are taken once. The mean of per-picture IoUs is
  another, incomparable figure.
- A class that occurs neither in the truth nor in the predictions has no score (None) and
  does not enter the means; one that is predicted without ever being true scores 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

import fsspec
import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict

from pipeline.errors import UserError
from pipeline.records import IGNORE, VOC_CLASSES, ClassTable, Row, decode_mask

__all__ = ["Scores", "TruthFolder", "confusion", "evaluate_masks", "scores"]


def confusion(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """Count the pixels of one picture by true and predicted class.

    Args:
        truth: (H, W) uint8, 0 to ``classes``, or 255 for pixels that do not count.
        prediction: (H, W) uint8, 0 to ``classes``, or 255 for pixels without a label.
        classes: K, the number of foreground classes.

    Returns:
        (K + 1, K + 2) int64: truth by rows, prediction by columns; the last column counts
        pixels without a label. Matrices of several pictures are added.

    Raises:
        ValueError: If the shapes differ or a value is neither a class nor 255.
    """
    if truth.shape != prediction.shape:
        raise ValueError(f"truth is {truth.shape}, prediction is {prediction.shape}")
    for name, values in (("truth", truth), ("prediction", prediction)):
        stray = np.unique(values[(values > classes) & (values != IGNORE)])
        if stray.size:
            raise ValueError(f"the {name} holds {stray.tolist()}, beyond the {classes} classes")
    counted = truth != IGNORE
    rows = truth[counted].astype(np.int64)
    columns = np.where(prediction == IGNORE, classes + 1, prediction)[counted].astype(np.int64)
    counts = np.bincount(rows * (classes + 2) + columns, minlength=(classes + 1) * (classes + 2))
    return counts.reshape(classes + 1, classes + 2)


class Scores(BaseModel):
    """The scores of one set of predictions; every score lies in [0, 1].

    Args:
        names: The classes, background first; the per-class tuples have the same order.
        iou: Intersection over union; None for a class that occurs nowhere.
        precision: Share of the pixels predicted as a class that are right; None if none is.
        recall: Share of a class's true pixels that are found; None if there are none.
        mean_iou: Mean over the classes that occur in the truth or the predictions.
        mean_precision: Mean over the classes that are predicted.
        mean_recall: Mean over the classes that occur in the truth.
        pixel_accuracy: Share of the counted pixels that are right; without a label is wrong.
        labelled: Share of the counted pixels that carry a label.
        pixels: The counted pixels, those whose truth is not 255.
        pictures: The pictures that were compared, where the caller knows.
    """

    model_config = ConfigDict(frozen=True)

    names: tuple[str, ...]
    iou: tuple[float | None, ...]
    precision: tuple[float | None, ...]
    recall: tuple[float | None, ...]
    mean_iou: float
    mean_precision: float
    mean_recall: float
    pixel_accuracy: float
    labelled: float
    pixels: int
    pictures: int | None = None


def scores(matrix: np.ndarray, names: Iterable[str], pictures: int | None = None) -> Scores:
    """Take the scores of a summed confusion matrix.

    Args:
        matrix: (K + 1, K + 2) int64 as :func:`confusion` counts it.
        names: The K foreground class names in the order of their pixel values.
        pictures: How many pictures were added, for the report.

    Raises:
        ValueError: If the matrix does not fit the names or holds no pixel.
    """
    names = ("background", *names)
    if matrix.shape != (len(names), len(names) + 1):
        raise ValueError(f"{len(names) - 1} classes do not fit a matrix of {matrix.shape}")
    total = int(matrix.sum())
    if total == 0:
        raise ValueError("the confusion matrix is empty: no pixel was compared")
    right = np.diagonal(matrix)
    true = matrix.sum(axis=1)
    predicted = matrix[:, :-1].sum(axis=0)
    iou = _ratio(right, true + predicted - right)
    precision = _ratio(right, predicted)
    recall = _ratio(right, true)
    return Scores(
        names=names,
        iou=iou,
        precision=precision,
        recall=recall,
        mean_iou=_mean(iou),
        mean_precision=_mean(precision),
        mean_recall=_mean(recall),
        pixel_accuracy=int(right.sum()) / total,
        labelled=int(predicted.sum()) / total,
        pixels=total,
        pictures=pictures,
    )


class TruthFolder:
    """The true masks of a folder, found by the path or the stem of a picture.

    Masks are 8-bit palette or grey PNGs in ``SegmentationClass`` where the folder has one,
    else in the folder itself. Their class table is ``classes.txt`` in the folder (one name a
    line, in the order of the pixel values from 1; a line ``background`` is skipped), else
    that of VOC. Pixel values are translated by class name into the run's table.

    A true class that the run does not know becomes background: a run on some of the classes
    (``--classes``) has never heard of the others, and its only right answer there is that
    none of its own classes is present. Leaving such pixels out instead would forgive false
    positives exactly where they are likeliest.

    Args:
        directory: The folder, a local path or an fsspec URI.
        classes: The run's class table.

    Raises:
        UserError: If there is no mask, or the truth does not know a class of the run.
    """

    def __init__(self, directory: str, classes: ClassTable) -> None:
        """Indexes the masks by path and stem; their pixels are read one by one later."""
        self.directory = str(directory)
        self._files, root = fsspec.core.url_to_fs(self.directory)
        folder = f"{root}/SegmentationClass"
        folder = folder if self._files.isdir(folder) else root
        found = self._files.find(folder) if self._files.isdir(folder) else []
        self._by_path: dict[str, str] = {}
        self._by_stem: dict[str, list[str]] = {}
        for file in sorted(found):
            path = PurePosixPath(file)
            if path.suffix.lower() == ".png":
                key = path.relative_to(PurePosixPath(folder)).with_suffix("")
                self._by_path[str(key)] = file
                self._by_stem.setdefault(path.stem, []).append(file)
        if not self._by_path:
            raise UserError(
                f"no true masks in {self.directory}: --truth names a folder that holds PNG masks "
                "or a folder SegmentationClass with them"
            )
        self._translation = self._translate(self._read_names(f"{root}/classes.txt"), classes)

    def __len__(self) -> int:
        """The number of true masks."""
        return len(self._by_path)

    def mask(self, path: str) -> np.ndarray | None:
        """The true mask of a picture in the run's pixel values, or None if there is none.

        Args:
            path: The path of the picture, relative to its source, with any suffix.

        Returns:
            (H, W) uint8: 0 to K and 255.

        Raises:
            UserError: If several masks have the picture's stem and none has its path, or if
                the mask is not a label map of the truth's classes.
        """
        file = self._find(path)
        if file is None:
            return None
        try:
            mask = decode_mask(self._files.cat_file(file))
        except (OSError, ValueError) as error:
            raise UserError(f"the true mask {file} cannot be read: {error}") from error
        translated: np.ndarray = self._translation[mask]
        stray = np.unique(mask[(translated == IGNORE) & (mask != IGNORE)])
        if stray.size:
            raise UserError(
                f"the true mask {file} holds the pixel values {stray.tolist()}, which have no "
                f"class: list the classes in {self.directory}/classes.txt, one name a line"
            )
        return translated

    def _find(self, path: str) -> str | None:
        picture = PurePosixPath(path)
        same_path = self._by_path.get(str(picture.parent / picture.stem))
        if same_path:
            return same_path
        same_stem = self._by_stem.get(picture.stem, [])
        if len(same_stem) > 1:
            raise UserError(
                f"{len(same_stem)} true masks are named {picture.stem}.png in {self.directory}: "
                f"place the one of {path} at the same path below the folder"
            )
        return same_stem[0] if same_stem else None

    def _read_names(self, file: str) -> tuple[str, ...]:
        if not self._files.exists(file):
            return VOC_CLASSES
        lines = (line.strip() for line in self._files.cat_file(file).decode().splitlines())
        return tuple(line for line in lines if line and line != "background")

    def _translate(self, names: tuple[str, ...], classes: ClassTable) -> np.ndarray:
        unknown = [name for name in classes.names if name not in names]
        if unknown:
            raise UserError(
                f"the truth in {self.directory} does not know {', '.join(unknown)}: list its "
                "classes in a classes.txt there, one name a line, or label other classes"
            )
        table = np.full(256, IGNORE, np.uint8)
        for value, name in enumerate(("background", *names)):
            table[value] = classes.index(name) if name in classes.names else 0
        return table


def evaluate_masks(
    rows: Iterable[Row], truth: TruthFolder, classes: ClassTable, *, resize: bool = False
) -> Scores:
    """Score masks against the true masks of their pictures; pictures without one are skipped.

    Args:
        rows: Each with ``path``, the path of the picture relative to its source, and
            ``mask``, the prediction as (H, W) uint8 or as PNG bytes; None where labelling
            failed, which counts as a mask without any label.
        truth: Where the true masks are.
        classes: The run's class table, the one that ``truth`` was made with.
        resize: Whether a prediction of another size is resized to the truth's with nearest
            neighbour. Off by default: differing sizes nearly always mean that picture and
            truth were paired wrongly or that one of them was rotated.

    Raises:
        UserError: If sizes differ without ``resize``, a prediction is no mask of these
            classes, or no picture has a true mask.
    """
    matrix = np.zeros((len(classes) + 1, len(classes) + 2), np.int64)
    pictures = 0
    for row in rows:
        true = truth.mask(row["path"])
        if true is None:
            continue
        try:
            prediction = _prediction(row["mask"], true.shape, resize)
            matrix += confusion(true, prediction, len(classes))
        except (OSError, ValueError) as error:
            raise UserError(f"the mask of {row['path']} cannot be scored: {error}") from error
        pictures += 1
    if not matrix.any():
        raise UserError(f"no picture has a true mask in {truth.directory}: the names must agree")
    return scores(matrix, classes.names, pictures)


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
            f"it is {mask.shape[1]}x{mask.shape[0]} and the truth is {shape[1]}x{shape[0]}; "
            "mend the pairing or ask for nearest-neighbour resizing"
        )
    resized = Image.fromarray(mask).resize((shape[1], shape[0]), Image.Resampling.NEAREST)
    return np.array(resized, dtype=np.uint8)


def _ratio(part: np.ndarray, whole: np.ndarray) -> tuple[float | None, ...]:
    return tuple(int(p) / int(w) if w else None for p, w in zip(part, whole, strict=True))


def _mean(values: tuple[float | None, ...]) -> float:
    """The mean of the scores that exist; 0 where none does (nothing was predicted at all)."""
    present = [value for value in values if value is not None]
    return sum(present) / len(present) if present else 0.0
