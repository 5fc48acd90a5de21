"""Export of a published dataset to the file formats of other tools."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from tag2mask.flows.results import ExportResult
from tag2mask.pipeline.formats.export_dataset import Choice, export_dataset


def export(
    dataset: str | Path,
    *,
    out: str | Path,
    format: str,
    classes: Collection[str] | None = None,
    confidence: float = 0.0,
) -> ExportResult:
    """Writes a published dataset as files of another format.

    Args:
        dataset: The dataset, a local path or fsspec URI.
        out: A local folder that does not exist or is empty.
        format: ``voc``, ``coco``, ``coco-panoptic``, ``coco-stuff``, ``hf`` or ``yolo``.
        classes: Only images whose mask shows one of these classes; None takes all.
        confidence: Minimum mean confidence of a mask, in [0, 1].

    Raises:
        UserError: If the format or a class is unknown, no image meets the conditions, or the
            folder is not empty.

    Example:
        >>> exported = tag2mask.export("run/dataset", out="voc", format="voc")
        >>> exported.images
        24
    """
    choice = Choice(classes, confidence)
    written, lost = export_dataset(str(dataset), format, str(out), choice)
    return ExportResult(str(out), format, written, lost)
