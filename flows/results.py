"""Results of the flows: the paths and figures as fields, the printed summary as ``str``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tag2mask.pipeline.evaluation.assessment import Assessment
from tag2mask.pipeline.ingestion.counts import IngestCounts
from tag2mask.pipeline.report.ladder import LadderRow
from tag2mask.pipeline.report.scores import assessment_text

if TYPE_CHECKING:
    from tag2mask.pipeline.formats.export_dataset import Written


@dataclass(frozen=True)
class LabelResult:
    """A labeled source; ``str(result)`` is the summary that the command line prints.

    Attributes:
        out: URI of the run's folder.
        dataset: URI of the published dataset.
        version: Version of the dataset.
        fingerprint: Hash of the dataset's contents; equal inputs give equal fingerprints.
        published: Number of masks in the dataset.
        rejected: Number of masks that were not published, by reason.
        counts: Images of the source at the last training: kept, unreadable, duplicates, ….
        ladder: One row for each round; its mIoU is None without ground truth.
        models: URIs of the trained models by name, the last one is the final segmenter.
        contact_sheet: URI of the contact sheet, a PNG.
        summary: The text that the command line prints.
    """

    out: str
    dataset: str
    version: int
    fingerprint: str
    published: int
    rejected: Mapping[str, int]
    counts: IngestCounts
    ladder: tuple[LadderRow, ...]
    models: Mapping[str, str]
    contact_sheet: str
    summary: str

    def __str__(self) -> str:
        """The summary."""
        return self.summary


@dataclass(frozen=True)
class TrainResult:
    """A trained system; ``str(result)`` is the summary that the command line prints.

    Attributes:
        out: URI of the model's folder.
        system: Name of the system.
        images: Number of images that it was trained on.
        steps: Number of training steps.
        losses: Last losses by name.
        samples: URI of the sample grid, a PNG; None for a system that draws none.
        summary: The text that the command line prints.
    """

    out: str
    system: str
    images: int
    steps: int
    losses: Mapping[str, float]
    samples: str | None
    summary: str

    def __str__(self) -> str:
        """The summary."""
        return self.summary


@dataclass(frozen=True)
class ImagesResult:
    """Images made by a system; ``str(result)`` is the summary that the command line prints.

    Attributes:
        out: Folder of the PNGs.
        table: URI of the table of the same images.
        images: Number of images.
        failed: A sentence for each image that could not be made.
    """

    out: str
    table: str
    images: int
    failed: tuple[str, ...]

    def __str__(self) -> str:
        """The summary."""
        lines = [f"{self.images:,} images in {self.out}, their table in {self.table}"]
        lines += [f"not made: {sentence}" for sentence in self.failed]
        return "\n".join(lines)


class GenerateResult(ImagesResult):
    """Images that were generated, see :class:`ImagesResult`."""


class TransformResult(ImagesResult):
    """Images that were transformed, see :class:`ImagesResult`."""


@dataclass(frozen=True)
class EvaluateResult:
    """Scores of masks; ``str(result)`` is the text that the command line prints.

    Attributes:
        assessment: All scores: VOC protocol, boundaries, object sizes, calibration.
    """

    assessment: Assessment

    @property
    def mean_iou(self) -> float:
        """Mean IoU over background and classes (VOC protocol), in [0, 1]."""
        return self.assessment.scores.mean_iou

    def __str__(self) -> str:
        """The summary."""
        return assessment_text(self.assessment)


@dataclass(frozen=True)
class ExportResult:
    """An exported dataset; ``str(result)`` is the summary that the command line prints.

    Attributes:
        out: The folder.
        format: Name of the format.
        images: Number of images, each with its mask.
        lost: Sentences on what the format cannot hold and what was dropped, one a line.
        splits: Number of images of each split.
        objects: Number of objects; 0 in formats that know none.
        dropped: Number of components that were too small to be objects.
    """

    out: str
    format: str
    images: int
    lost: str
    splits: Mapping[str, int] = field(default_factory=dict)
    objects: int = 0
    dropped: int = 0

    def __str__(self) -> str:
        """The summary."""
        head = f"{self.images:,} images and masks in {self.out} ({self.format})"
        if len(self.splits) > 1:
            parts = (f"{name} {count:,}" for name, count in sorted(self.splits.items()))
            head += f": {', '.join(parts)}"
        lines = [head, f"{self.objects:,} objects"] if self.objects else [head]
        return "\n".join([*lines, self.lost])


def export_result(out: str, format_: str, written: Written) -> ExportResult:
    """The result of an export."""
    return ExportResult(
        out=out,
        format=format_,
        images=written.images,
        lost=written.lost,
        splits=written.splits,
        objects=written.objects,
        dropped=written.dropped,
    )
